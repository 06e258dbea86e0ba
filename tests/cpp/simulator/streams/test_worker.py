# SPDX-License-Identifier: Apache-2.0
"""The threads of streams: order, errors, aborts, and that none is left behind."""

import ctypes
import threading
import time
from pathlib import Path

import pytest

from support.acl import ABORTS, SANITIZED, resident_bytes

pytest_plugins = ["support.acl_fixtures"]


def num_threads():
    return len(list(Path("/proc/self/task").iterdir()))


def num_files():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def stream(acl):
    handle = acl.new("aclrtCreateStream")
    yield handle
    acl.mgnsim_reset_faults()
    acl.ok("aclrtDestroyStream", handle)


@pytest.fixture
def memory(acl):
    handle = acl.new("aclrtMalloc", 4096, 0)
    yield handle
    acl.ok("aclrtFree", handle)


def fill(acl, memory, stream, value=1):
    return acl.aclrtMemsetAsync(memory, 4096, value, 4096, stream)


def test_streams_have_threads_only_once_they_have_tasks(acl, memory):
    before = num_threads()
    streams = [acl.new("aclrtCreateStream") for _ in range(5)]
    assert num_threads() == before
    for index, each in enumerate(streams):
        acl.ok("aclrtMemsetAsync", memory + 64 * index, 64, 1, 64, each)
    assert num_threads() == before + 5
    for each in streams:
        acl.ok("aclrtDestroyStream", each)
    assert num_threads() == before


@pytest.mark.usefixtures("simulated_time")
def test_ten_thousand_streams_and_events_leave_nothing(acl, memory):
    def cycle():
        stream = acl.new("aclrtCreateStream")
        event = acl.new("aclrtCreateEvent")
        host = acl.new("aclrtMallocHost", 4096)
        acl.copy_in(memory, host, 4096, stream)
        acl.ok("aclrtRecordEvent", event, stream)
        acl.ok("aclrtSynchronizeStream", stream)
        acl.ok("aclrtDestroyEvent", event)
        acl.ok("aclrtDestroyStream", stream)
        acl.ok("aclrtFreeHost", host)

    for _ in range(2000):
        cycle()
    threads, files, resident = num_threads(), num_files(), resident_bytes()
    for _ in range(8000):
        cycle()
    assert (num_threads(), num_files()) == (threads, files)
    assert resident_bytes() - resident < (256 << 20 if SANITIZED else 2 << 20)
    assert acl.ledger()["live"] == acl.ledger()["live"] | {"stream": 0, "event": 0}


def test_the_first_failure_is_told_once_and_later_tasks_still_run(acl, stream, memory):
    acl.fail("aclrtMemsetAsync", nth=1, code=507015, when="sync")
    acl.fail("aclrtMemsetAsync", nth=2, code=507014, when="sync")
    for value in (1, 2, 3):
        assert fill(acl, memory, stream, value) == 0
    assert acl.aclrtSynchronizeStream(stream) == 507015
    acl.ok("aclrtSynchronizeStream", stream)
    back = ctypes.create_string_buffer(1)
    acl.ok("aclrtMemcpy", back, 1, memory, 1, 2)
    assert back.raw == b"\3"


def test_a_context_that_stops_on_failure_takes_no_more(acl):
    context = acl.new("aclrtCreateContext", 0)
    stream = acl.new("aclrtCreateStream")
    other = acl.new("aclrtCreateStream")
    memory = acl.new("aclrtMalloc", 4096, 0)
    acl.ok("aclrtSetStreamFailureMode", stream, 1)
    acl.fail("aclrtMemsetAsync", code=507015, when="sync")
    acl.slow(0.02)
    assert fill(acl, memory, other) == 0
    assert fill(acl, memory, other, 9) == 0
    assert acl.aclrtSynchronizeStream(other) == 507015
    assert fill(acl, memory, other) == 507015
    assert acl.aclrtSynchronizeStream(other) == 507015
    back = ctypes.create_string_buffer(1)
    acl.ok("aclrtMemcpy", back, 1, memory, 1, 2)
    assert back.raw == b"\xff"
    assert fill(acl, memory, stream) == 0
    for each in (stream, other):
        acl.ok("aclrtDestroyStream", each)
    acl.ok("aclrtFree", memory)
    acl.ok("aclrtDestroyContext", context)


