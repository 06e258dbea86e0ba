# SPDX-License-Identifier: Apache-2.0
"""The registered executor: called for models with an ONNX, and taken away only when it is done."""

import ctypes
import threading
import time

import numpy as np
import pytest

from mgn_fast.simulator import TensorSpec, stand_in, write_om
from mgn_fast.simulator.library import ExecutorFunction
from support.acl_models import Batch, Machine, library, with_description

ROWS = np.arange(64, dtype=np.uint8).reshape(4, 16)


@pytest.fixture
def path(tmp_path):
    """With gears 2 and 4 and an ONNX of four bytes."""
    made = write_om(
        tmp_path / "m.om",
        batch_sizes=(2, 4),
        inputs=[TensorSpec("x", "uint8", (16,))],
        outputs=[TensorSpec("y", "float16", (3,))],
    )
    content = with_description(
        made.read_bytes(), lambda p: p.replace(b"onnx_bytes 0", b"onnx_bytes 4") + b"ONNX"
    )
    made.write_bytes(content)
    return made


@pytest.fixture
def register():
    kept = []

    def use(function):
        callback = ExecutorFunction(function)
        kept.append(callback)
        library().mgnsim_set_executor(callback)

    yield use
    library().mgnsim_set_executor(None)


def make(machine, path, gear=2):
    batch = Batch(machine, path, [ROWS, np.zeros(1, np.int64)], outputs=[((4, 3), np.float16)])
    machine.write(batch.outputs[0], np.full((4, 3), 9, np.float16))
    machine.call("aclmdlSetDynamicBatchSize", batch.id, batch.input_set, 1, gear)
    return batch


def test_it_sees_tensors_of_the_gear_in_force_and_its_writing_is_the_output(path, register):
    seen = {}

    def run(file, onnx, size, inputs, num_inputs, outputs, num_outputs):
        seen["onnx"] = ctypes.string_at(onnx, size)
        seen["counts"] = num_inputs, num_outputs
        one = inputs[0]
        seen["input"] = one.name, one.data_type, list(one.dims[: one.num_dims]), one.bytes
        seen["rows"] = ctypes.string_at(one.data, one.bytes)
        other = outputs[0]
        seen["output"] = other.name, other.data_type, list(other.dims[:2]), other.bytes
        ctypes.memmove(other.data, np.arange(6, dtype=np.float16).tobytes(), other.bytes)
        return 0

    register(run)
    with Machine(compute="onnx") as machine:
        (got,) = make(machine, path).run()
    assert seen == {
        "onnx": b"ONNX",
        "counts": (1, 1),
        "input": (b"x", 4, [2, 16], 32),
        "rows": ROWS[:2].tobytes(),
        "output": (b"y", 1, [2, 3], 12),
    }
    assert got[:2].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert (got[2:] == 9).all()


def test_its_code_is_the_tasks(path, register):
    register(lambda *_: 507011)
    with Machine(compute="onnx") as machine:
        batch = make(machine, path)
        sets = batch.input_set, batch.output_set
        assert machine.code("aclmdlExecute", batch.id, *sets) == 507011


@pytest.mark.parametrize("why", ["deterministic", "none registered", "no onnx"])
def test_otherwise_the_stand_in_runs(tmp_path, path, register, why):
    if why != "none registered":
        register(lambda *_: 507011)
    if why == "no onnx":
        bare = with_description(
            path.read_bytes(), lambda p: p[:-4].replace(b"onnx_bytes 4", b"onnx_bytes 0")
        )
        path.write_bytes(bare)
    with Machine(compute="deterministic" if why == "deterministic" else "onnx") as machine:
        (got,) = make(machine, path, gear=4).run()
    expected = stand_in([ROWS], widths=[3], dtypes=[np.float16])[0]
    np.testing.assert_array_equal(got, expected)


def test_taking_it_away_waits_for_the_batch_inside(path, register):
    inside, events = threading.Event(), []

    def run(*_):
        inside.set()
        time.sleep(0.1)
        events.append("left")
        return 0

    register(run)
    with Machine(compute="onnx") as machine:
        batch, stream = make(machine, path), machine.stream()
        assert batch.start(stream) == 0
        assert inside.wait(5)
        library().mgnsim_set_executor(None)
        events.append("taken away")
        machine.call("aclrtSynchronizeStream", stream)
    assert events == ["left", "taken away"]
