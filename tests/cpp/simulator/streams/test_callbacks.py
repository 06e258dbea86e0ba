# SPDX-License-Identifier: Apache-2.0
"""Host callbacks: who runs them, where, when, and what waits for them."""

import ctypes
import threading
import time

import pytest

pytest_plugins = ["support.acl_fixtures"]

CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
NO_BLOCK, BLOCK = 0, 1


class Dispatcher:
    """The thread that programs of this interface have: it polls for reports until told to stop."""

    def __init__(self, acl):
        self.acl = acl
        self.context = acl.new("aclrtGetCurrentContext")
        self.stopping = False
        self.codes = []
        self.started = threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.thread.start()
        self.started.wait(10)

    def work(self):
        self.acl.ok("aclrtSetCurrentContext", self.context)
        self.id = threading.get_ident()
        self.started.set()
        while not self.stopping:
            self.codes.append(self.acl.aclrtProcessReport(20))

    def stop(self):
        self.stopping = True
        self.thread.join()


@pytest.fixture
def stream(acl):
    made = acl.new("aclrtCreateStream")
    yield made
    acl.mgnsim_reset_faults()
    acl.ok("aclrtDestroyStream", made)


@pytest.fixture
def dispatcher(acl, stream):
    made = Dispatcher(acl)
    acl.ok("aclrtSubscribeReport", made.id, stream)
    yield made
    acl.ok("aclrtSynchronizeStream", stream)
    made.stop()
    acl.ok("aclrtUnSubscribeReport", made.id, stream)


def test_a_callback_runs_in_the_subscribed_thread_with_its_data(acl, stream, dispatcher):
    seen = []

    @CALLBACK
    def note(data):
        seen.append((data, threading.get_ident()))

    for value in (1, 2, 3):
        acl.ok("aclrtLaunchCallback", note, value, BLOCK, stream)
    acl.ok("aclrtSynchronizeStream", stream)
    assert seen == [(value, dispatcher.id) for value in (1, 2, 3)]
    assert 0 in dispatcher.codes


@pytest.mark.parametrize(("block", "waits"), [(BLOCK, True), (NO_BLOCK, False)])
def test_later_tasks_wait_for_a_blocking_callback_only(acl, stream, dispatcher, block, waits):
    order = []
    begun, go_on = threading.Event(), threading.Event()

    @CALLBACK
    def slow(_):
        begun.set()
        go_on.wait(5)
        order.append("callback")

    @CALLBACK
    def note(_):
        order.append("task")

    acl.ok("aclrtLaunchCallback", slow, None, block, stream)
    acl.ok("aclrtLaunchHostFunc", stream, note, None)
    if waits:
        assert acl.aclrtSynchronizeStreamWithTimeout(stream, 30) == 507046
        assert order == []
        go_on.set()
        acl.ok("aclrtSynchronizeStream", stream)
        assert order == ["callback", "task"]
    else:
        acl.ok("aclrtSynchronizeStream", stream)
        assert order == ["task"]
        assert begun.wait(10)  # a dispatcher that is stopped takes no more callbacks
        go_on.set()
        dispatcher.stop()
        assert order == ["task", "callback"]


def test_a_callback_comes_after_the_tasks_before_it(acl, stream, dispatcher):
    memory, host = acl.new("aclrtMalloc", 64, 0), acl.new("aclrtMallocHost", 64)
    seen = []

    @CALLBACK
    def look(_):
        seen.append(ctypes.string_at(host, 1))

    acl.slow(0.01)
    acl.ok("aclrtMemsetAsync", memory, 64, 7, 64, stream)
    acl.copy_out(host, memory, 64, stream)
    acl.ok("aclrtLaunchCallback", look, None, BLOCK, stream)
    acl.ok("aclrtSynchronizeStream", stream)
    assert seen == [b"\7"]
    acl.ok("aclrtFree", memory)
    acl.ok("aclrtFreeHost", host)


def test_the_codes_of_subscribing(acl, stream, dispatcher):
    assert acl.aclrtSubscribeReport(dispatcher.id, stream) == 107011
    assert acl.aclrtSubscribeReport(4711, stream) == 107011
    assert acl.aclrtUnSubscribeReport(4711, stream) == 107012
    assert acl.aclrtUnSubscribeReport(dispatcher.id, None) == 107012


@pytest.mark.usefixtures("simulated_time")
def test_the_codes_of_processing(acl, stream):
    assert acl.aclrtProcessReport(0) == 100000
    assert acl.aclrtProcessReport(-2) == 100000
    assert acl.aclrtProcessReport(10) == 107012
    own = threading.get_ident()
    acl.ok("aclrtSubscribeReport", own, stream)
    start = time.monotonic()
    assert acl.aclrtProcessReport(30) == 507012
    assert 0.03 <= time.monotonic() - start < 0.1
    acl.ok("aclrtUnSubscribeReport", own, stream)