@pytest.mark.usefixtures("simulated_time")
def test_a_timeout_leaves_the_tasks_running(acl, stream, memory):
    acl.slow(0.2)
    assert fill(acl, memory, stream) == 0
    start = time.monotonic()
    assert acl.aclrtSynchronizeStreamWithTimeout(stream, 0) == 507046
    assert acl.aclrtSynchronizeStreamWithTimeout(stream, 50) == 507046
    assert 0.05 <= time.monotonic() - start < 0.15
    assert acl.get("aclrtStreamQuery", stream) == 1
    assert acl.aclrtSynchronizeDeviceWithTimeout(20) == 507046
    acl.ok("aclrtSynchronizeStreamWithTimeout", stream, 1000)
    acl.ok("aclrtSynchronizeStreamWithTimeout", stream, 0)
    acl.ok("aclrtSynchronizeDeviceWithTimeout", -1)


@pytest.mark.parametrize("acl", [ABORTS], indirect=True)
def test_an_abort_drops_what_is_queued_and_the_stream_goes_on(acl, stream, memory):
    context = acl.new("aclrtGetCurrentContext")
    acl.slow(20)
    for _ in range(5):
        assert fill(acl, memory, stream) == 0
    codes = []

    def wait():
        acl.ok("aclrtSetCurrentContext", context)
        codes.append(acl.aclrtSynchronizeStream(stream))

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.05)
    start = time.monotonic()
    acl.ok("aclrtStreamAbort", stream)
    thread.join()
    assert time.monotonic() - start < 2
    assert codes == [107023]
    acl.slow(0)
    acl.ok("aclrtSynchronizeStream", stream)
    assert fill(acl, memory, stream) == 0
    acl.ok("aclrtSynchronizeStream", stream)


def test_destroying_waits_and_forcing_does_not(acl, memory):
    acl.slow(0.1)
    stream = acl.new("aclrtCreateStream")
    start = time.monotonic()
    assert fill(acl, memory, stream) == 0
    acl.ok("aclrtDestroyStream", stream)
    assert time.monotonic() - start >= 0.1
    acl.slow(20)
    stream = acl.new("aclrtCreateStream")
    assert fill(acl, memory, stream) == 0
    assert fill(acl, memory, stream) == 0
    acl.ok("aclrtDestroyStreamForce", stream)
    assert time.monotonic() - start < 2


@pytest.mark.usefixtures("simulated_time")
def test_streams_run_side_by_side(acl, memory):
    streams = [acl.new("aclrtCreateStream") for _ in range(4)]
    acl.slow(0.1)
    start = time.monotonic()
    for index, each in enumerate(streams):
        acl.ok("aclrtMemsetAsync", memory + 64 * index, 64, 1, 64, each)
    acl.ok("aclrtSynchronizeDevice")
    assert time.monotonic() - start < 0.2
    for each in streams:
        acl.ok("aclrtDestroyStream", each)


@pytest.mark.usefixtures("simulated_time")
@pytest.mark.parametrize("acl", ["task_delay_s=0.02;seed=5;timing=false"], indirect=True)
def test_random_delays_make_tasks_late_but_keep_their_order(acl, stream):
    order = []

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    def note(value):
        order.append(value)

    start = time.monotonic()
    for value in range(1, 21):
        acl.ok("aclrtLaunchHostFunc", stream, note, value)
    assert order == []
    acl.ok("aclrtSynchronizeStream", stream)
    assert order == list(range(1, 21))
    assert 0.1 < time.monotonic() - start < 0.4


def test_many_threads_share_streams(acl, memory):
    context = acl.new("aclrtGetCurrentContext")
    streams = [acl.new("aclrtCreateStream") for _ in range(2)]
    codes = set()

    def work():
        acl.ok("aclrtSetCurrentContext", context)
        for index in range(300):
            side = index % 2
            each = streams[side]
            codes.add(acl.aclrtMemsetAsync(memory + 64 * side, 64, 1, 64, each))
            if index % 7 == 0:
                codes.add(acl.aclrtSynchronizeStream(each))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == {0}
    for each in streams:
        acl.ok("aclrtDestroyStream", each)


@pytest.mark.usefixtures("simulated_time")
def test_a_small_batch_costs_the_host_little(acl, stream, memory):
    """Three tasks and a wait: measured 12 microseconds in C; ctypes adds a few for each call."""
    if SANITIZED:
        pytest.skip("sanitizers are not for measuring")
    host = acl.new("aclrtMallocHost", 64)
    best = 1.0
    for _ in range(20):
        start = time.perf_counter()
        for _ in range(50):
            acl.copy_in(memory, host, 64, stream)
            fill(acl, memory, stream)
            acl.copy_out(host, memory, 64, stream)
            acl.ok("aclrtSynchronizeStream", stream)
        best = min(best, (time.perf_counter() - start) / 50)
    acl.ok("aclrtFreeHost", host)
    assert best < 100e-6
