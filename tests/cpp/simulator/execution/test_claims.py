# SPDX-License-Identifier: Apache-2.0
"""Executions that run at the same time may share what they read, not what one of them writes."""

import ctypes
import time

import numpy as np
import pytest

from mgn_fast.simulator import TensorSpec, write_om
from support.acl_models import Batch, Machine

RULE = "memory shared by executions in flight"
ROWS = np.zeros((64, 16), np.uint8)

pytestmark = pytest.mark.usefixtures("simulated_time")


@pytest.fixture
def path(tmp_path):
    """A batch of 64, so that one execution takes 47 ms of model time."""
    return write_om(
        tmp_path / "m.om",
        batch_sizes=(64,),
        inputs=[TensorSpec("x", "uint8", (16,))],
        outputs=[TensorSpec("y", "float32", (4,))],
        work_bytes=512,
    )


class Pair:
    """Two instances, each on a stream of its own."""

    def __init__(self, machine, path, works=(None, None)):
        self.machine = machine
        self.batches = []
        for work in works:
            identity = ctypes.c_uint32()
            arguments = (work, 512, None, 0)
            machine.call("aclmdlLoadFromFileWithMem", path, ctypes.byref(identity), *arguments)
            machine.later("aclmdlUnload", identity.value)
            self.batches.append(
                Batch(
                    machine,
                    None,
                    [ROWS],
                    outputs=[((64, 4), np.float32)],
                    identity=identity.value,
                )
            )
        self.streams = [machine.stream() for _ in works]

    def share(self, inputs=None, outputs=None):
        second = self.batches[1]
        second.input_set = second.input_set if inputs is None else self.machine.dataset(inputs)
        second.output_set = second.output_set if outputs is None else self.machine.dataset(outputs)

    def run_at_once(self):
        """The codes of both streams; the second starts while the first one runs."""
        assert self.batches[0].start(self.streams[0]) == 0
        time.sleep(0.01)
        assert self.batches[1].start(self.streams[1]) == 0
        return [self.machine.code("aclrtSynchronizeStream", stream) for stream in self.streams]


def test_memory_of_their_own(path):
    with Machine(timing="true") as machine:
        pair = Pair(machine, path, works=[machine.malloc(512), machine.malloc(512)])
        assert pair.run_at_once() == [0, 0]


def test_a_shared_input_is_fine(path):
    with Machine(timing="true") as machine:
        pair = Pair(machine, path)
        pair.share(inputs=(pair.batches[0].inputs[0], 1024))
        assert pair.run_at_once() == [0, 0]


def test_a_shared_output_is_a_violation(path):
    with Machine(timing="true", violations=[RULE]) as machine:
        pair = Pair(machine, path)
        pair.share(outputs=(pair.batches[0].outputs[0], 1024))
        assert pair.run_at_once() == [0, 507011]


def test_an_input_that_another_writes_is_a_violation(path):
    with Machine(timing="true", violations=[RULE]) as machine:
        pair = Pair(machine, path)
        pair.share(inputs=(pair.batches[0].outputs[0], 1024))
        assert pair.run_at_once() == [0, 507011]


def test_neighbouring_parts_of_one_allocation_are_fine(path):
    with Machine(timing="true") as machine:
        pair = Pair(machine, path)
        both = machine.malloc(2048)
        pair.batches[0].output_set = machine.dataset((both, 1024))
        pair.share(outputs=(both + 1024, 1024))
        assert pair.run_at_once() == [0, 0]


def test_overlapping_parts_of_one_allocation_are_a_violation(path):
    with Machine(timing="true", violations=[RULE]) as machine:
        pair = Pair(machine, path)
        both = machine.malloc(2048)
        pair.batches[0].output_set = machine.dataset((both, 1024))
        pair.share(outputs=(both + 960, 1024))
        assert pair.run_at_once() == [0, 507011]


def test_shared_work_memory_is_a_violation_only_at_once(path):
    with Machine(timing="true", violations=[RULE]) as machine:
        work = machine.malloc(512)
        pair = Pair(machine, path, works=[work, work])
        for batch, stream in zip(pair.batches, pair.streams, strict=True):
            assert batch.start(stream) == 0
            assert machine.code("aclrtSynchronizeStream", stream) == 0
        assert machine.rules() == {}
        assert pair.run_at_once() == [0, 507011]


def test_streams_that_an_event_orders_may_share_everything(path):
    with Machine(timing="true") as machine:
        pair = Pair(machine, path)
        pair.share(outputs=(pair.batches[0].outputs[0], 1024))
        event = machine.out("aclrtCreateEvent", ctypes.c_void_p)
        machine.later("aclrtDestroyEvent", event)
        assert pair.batches[0].start(pair.streams[0]) == 0
        machine.call("aclrtRecordEvent", event, pair.streams[0])
        machine.call("aclrtStreamWaitEvent", pair.streams[1], event)
        assert pair.batches[1].start(pair.streams[1]) == 0
        assert machine.code("aclrtSynchronizeStream", pair.streams[1]) == 0