def test_the_codes_of_launching(acl, stream):
    note = CALLBACK(lambda _: None)
    assert acl.aclrtLaunchCallback(note, None, BLOCK, stream) == 107015
    acl.ok("aclrtSubscribeReport", 4711, stream)
    assert acl.aclrtLaunchCallback(None, None, BLOCK, stream) == 100000
    assert acl.aclrtLaunchCallback(note, None, 2, stream) == 100000
    assert acl.aclrtLaunchHostFunc(stream, None, None) == 100000
    acl.ok("aclrtUnSubscribeReport", 4711, stream)


def test_one_thread_serves_several_streams(acl, stream, dispatcher):
    other = acl.new("aclrtCreateStream")
    acl.ok("aclrtSubscribeReport", dispatcher.id, other)
    seen = []
    note = CALLBACK(seen.append)
    for each, value in ((stream, 1), (other, 2)):
        acl.ok("aclrtLaunchCallback", note, value, BLOCK, each)
    acl.ok("aclrtSynchronizeDevice")
    assert sorted(seen) == [1, 2]
    acl.ok("aclrtUnSubscribeReport", dispatcher.id, other)
    acl.ok("aclrtDestroyStream", other)


def test_a_thread_serves_one_device(raw_acl):
    raw_acl.open("device_count=2;timing=false")
    first = raw_acl.new("aclrtCreateStream")
    raw_acl.ok("aclrtSubscribeReport", 4711, first)
    raw_acl.ok("aclrtSetDevice", 1)
    second = raw_acl.new("aclrtCreateStream")
    assert raw_acl.aclrtSubscribeReport(4711, second) == 107012
    raw_acl.ok("aclrtDestroyStream", second)
    raw_acl.ok("aclrtResetDevice", 1)
    raw_acl.ok("aclrtSetDevice", 0)
    raw_acl.ok("aclrtUnSubscribeReport", 4711, first)
    raw_acl.ok("aclrtDestroyStream", first)
    raw_acl.ok("aclrtResetDevice", 0)
    raw_acl.close()


@pytest.mark.parametrize("acl", ["streams_per_device=1100"], indirect=True)
def test_threads_are_limited(acl):
    streams = [acl.new("aclrtCreateStream") for _ in range(1025)]
    for thread, stream in enumerate(streams[:1024]):
        acl.ok("aclrtSubscribeReport", thread + 1, stream)
    assert acl.aclrtSubscribeReport(5000, streams[1024]) == 207012
    for thread, stream in enumerate(streams[:1024]):
        acl.ok("aclrtUnSubscribeReport", thread + 1, stream)
    for stream in streams:
        acl.ok("aclrtDestroyStream", stream)


def test_unsubscribing_with_callbacks_pending_is_a_violation_and_the_stream_goes_on(acl, stream):
    acl.ok("aclrtSubscribeReport", 4711, stream)
    acl.ok("aclrtLaunchCallback", CALLBACK(lambda _: None), None, BLOCK, stream)
    time.sleep(0.02)
    assert acl.aclrtUnSubscribeReport(4711, stream) == 107000
    assert acl.take_violations() == ["unsubscribed with callbacks pending"]
    acl.ok("aclrtSynchronizeStreamWithTimeout", stream, 5000)


def test_a_dispatcher_may_copy_inside_a_callback(acl, stream, dispatcher):
    """As the vendor's own sample does."""
    memory = acl.new("aclrtMalloc", 64, 0)
    codes = []

    @CALLBACK
    def fetch(_):
        host = acl.new("aclrtMallocHost", 64)
        codes.append(acl.aclrtMemcpy(host, 64, memory, 64, 2))
        codes.append(acl.aclrtFreeHost(host))

    acl.ok("aclrtLaunchCallback", fetch, None, BLOCK, stream)
    acl.ok("aclrtSynchronizeStream", stream)
    assert codes == [0, 0]
    acl.ok("aclrtFree", memory)


def test_finalize_lets_waiting_streams_go(raw_acl):
    raw_acl.open()
    stream = raw_acl.new("aclrtCreateStream")
    raw_acl.ok("aclrtSubscribeReport", 4711, stream)
    note = CALLBACK(lambda _: None)
    raw_acl.ok("aclrtLaunchCallback", note, None, BLOCK, stream)
    start = time.monotonic()
    raw_acl.ok("aclFinalize")
    assert time.monotonic() - start < 2
    assert set(raw_acl.take_violations()) == {"finalized with work pending", "leak of stream"}
