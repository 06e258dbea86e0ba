# SPDX-License-Identifier: Apache-2.0
"""Dynamic batch: the gear lies in device memory and is read there when the model runs."""

import ctypes

import numpy as np
import pytest

from mgn_fast.simulator import TensorSpec, stand_in, write_om
from support.acl_models import Batch, IODims, Machine, library

INVALID, LENGTH, NO_GEAR = 100000, 145012, 145013
ANY = (1 << 64) - 1


class Batches(ctypes.Structure):
    _fields_ = (("count", ctypes.c_size_t), ("sizes", ctypes.c_uint64 * 128))


class Sizes(ctypes.Structure):
    _fields_ = (("count", ctypes.c_size_t), ("sizes", (ctypes.c_uint64 * 2) * 128))


def write(path, batch_sizes=(1, 4, 8), **changes):
    options = {
        "inputs": [TensorSpec("x", "uint8", (16,))],
        "outputs": [TensorSpec("y", "float32", (3,))],
    }
    return write_om(path, batch_sizes=batch_sizes, **(options | changes))


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "m.om")


class Geared(Batch):
    """Input x, the shape buffer and output y, at the size of the largest gear."""

    def __init__(self, machine, path, *, shape=np.zeros(1, np.int64), identity=None):  # noqa: B008
        self.rows = np.random.default_rng(0).integers(0, 256, (8, 16), dtype=np.uint8)
        outputs = [((8, 3), np.float32)]
        super().__init__(machine, path, [self.rows, shape], outputs=outputs, identity=identity)
        machine.write(self.outputs[0], np.full((8, 3), 9, np.float32))

    def set(self, gear, index=1):
        return self.machine.code("aclmdlSetDynamicBatchSize", self.id, self.input_set, index, gear)

    def expected(self, gear):
        (values,) = stand_in([self.rows[:gear]], widths=[3])
        return np.concatenate([values, np.full((8 - gear, 3), 9, np.float32)])


def test_the_gears_are_listed(tmp_path, path):
    with Machine() as machine:
        desc = machine.describe_file(path)
        batches = machine.out("aclmdlGetDynamicBatch", Batches, desc)
        assert list(batches.sizes[: batches.count]) == [1, 4, 8]
        fixed = machine.describe_file(write(tmp_path / "fixed.om", batch_sizes=(8,)))
        assert machine.out("aclmdlGetDynamicBatch", Batches, fixed).count == 0


@pytest.mark.parametrize("gear", [1, 4, 8])
def test_a_gear_runs_its_rows_and_leaves_the_others_alone(path, gear):
    with Machine() as machine:
        batch = Geared(machine, path)
        assert batch.set(gear) == 0
        (got,) = batch.run()
        np.testing.assert_array_equal(got, batch.expected(gear))


def test_the_gear_arrives_in_device_memory_and_in_current_dims(path):
    with Machine() as machine:
        batch = Geared(machine, path)
        desc = machine.describe(batch.id)
        assert batch.set(4) == 0
        assert machine.download(batch.inputs[1], 1, np.int64)[0] == 4
        assert machine.dims("aclmdlGetCurOutputDims", desc, 0).sizes() == [4, 3]
        assert machine.dims("aclmdlGetOutputDims", desc, 0).sizes() == [8, 3]


def test_what_lies_in_the_buffer_decides_when_the_model_runs(path):
    """A copy on the stream after the Set wins, as on a device: nothing was read at submit."""
    with Machine() as machine:
        batch, stream = Geared(machine, path), machine.stream()
        pinned = machine.pinned(8)
        ctypes.c_int64.from_address(pinned).value = 1
        assert batch.set(8) == 0
        machine.call("aclrtMemcpyAsync", batch.inputs[1], 8, pinned, 8, 1, stream)
        assert batch.start(stream) == 0
        machine.call("aclrtSynchronizeStream", stream)
        np.testing.assert_array_equal(batch.results()[0], batch.expected(1))


def test_a_buffer_of_four_bytes_holds_a_short_gear(path):
    with Machine() as machine:
        batch = Geared(machine, path, shape=np.zeros(1, np.int32))
        assert batch.set(4) == 0
        np.testing.assert_array_equal(batch.run()[0], batch.expected(4))


def test_never_setting_a_gear_is_a_violation(path):
    with Machine(violations=["no gear in the shape buffer"]) as machine:
        batch = Geared(machine, path)
        code = machine.code("aclmdlExecute", batch.id, batch.input_set, batch.output_set)
        assert code == 507011
        assert "found 0" in machine.message()


def test_a_small_gear_needs_a_small_input_only(path):
    with Machine(violations=["input smaller than the gear needs"]) as machine:
        batch = Geared(machine, path)
        short = machine.upload(batch.rows)
        batch.input_set = machine.dataset((short, 16), (batch.inputs[1], 8))
        assert batch.set(1) == 0
        np.testing.assert_array_equal(batch.run()[0][:1], batch.expected(1)[:1])
        assert batch.set(8) == 0
        code = machine.code("aclmdlExecute", batch.id, batch.input_set, batch.output_set)
        assert code == 507011


