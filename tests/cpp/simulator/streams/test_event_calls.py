# SPDX-License-Identifier: Apache-2.0
"""Records, queries and waits of events, of the classic kind and of the Ex kind."""

import ctypes
import threading
import time

import pytest

pytest_plugins = ["support.acl_fixtures"]

SYNC, PROGRESS, TIME_LINE = 1, 2, 8
ALL = SYNC | PROGRESS | TIME_LINE


@pytest.fixture
def streams(acl):
    made = [acl.new("aclrtCreateStream") for _ in range(2)]
    yield made
    acl.mgnsim_reset_faults()
    for stream in made:
        acl.ok("aclrtDestroyStream", stream)


@pytest.fixture
def classic(acl):
    made = acl.new("aclrtCreateEvent")
    yield made
    acl.ok("aclrtDestroyEvent", made)


@pytest.fixture
def ex(acl):
    made = acl.new("aclrtCreateEventExWithFlag", ALL)
    yield made
    acl.ok("aclrtDestroyEvent", made)


def states(acl, event):
    """What the two queries say: one has 0 for complete, the other 1."""
    return acl.get("aclrtQueryEvent", event), acl.get("aclrtQueryEventStatus", event)


def test_the_two_status_enums_are_each_others_inverse(acl, streams, classic):
    assert states(acl, classic) == (1, 0)
    acl.slow(0.05)
    acl.ok("aclrtRecordEvent", classic, streams[0])
    assert states(acl, classic) == (1, 0)
    acl.ok("aclrtSynchronizeEvent", classic)
    assert states(acl, classic) == (0, 1)


def test_an_ex_event_is_complete_before_its_first_record(acl, streams, ex):
    assert acl.get("aclrtQueryEventStatus", ex) == 1
    acl.ok("aclrtSynchronizeEvent", ex)
    acl.ok("aclrtStreamWaitEvent", streams[0], ex)
    acl.ok("aclrtSynchronizeStream", streams[0])
    acl.slow(0.05)
    acl.ok("aclrtRecordEvent", ex, streams[0])
    assert acl.get("aclrtQueryEventStatus", ex) == 0
    acl.ok("aclrtSynchronizeStream", streams[0])
    assert acl.get("aclrtQueryEventStatus", ex) == 1


def test_ex_events_do_not_work_in_the_old_queries(acl, ex):
    out = ctypes.byref(ctypes.c_int32())
    assert acl.aclrtQueryEvent(ex, out) == 207000
    assert acl.aclrtQueryEventWaitStatus(ex, out) == 207000
    assert acl.aclrtResetEvent(ex, None) == 207000


def test_the_status_needs_an_address_and_its_flag(acl, classic):
    out = ctypes.byref(ctypes.c_int32())
    for name in ("aclrtQueryEvent", "aclrtQueryEventStatus", "aclrtQueryEventWaitStatus"):
        assert getattr(acl, name)(classic, None) == 100000
    event = acl.new("aclrtCreateEventWithFlag", SYNC)
    assert acl.aclrtQueryEventStatus(event, out) == 107000
    acl.ok("aclrtDestroyEvent", event)
    event = acl.new("aclrtCreateEventWithFlag", TIME_LINE)
    assert acl.aclrtStreamWaitEvent(None, event) == 107000
    acl.ok("aclrtDestroyEvent", event)


@pytest.mark.usefixtures("simulated_time")
def test_a_record_takes_in_what_was_submitted_before(acl, streams, classic):
    memory = acl.new("aclrtMalloc", 64, 0)
    acl.slow(0.05)
    start = time.monotonic()
    acl.ok("aclrtMemsetAsync", memory, 64, 1, 64, streams[0])
    acl.ok("aclrtRecordEvent", classic, streams[0])
    acl.ok("aclrtMemsetAsync", memory, 64, 1, 64, streams[0])
    acl.ok("aclrtSynchronizeEvent", classic)
    assert 0.1 <= time.monotonic() - start < 0.15
    assert acl.get("aclrtStreamQuery", streams[0]) == 1
    acl.ok("aclrtSynchronizeStream", streams[0])
    acl.ok("aclrtFree", memory)


@pytest.mark.parametrize("kind", ["classic", "ex"])
def test_a_stream_waits_for_another(acl, streams, kind, request):
    event = request.getfixturevalue(kind)
    order = []

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    def note(value):
        order.append(value)

    acl.slow(0.03)
    acl.ok("aclrtLaunchHostFunc", streams[0], note, 1)
    acl.ok("aclrtRecordEvent", event, streams[0])
    acl.slow(0)
    acl.ok("aclrtStreamWaitEvent", streams[1], event)
    acl.ok("aclrtLaunchHostFunc", streams[1], note, 2)
    acl.ok("aclrtSynchronizeStream", streams[1])
    assert order == [1, 2]


