# SPDX-License-Identifier: Apache-2.0
"""The exported ways to execute a model, and the handle with their timeouts."""

import ctypes
import threading
import time

import numpy as np
import pytest

from mgn_fast.simulator import TensorSpec, stand_in, write_om
from support.acl import SANITIZED
from support.acl_models import Batch, Machine, library

INVALID, STREAM_TIMEOUT = 100000, 507046
ROWS = np.random.default_rng(5).integers(0, 256, (1, 32), dtype=np.uint8)


@pytest.fixture
def path(tmp_path):
    return write_om(
        tmp_path / "m.om",
        batch_sizes=(1,),
        inputs=[TensorSpec("x", "uint8", (32,))],
        outputs=[TensorSpec("y", "float32", (8,))],
    )


def make(machine, path):
    return Batch(machine, path, [ROWS], outputs=[((1, 8), np.float32)])


def config_handle(machine, **timeouts):
    handle = machine.raw("aclmdlCreateExecConfigHandle")
    machine.later("aclmdlDestroyExecConfigHandle", handle)
    for attribute, milliseconds in timeouts.items():
        number = ["stream", "event"].index(attribute)
        value = ctypes.c_int32(milliseconds)
        machine.call("aclmdlSetExecConfigOpt", handle, number, ctypes.byref(value), 4)
    return handle


def check(batch):
    np.testing.assert_array_equal(batch.results()[0], stand_in([ROWS], widths=[8])[0])


def test_execute_waits_for_the_result(path):
    with Machine(timing="true") as machine:
        batch = make(machine, path)
        start = time.perf_counter()
        batch.machine.call("aclmdlExecute", batch.id, batch.input_set, batch.output_set)
        assert time.perf_counter() - start >= 1 / 640.829
        check(batch)


@pytest.mark.usefixtures("simulated_time")
def test_execute_async_does_not_wait(path):
    with Machine() as machine:
        batch, stream = make(machine, path), machine.stream()
        library().mgnsim_slow_stream(ctypes.c_double(0.2))
        start = time.perf_counter()
        assert batch.start(stream) == 0
        assert time.perf_counter() - start < 0.1
        machine.call("aclrtSynchronizeStream", stream)
        assert time.perf_counter() - start >= 0.2
        check(batch)


def test_the_null_stream_is_the_contexts_own(path):
    with Machine() as machine:
        batch = make(machine, path)
        assert batch.start(None) == 0
        machine.call("aclrtSynchronizeStream", None)
        check(batch)


def test_version_two_waits_on_the_callers_stream(path):
    with Machine() as machine:
        batch, stream = make(machine, path), machine.stream()
        handle = config_handle(machine, stream=-1, event=500)
        sets = batch.input_set, batch.output_set
        machine.call("aclmdlExecuteV2", batch.id, *sets, stream, handle)
        check(batch)
        machine.call("aclmdlExecute", batch.id, *sets)  # both count as synchronous
        assert machine.code("aclmdlExecuteV2", batch.id, *sets, stream, None) == INVALID


@pytest.mark.usefixtures("simulated_time")
def test_version_two_times_out_and_leaves_the_model_busy(path):
    with Machine(violations=["one model on two streams"]) as machine:
        batch, stream = make(machine, path), machine.stream()
        handle = config_handle(machine, stream=20)
        sets = batch.input_set, batch.output_set
        library().mgnsim_slow_stream(ctypes.c_double(0.3))
        code = machine.code("aclmdlExecuteV2", batch.id, *sets, stream, handle)
        assert code == STREAM_TIMEOUT
        assert machine.code("aclmdlExecute", batch.id, *sets) == 500002
        machine.call("aclrtSynchronizeStream", stream)
        check(batch)


def test_version_two_asynchronous(path):
    with Machine() as machine:
        batch, stream = make(machine, path), machine.stream()
        handle = config_handle(machine)
        sets = batch.input_set, batch.output_set
        machine.call("aclmdlExecuteAsyncV2", batch.id, *sets, stream, handle)
        machine.call("aclrtSynchronizeStream", stream)
        check(batch)
        assert machine.code("aclmdlExecuteAsyncV2", batch.id, *sets, stream, None) == INVALID


@pytest.mark.parametrize(
    ("attribute", "value", "code"),
    [
        (0, ctypes.c_int32(-1), 0),
        (1, ctypes.c_int32(1000), 0),
        (0, ctypes.c_int32(-2), INVALID),
        (0, ctypes.c_int64(5), INVALID),
        (2, ctypes.c_int32(5), INVALID),
        (0, None, INVALID),
    ],
)
def test_timeouts_are_checked(attribute, value, code):
    with Machine() as machine:
        handle = config_handle(machine)
        pointer = None if value is None else ctypes.byref(value)
        size = 4 if value is None else ctypes.sizeof(value)
        assert machine.code("aclmdlSetExecConfigOpt", handle, attribute, pointer, size) == code


def test_a_thread_without_context_is_refused(path):
    with Machine() as machine:
        batch, codes = make(machine, path), []
        sets = batch.input_set, batch.output_set
        thread = threading.Thread(
            target=lambda: codes.append(machine.code("aclmdlExecute", batch.id, *sets))
        )
        thread.start()
        thread.join()
        assert codes == [107002]


def test_a_stream_of_another_context_is_refused_and_the_model_stays_free(path):
    with Machine(violations=["wrong context"]) as machine:
        home = machine.out("aclrtGetCurrentContext", ctypes.c_void_p)
        batch, own = make(machine, path), machine.stream()
        away = machine.out_first("aclrtCreateContext", ctypes.c_void_p, 0)
        foreign = machine.out("aclrtCreateStream", ctypes.c_void_p)
        machine.call("aclrtSetCurrentContext", home)
        assert batch.start(foreign) == 107003
        assert batch.start(own) == 0
        machine.call("aclrtSynchronizeStream", own)
        machine.call("aclrtSetCurrentContext", away)
        machine.call("aclrtDestroyStream", foreign)
        machine.call("aclrtDestroyContext", away)
        machine.call("aclrtSetCurrentContext", home)


@pytest.mark.usefixtures("simulated_time")
def test_a_tiny_execution_costs_the_host_little(path):
    """Submit and completion together: a few microseconds each, 100 here for slow machines."""
    if SANITIZED:
        pytest.skip("sanitizers are not for measuring")
    with Machine() as machine:
        batch, stream = make(machine, path), machine.stream()
        function = library().aclmdlExecuteAsync
        arguments = [ctypes.c_uint64(x) for x in (batch.id, batch.input_set, batch.output_set)]
        wait, handle = library().aclrtSynchronizeStream, ctypes.c_void_p(stream)
        seconds = []
        for _ in range(20):
            start = time.perf_counter()
            for _ in range(50):
                function(*arguments, handle)
            wait(handle)
            seconds.append((time.perf_counter() - start) / 50)
    assert min(seconds) < 100e-6