@pytest.mark.usefixtures("simulated_time")
@pytest.mark.parametrize("same_buffer", [True, False])
def test_setting_a_gear_in_flight(path, same_buffer):
    """With the same shape buffer a violation; with one of its own it is how lanes work."""
    rules = ["gear set while in flight"] if same_buffer else []
    with Machine(violations=rules) as machine:
        first, stream = Geared(machine, path), machine.stream()
        second = first if same_buffer else Geared(machine, path, identity=first.id)
        library().mgnsim_slow_stream(ctypes.c_double(0.1))
        assert first.set(4) == 0
        assert first.start(stream) == 0
        assert second.set(8) == (500002 if same_buffer else 0)
        machine.call("aclrtSynchronizeStream", stream)
        np.testing.assert_array_equal(first.results()[0], first.expected(4))
        assert second.set(8) == 0


def test_set_refuses_what_the_real_one_refuses(tmp_path, path):
    with Machine() as machine:
        batch = Geared(machine, path)
        assert batch.set(0) == INVALID
        assert batch.set(3) == NO_GEAR
        assert "one of 1 4 8" in machine.message()
        assert batch.set(16) == NO_GEAR
        assert batch.set(4, index=2) == INVALID
        assert machine.code("aclmdlSetDynamicBatchSize", batch.id, None, 1, 4) == INVALID
        assert machine.code("aclmdlSetDynamicBatchSize", 999, batch.input_set, 1, 4) == 145003
        empty = machine.dataset((batch.inputs[0], 128), (None, 0))
        short = machine.dataset((batch.inputs[0], 128), (batch.inputs[1], 3))
        assert machine.code("aclmdlSetDynamicBatchSize", batch.id, empty, 1, 4) == INVALID
        assert machine.code("aclmdlSetDynamicBatchSize", batch.id, short, 1, 4) == LENGTH
        fixed = machine.load(write(tmp_path / "fixed.om", batch_sizes=(8,)))
        assert machine.code("aclmdlSetDynamicBatchSize", fixed, batch.input_set, 1, 8) == NO_GEAR
        assert "fixed batch" in machine.message()


@pytest.mark.parametrize("kind", ["host", "unaligned", "other input"])
def test_set_checks_where_it_writes(path, kind):
    rule = {
        "host": "data buffer that is not device memory",
        "unaligned": "unaligned device address",
        "other input": "gear written to another input",
    }[kind]
    with Machine(violations=[rule]) as machine:
        batch = Geared(machine, path)
        host = np.zeros(1, np.int64)
        entry = (host.ctypes.data if kind == "host" else machine.malloc(64) + 4, 8)
        if kind != "other input":
            batch.input_set = machine.dataset((batch.inputs[0], 128), entry)
        assert batch.set(4, index=0 if kind == "other input" else 1) != 0


def test_image_sizes_and_dimensions_answer_as_for_a_model_without(path):
    with Machine() as machine:
        batch = Geared(machine, path)
        desc = machine.describe(batch.id)
        assert machine.out("aclmdlGetDynamicHW", Sizes, desc, ANY).count == 0
        assert machine.out("aclmdlGetInputDynamicGearCount", ctypes.c_size_t, desc, ANY) == 0
        count, dims = ctypes.c_size_t(), IODims()
        name = "aclmdlGetInputDynamicGearCount"
        assert machine.code(name, desc, 0, ctypes.byref(count)) == INVALID
        machine.call("aclmdlGetInputDynamicDims", desc, ANY, ctypes.byref(dims), 0)
        assert machine.code("aclmdlGetInputDynamicDims", desc, 0, ctypes.byref(dims), 0) == INVALID

        def set_size(*arguments):
            return machine.code("aclmdlSetDynamicHWSize", batch.id, batch.input_set, *arguments)

        assert set_size(1, 0, 5) == INVALID
        assert set_size(1, 5, 5) == NO_GEAR
        short = machine.dataset((batch.inputs[0], 128), (batch.inputs[1], 7))
        assert machine.code("aclmdlSetDynamicHWSize", batch.id, short, 1, 5, 5) == LENGTH
        setter = "aclmdlSetInputDynamicDims"
        assert machine.code(setter, batch.id, batch.input_set, 1, ctypes.byref(dims)) == NO_GEAR
        assert machine.code(setter, batch.id, batch.input_set, 1, None) == INVALID
        assert machine.code("aclmdlGetDynamicBatch", desc, None) == INVALID
        assert machine.code("aclmdlGetDynamicBatch", None, ctypes.byref(Batches())) == INVALID
