# SPDX-License-Identifier: Apache-2.0
"""NumPy's version of the stand-in, against plain integers; its agreement with the library is in
tests/test_stand_in.py."""

import numpy as np
import pytest

from mgn_fast import InvalidInputError
from mgn_fast.simulator import stand_in

BITS = (1 << 64) - 1


def slow(arrays, row, output, element):
    """The formula, one integer at a time."""
    total = 0
    for index, array in enumerate(arrays):
        data = array[row].tobytes()
        data += b"\0" * (-len(data) % 8)
        for k in range(len(data) // 8):
            word = int.from_bytes(data[8 * k : 8 * k + 8], "little")
            total += (2 * k + 1 + (index << 32)) * word
    state = total + output * 0x9E3779B97F4A7C15 + (element + 1) * 0xD1B54A32D192ED03
    state = (state + 0x9E3779B97F4A7C15) & BITS
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & BITS
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & BITS
    return state ^ (state >> 31)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_documented_formula(seed):
    random = np.random.default_rng(seed)
    arrays = [
        random.integers(0, 256, (3, 5, 7), dtype=np.uint8),
        random.standard_normal((3, 11)).astype(np.float32),
    ]
    dtypes = [np.float32, np.float16, np.int32, np.bool_]
    results = stand_in(arrays, widths=[4, 3, 2, 9], dtypes=dtypes)
    for output, result in enumerate(results):
        assert result.dtype == dtypes[output]
        for (row, element), value in np.ndenumerate(result):
            mixed = slow(arrays, row, output, element)
            if result.dtype.kind == "f":
                assert value == (mixed >> 53) / 1024 - 1
            else:
                assert value == mixed >> (63 if result.dtype == np.bool_ else 57)


def test_values_fill_their_range():
    (values,) = stand_in([np.arange(64).reshape(64, 1)])
    assert values.shape == (64, 2048)
    assert -1 <= values.min() < -0.99
    assert 0.99 < values.max() < 1


def test_no_rows_give_no_rows():
    (values,) = stand_in([np.zeros((0, 5), np.float32)], widths=[3])
    assert values.shape == (0, 3)


@pytest.mark.parametrize(
    ("inputs", "options"),
    [
        ([], {}),
        ([np.zeros((1, 2)), np.zeros((2, 2))], {}),
        ([np.zeros((1, 2))], {"widths": [1, 2]}),
    ],
)
def test_refusals(inputs, options):
    with pytest.raises(InvalidInputError, match=r"expected equal rows and one dtype per width"):
        stand_in(inputs, **options)