def test_without_a_wait_streams_are_not_ordered(acl, streams):
    order = []

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    def note(value):
        order.append(value)

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    def slow_note(value):
        time.sleep(0.05)
        order.append(value)

    acl.ok("aclrtLaunchHostFunc", streams[0], slow_note, 1)
    acl.ok("aclrtLaunchHostFunc", streams[1], note, 2)
    acl.ok("aclrtSynchronizeDevice")
    assert order == [2, 1]


def test_a_classic_wait_before_any_record_is_for_the_next_one(acl, streams, classic):
    acl.ok("aclrtStreamWaitEvent", streams[1], classic)
    assert acl.aclrtSynchronizeStreamWithTimeout(streams[1], 30) == 507046
    assert acl.get("aclrtQueryEventWaitStatus", classic) == 1
    acl.ok("aclrtRecordEvent", classic, streams[0])
    acl.ok("aclrtSynchronizeStream", streams[1])
    assert acl.get("aclrtQueryEventWaitStatus", classic) == 0


@pytest.mark.usefixtures("simulated_time")
def test_a_wait_is_tied_to_the_record_before_it(acl, streams, ex):
    acl.ok("aclrtRecordEvent", ex, streams[0])
    acl.ok("aclrtStreamWaitEvent", streams[1], ex)
    acl.slow(0.2)
    acl.ok("aclrtRecordEvent", ex, streams[0])
    start = time.monotonic()
    acl.ok("aclrtSynchronizeStreamWithTimeout", streams[1], 150)
    assert time.monotonic() - start < 0.15
    acl.ok("aclrtSynchronizeStream", streams[0])


@pytest.mark.usefixtures("simulated_time")
def test_a_wait_gives_up_after_the_time_that_was_set(acl, streams, classic):
    acl.ok("aclrtSetOpWaitTimeout", 1)
    acl.ok("aclrtStreamWaitEvent", streams[1], classic)
    acl.ok("aclrtSetOpWaitTimeout", 0)
    start = time.monotonic()
    assert acl.aclrtSynchronizeStream(streams[1]) == 107019
    assert 0.9 <= time.monotonic() - start < 1.3
    acl.ok("aclrtRecordEvent", classic, streams[0])
    acl.ok("aclrtSynchronizeEvent", classic)


def test_a_sync_event_is_reset_before_it_is_recorded_again(acl, streams):
    event = acl.new("aclrtCreateEventWithFlag", SYNC)
    acl.ok("aclrtRecordEvent", event, streams[0])
    acl.ok("aclrtStreamWaitEvent", streams[1], event)
    assert acl.aclrtRecordEvent(event, streams[0]) == 107000
    assert acl.take_violations() == ["event recorded again without reset"]
    acl.ok("aclrtResetEvent", event, streams[1])
    acl.ok("aclrtRecordEvent", event, streams[0])
    acl.ok("aclrtSynchronizeDevice")
    acl.ok("aclrtDestroyEvent", event)


def test_a_plain_event_may_be_reset(acl, streams, classic):
    """As the vendor's documentation does: create, record, wait, reset, record again."""
    for _ in range(2):
        acl.ok("aclrtRecordEvent", classic, streams[0])
        acl.ok("aclrtStreamWaitEvent", streams[1], classic)
        acl.ok("aclrtResetEvent", classic, streams[1])
        acl.ok("aclrtSynchronizeDevice")
        assert acl.get("aclrtQueryEvent", classic) == 1
    assert acl.take_violations() == []


def test_an_event_that_nobody_can_wait_for_is_not_reset(acl, streams):
    event = acl.new("aclrtCreateEventWithFlag", TIME_LINE)
    assert acl.aclrtResetEvent(event, streams[0]) == 107000
    acl.ok("aclrtDestroyEvent", event)


def test_a_wait_that_the_stream_does_not_take_is_over(acl):
    context = acl.new("aclrtCreateContext", 0)
    stream, event = acl.new("aclrtCreateStream"), acl.new("aclrtCreateEvent")
    acl.ok("aclrtSetStreamFailureMode", stream, 1)
    acl.fail("aclrtRecordEvent", code=507015, when="sync")
    acl.ok("aclrtRecordEvent", event, stream)
    assert acl.aclrtSynchronizeStream(stream) == 507015
    assert acl.aclrtStreamWaitEvent(stream, event) == 507015
    assert acl.get("aclrtQueryEventWaitStatus", event) == 0
    acl.ok("aclrtDestroyEvent", event)
    acl.ok("aclrtDestroyStream", stream)
    acl.ok("aclrtDestroyContext", context)


