# SPDX-License-Identifier: Apache-2.0
"""The stream's half: results in order, buffers read when the model runs, faults that come later."""

import ctypes
import time

import numpy as np
import pytest

from mgn_fast.simulator import TensorSpec, stand_in, write_om
from support.acl_models import Batch, Machine, library


@pytest.fixture
def path(tmp_path):
    return write_om(
        tmp_path / "m.om",
        batch_sizes=(2,),
        inputs=[TensorSpec("a", "float16", (33,)), TensorSpec("b", "uint8", (7,))],
        outputs=[TensorSpec("y", "float16", (64,)), TensorSpec("z", "float32", (5,))],
    )


def arrays(seed):
    random = np.random.default_rng(seed)
    return [
        random.standard_normal((2, 33)).astype(np.float16),
        random.integers(0, 256, (2, 7), dtype=np.uint8),
    ]


OUTPUTS = [((2, 64), np.float16), ((2, 5), np.float32)]


def expected(inputs):
    return stand_in(inputs, widths=[64, 5], dtypes=[np.float16, np.float32])


def assert_all_equal(got, wanted):
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_several_inputs_and_outputs(path):
    inputs = arrays(0)
    with Machine() as machine:
        assert_all_equal(Batch(machine, path, inputs, outputs=OUTPUTS).run(), expected(inputs))


def test_many_executions_queue_on_one_stream_with_buffers_of_their_own(path):
    with Machine() as machine:
        identity, stream = machine.load(path), machine.stream()
        cases = [arrays(seed) for seed in range(20)]
        batches = [Batch(machine, None, case, outputs=OUTPUTS, identity=identity) for case in cases]
        for batch in batches:
            assert batch.start(stream) == 0
        machine.call("aclrtSynchronizeStream", stream)
        for batch, case in zip(batches, cases, strict=True):
            assert_all_equal(batch.results(), expected(case))


def test_inputs_are_read_when_the_model_runs(path):
    """A copy queued before the execution counts, though it has not happened at submit."""
    with Machine() as machine:
        old, new = arrays(1), arrays(2)
        batch, stream = Batch(machine, path, old, outputs=OUTPUTS), machine.stream()
        pinned = machine.pinned(new[0].nbytes)
        ctypes.memmove(pinned, new[0].ctypes.data, new[0].nbytes)
        size = new[0].nbytes
        machine.call("aclrtMemcpyAsync", batch.inputs[0], size, pinned, size, 1, stream)
        assert batch.start(stream) == 0
        machine.call("aclrtSynchronizeStream", stream)
        assert_all_equal(batch.results(), expected([new[0], old[1]]))


def test_a_failure_on_demand_comes_at_the_next_synchronise(path):
    with Machine() as machine:
        batch, stream = Batch(machine, path, arrays(0), outputs=OUTPUTS), machine.stream()
        assert library().mgnsim_fail(b"aclmdlExecuteAsync", 2, 507015, b"sync") is None
        assert [batch.start(stream) for _ in range(3)] == [0, 0, 0]
        assert machine.code("aclrtSynchronizeStream", stream) == 507015
        machine.call("aclrtSynchronizeStream", stream)


def test_a_failure_on_demand_now_runs_nothing(path):
    with Machine() as machine:
        batch, stream = Batch(machine, path, arrays(0), outputs=OUTPUTS), machine.stream()
        machine.write(batch.outputs[1], np.full((2, 5), 7, np.float32))
        library().mgnsim_fail(b"aclmdlExecuteAsync", 1, 507899, b"now")
        assert batch.start(stream) == 507899
        machine.call("aclrtSynchronizeStream", stream)
        assert (batch.results()[1] == 7).all()
        assert batch.start(stream) == 0  # the model is not left occupied
        machine.call("aclrtSynchronizeStream", stream)


def test_a_lost_device_ends_what_is_queued(path):
    with Machine() as machine:
        batch, stream = Batch(machine, path, arrays(0), outputs=OUTPUTS), machine.stream()
        library().mgnsim_slow_stream(ctypes.c_double(5))
        assert batch.start(stream) == 0
        library().mgnsim_lose_device(0)
        assert machine.code("aclrtSynchronizeStream", stream) in (507010, 507899)


@pytest.mark.usefixtures("simulated_time")
def test_a_model_that_takes_longer_than_allowed_is_ended(tmp_path):
    """4096 images take 3 s of model time; the limit is in whole seconds."""
    path = write_om(
        tmp_path / "m.om",
        batch_sizes=(4096,),
        inputs=[TensorSpec("a", "uint8", (1,))],
        outputs=[TensorSpec("y", "float32", (1,))],
    )
    rows = np.zeros((4096, 1), np.uint8)
    with Machine(timing="true") as machine:
        batch = Batch(machine, path, [rows], outputs=[((4096, 1), np.float32)])
        stream = machine.stream()
        machine.call("aclrtSetOpExecuteTimeOut", 1)
        start = time.monotonic()
        assert batch.start(stream) == 0
        assert machine.code("aclrtSynchronizeStream", stream) == 507014
        assert 1 <= time.monotonic() - start < 1.5
        machine.call("aclrtSynchronizeStream", stream)
        assert np.isnan(batch.results()[0]).all()  # nothing was written


@pytest.mark.parametrize("run_mode", ["host", "device"])
def test_both_kinds_of_machine_compute_alike(path, run_mode):
    inputs = arrays(3)
    with Machine(run_mode=run_mode) as machine:
        assert_all_equal(Batch(machine, path, inputs, outputs=OUTPUTS).run(), expected(inputs))
