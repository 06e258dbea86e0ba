# SPDX-License-Identifier: Apache-2.0
"""The library's deterministic function against NumPy's, and one case worked by hand."""

import time

import numpy as np
import pytest

from mgn_fast.simulator import TensorSpec, stand_in, write_om
from support.acl_models import Batch, Machine, is_instrumented

U64 = (1 << 64) - 1


def splitmix(state):
    state = (state + 0x9E3779B97F4A7C15) & U64
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & U64
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & U64
    return state ^ (state >> 31)


def run(tmp_path, arrays, outputs):
    """`outputs`: (width, dtype) each."""
    inputs = [TensorSpec(f"in{i}", str(a.dtype), tuple(a.shape[1:])) for i, a in enumerate(arrays)]
    specs = [TensorSpec(f"out{i}", str(np.dtype(d)), (w,)) for i, (w, d) in enumerate(outputs)]
    rows = len(arrays[0])
    path = write_om(tmp_path / "m.om", batch_sizes=(rows,), inputs=inputs, outputs=specs)
    with Machine() as machine:
        shapes = [((rows, width), dtype) for width, dtype in outputs]
        return Batch(machine, path, arrays, outputs=shapes).run()


def test_worked_by_hand(tmp_path):
    # One row of two inputs: nine bytes (words 0x0807060504030201 and 9) and one word of 7.
    first = np.arange(1, 10, dtype=np.uint8).reshape(1, 9)
    second = np.array([[7]], np.uint64)
    total = 1 * 0x0807060504030201 + 3 * 9 + (1 + (1 << 32)) * 7
    expected = []
    for output, width in enumerate((2, 3)):
        steps = [output * 0x9E3779B97F4A7C15 + (j + 1) * 0xD1B54A32D192ED03 for j in range(width)]
        expected.append([splitmix((total + step) & U64) for step in steps])
    floats, integers = run(tmp_path, [first, second], [(2, np.float32), (3, np.int32)])
    assert floats.tolist() == [[(u >> 53) / 1024 - 1 for u in expected[0]]]
    assert integers.tolist() == [[u >> 57 for u in expected[1]]]


DTYPES = [
    np.float32,
    np.float16,
    np.float64,
    np.int8,
    np.uint8,
    np.int16,
    np.uint16,
    np.int32,
    np.uint32,
    np.int64,
    np.uint64,
    np.bool_,
]


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: np.dtype(dtype).name)
def test_every_output_type_agrees_with_numpy(tmp_path, dtype):
    picture = np.random.default_rng(0).integers(0, 256, (5, 11), dtype=np.uint8)
    (got,) = run(tmp_path, [picture], [(129, dtype)])
    (expected,) = stand_in([picture], widths=[129], dtypes=[dtype])
    np.testing.assert_array_equal(got, expected)
    assert got.dtype == expected.dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint8], ids=lambda d: d.__name__)
@pytest.mark.parametrize("columns", [1, 7, 8, 31, 32, 33, 1000])
@pytest.mark.parametrize("seed", [0])
def test_every_input_length_agrees_with_numpy(tmp_path, dtype, columns, seed):
    random = np.random.default_rng(seed)
    arrays = [
        np.abs(random.standard_normal((3, columns)) * 50).astype(dtype)
        if dtype is np.uint8  # whose cast of what is below 0 differs from CPU to CPU
        else (random.standard_normal((3, columns)) * 50).astype(dtype),
        random.integers(0, 256, (3, 13), dtype=np.uint8),
    ]
    got = run(tmp_path, arrays, [(64, np.float32), (5, np.float16)])
    expected = stand_in(arrays, widths=[64, 5], dtypes=[np.float32, np.float16])
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_row_does_not_depend_on_its_place(tmp_path):
    row = np.random.default_rng(1).integers(0, 256, (1, 100), dtype=np.uint8)
    (got,) = run(tmp_path, [np.concatenate([row, row + 1, row])], [(9, np.float32)])
    np.testing.assert_array_equal(got[0], got[2])
    assert (got[0] != got[1]).any()


@pytest.mark.parametrize("bit", [0, 8 * 57 + 3, 8 * 99 + 7])
def test_every_bit_counts(tmp_path, bit):
    rows = np.zeros((2, 100), np.uint8)
    rows[1, bit // 8] = 1 << bit % 8
    (got,) = run(tmp_path, [rows], [(64, np.float16)])
    assert (got[0] != got[1]).mean() > 0.9


@pytest.mark.usefixtures("simulated_time")
@pytest.mark.skipif(is_instrumented(), reason="a sanitizer slows copies and sums down")
def test_it_keeps_up_with_memory(tmp_path):
    """At least 4 GB/s where nothing else runs; a quarter of that here, where something may."""
    size = 1 << 26
    path = write_om(
        tmp_path / "m.om",
        batch_sizes=(1,),
        inputs=[TensorSpec("x", "uint8", (size,))],
        outputs=[TensorSpec("y", "float32", (1,))],
    )
    with Machine() as machine:
        zeros = np.zeros((1, size), np.uint8)
        batch = Batch(machine, path, [zeros], outputs=[((1, 1), np.float32)])
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            batch.run()
            seconds.append(time.perf_counter() - start)
    assert size / min(seconds) >= 1e9