@pytest.mark.usefixtures("simulated_time")
def test_waiting_has_a_time_limit(acl, streams, classic):
    acl.slow(0.2)
    acl.ok("aclrtRecordEvent", classic, streams[0])
    start = time.monotonic()
    assert acl.aclrtSynchronizeEventWithTimeout(classic, 30) == 507047
    assert 0.03 <= time.monotonic() - start < 0.1
    assert acl.aclrtSynchronizeEventWithTimeout(classic, -2) == 107000
    acl.ok("aclrtSynchronizeEventWithTimeout", classic, 1000)
    acl.ok("aclrtSynchronizeEventWithTimeout", classic, -1)


def test_a_host_waits_for_a_record_that_is_yet_to_come(acl, streams, classic):
    context = acl.new("aclrtGetCurrentContext")

    def record():
        acl.ok("aclrtSetCurrentContext", context)
        acl.ok("aclrtRecordEvent", classic, streams[0])

    timer = threading.Timer(0.05, record)
    start = time.monotonic()
    timer.start()
    acl.ok("aclrtSynchronizeEvent", classic)
    assert time.monotonic() - start >= 0.05
    timer.join()


def test_a_failure_before_the_event_is_told_by_its_wait_once(acl, streams, classic):
    memory = acl.new("aclrtMalloc", 64, 0)
    acl.fail("aclrtMemsetAsync", code=507015, when="sync")
    acl.ok("aclrtMemsetAsync", memory, 64, 1, 64, streams[0])
    acl.ok("aclrtRecordEvent", classic, streams[0])
    assert acl.aclrtSynchronizeEvent(classic) == 507015
    acl.ok("aclrtSynchronizeEvent", classic)
    acl.ok("aclrtSynchronizeStream", streams[0])
    acl.ok("aclrtFree", memory)


def test_a_failure_behind_the_event_is_not_its_own(acl, streams, classic):
    memory = acl.new("aclrtMalloc", 64, 0)
    acl.ok("aclrtRecordEvent", classic, streams[0])
    acl.fail("aclrtMemsetAsync", code=507015, when="sync")
    acl.ok("aclrtMemsetAsync", memory, 64, 1, 64, streams[0])
    assert acl.aclrtSynchronizeStreamWithTimeout(streams[0], 5000) == 507015
    acl.fail("aclrtMemsetAsync", code=507015, when="sync")
    acl.ok("aclrtMemsetAsync", memory, 64, 1, 64, streams[0])
    acl.ok("aclrtSynchronizeEvent", classic)
    assert acl.aclrtSynchronizeStream(streams[0]) == 507015
    acl.ok("aclrtFree", memory)


def elapsed(acl, first, second):
    return acl.aclrtEventElapsedTime(ctypes.byref(ctypes.c_float()), first, second)


@pytest.mark.usefixtures("simulated_time")
@pytest.mark.parametrize("acl", ["copy_in_bytes_per_s=1e5"], indirect=True)
def test_elapsed_time_is_the_models(acl, streams, classic):
    """1000 bytes at 1e5 a second, twice: 20 ms."""
    second = acl.new("aclrtCreateEvent")
    host, memory = acl.new("aclrtMallocHost", 1000), acl.new("aclrtMalloc", 1000, 0)
    acl.ok("aclrtRecordEvent", classic, streams[0])
    for _ in range(2):
        acl.copy_in(memory, host, 1000, streams[0])
    acl.ok("aclrtRecordEvent", second, streams[0])
    assert elapsed(acl, classic, second) == 107006
    acl.ok("aclrtSynchronizeStream", streams[0])
    milliseconds = ctypes.c_float()
    acl.ok("aclrtEventElapsedTime", ctypes.byref(milliseconds), classic, second)
    assert milliseconds.value == pytest.approx(20, abs=2)
    assert acl.aclrtEventElapsedTime(None, classic, second) == 100000
    acl.ok("aclrtDestroyEvent", second)
    acl.ok("aclrtFreeHost", host)
    acl.ok("aclrtFree", memory)


def test_elapsed_time_needs_two_records_of_one_stream(acl, streams, classic):
    second = acl.new("aclrtCreateEvent")
    blind = acl.new("aclrtCreateEventWithFlag", SYNC)
    acl.ok("aclrtRecordEvent", classic, streams[0])
    acl.ok("aclrtSynchronizeStream", streams[0])
    assert elapsed(acl, classic, second) == 507000
    assert elapsed(acl, classic, blind) == 107006
    acl.ok("aclrtRecordEvent", second, streams[1])
    acl.ok("aclrtSynchronizeStream", streams[1])
    assert elapsed(acl, classic, second) == 107000
    assert acl.take_violations() == ["time between two streams"]
    acl.ok("aclrtDestroyEvent", second)
    acl.ok("aclrtDestroyEvent", blind)
