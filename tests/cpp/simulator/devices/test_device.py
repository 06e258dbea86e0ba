# SPDX-License-Identifier: Apache-2.0
"""Devices: engines in model time, a lost device, jitter."""

import ctypes
import threading
import time

import pytest

from support.acl import TO_DEVICE

pytest_plugins = ["support.acl_fixtures"]

SIZE = 1000
MILLISECOND = "copy_in_bytes_per_s=1e6;copy_out_bytes_per_s=1e6"  # what SIZE takes


class Lane:
    def __init__(self, acl):
        self.acl = acl
        self.host = acl.new("aclrtMallocHost", SIZE)
        self.device = acl.new("aclrtMalloc", SIZE, 0)
        self.stream = acl.new("aclrtCreateStream")

    def send(self):
        self.acl.copy_in(self.device, self.host, SIZE, self.stream)

    def fetch(self):
        self.acl.copy_out(self.host, self.device, SIZE, self.stream)

    def land(self):
        self.acl.ok("aclrtSynchronizeStream", self.stream)

    def close(self):
        self.acl.ok("aclrtDestroyStream", self.stream)
        self.acl.ok("aclrtFree", self.device)
        self.acl.ok("aclrtFreeHost", self.host)


@pytest.fixture
def lanes(acl):
    made = [Lane(acl), Lane(acl)]
    yield made
    for lane in made:
        lane.close()


def seconds(work):
    start = time.monotonic()
    work()
    return time.monotonic() - start


@pytest.mark.usefixtures("simulated_time")
@pytest.mark.parametrize("acl", [MILLISECOND], indirect=True)
def test_queued_tasks_keep_the_rate_of_the_model(lanes):
    def work():
        for _ in range(300):
            lanes[0].send()
        lanes[0].land()

    best = min(seconds(work) for _ in range(3))
    assert best == pytest.approx(0.300, rel=0.01)


@pytest.mark.usefixtures("simulated_time")
@pytest.mark.parametrize("acl", [MILLISECOND], indirect=True)
def test_two_streams_share_an_engine(lanes):
    def work():
        for _ in range(150):
            for lane in lanes:
                lane.send()
        for lane in lanes:
            lane.land()

    best = min(seconds(work) for _ in range(3))
    assert best == pytest.approx(0.300, rel=0.01)


@pytest.mark.usefixtures("simulated_time")
@pytest.mark.parametrize("acl", [MILLISECOND], indirect=True)
def test_engines_work_side_by_side(lanes):
    def work():
        for _ in range(200):
            lanes[0].send()
            lanes[1].fetch()
        for lane in lanes:
            lane.land()

    assert min(seconds(work) for _ in range(3)) == pytest.approx(0.200, rel=0.02)


@pytest.mark.usefixtures("simulated_time")
def test_devices_have_engines_of_their_own(raw_acl):
    raw_acl.open(MILLISECOND + ";device_count=2")
    first = Lane(raw_acl)
    raw_acl.ok("aclrtSetDevice", 1)
    context = raw_acl.new("aclrtGetCurrentContext")
    second = Lane(raw_acl)
    start = time.monotonic()
    for _ in range(100):
        second.send()
    raw_acl.ok("aclrtSetDevice", 0)
    for _ in range(100):
        first.send()
    first.land()
    raw_acl.ok("aclrtSetCurrentContext", context)
    second.land()
    assert time.monotonic() - start < 0.13
    second.close()
    raw_acl.ok("aclrtResetDevice", 1)
    raw_acl.ok("aclrtSetDevice", 0)
    first.close()
    raw_acl.ok("aclrtResetDevice", 0)
    raw_acl.close()


@pytest.mark.usefixtures("simulated_time")
@pytest.mark.parametrize("acl", [MILLISECOND + ";timing=false"], indirect=True)
def test_without_time_nothing_takes_any(lanes):
    def work():
        for _ in range(300):
            lanes[0].send()
        lanes[0].land()

    assert seconds(work) < 0.1


def durations(acl, settings):
    acl.open(settings)
    lane = Lane(acl)
    acl.mgnsim_trace_start()
    for _ in range(20):
        lane.send()
    lane.land()
    lane.close()
    acl.close()
    return [round(task["end_s"] - task["start_s"], 8) for task in acl.trace()]


@pytest.mark.usefixtures("simulated_time")
def test_jitter_spreads_durations_by_its_seed(raw_acl):
    base = "copy_in_bytes_per_s=2e5;jitter=0.25;seed="  # 5 milliseconds
    first = durations(raw_acl, base + "1")
    again = durations(raw_acl, base + "1")
    other = durations(raw_acl, base + "2")
    # A busy machine may make one task longer than the model says.
    assert sum(a == b for a, b in zip(first, again, strict=True)) >= 18
    assert sum(a == b for a, b in zip(first, other, strict=True)) <= 2
    assert min(first) >= 0.00375
    assert sorted(first)[-3] <= 0.00625
    assert max(first) - min(first) > 0.001


def test_a_lost_device_ends_its_tasks_and_refuses_more(raw_acl):
    raw_acl.open()
    lane = Lane(raw_acl)
    event = raw_acl.new("aclrtCreateEvent")
    raw_acl.slow(30)
    lane.send()
    raw_acl.ok("aclrtRecordEvent", event, lane.stream)
    start = time.monotonic()
    raw_acl.mgnsim_lose_device(0)
    assert raw_acl.aclrtSynchronizeStream(lane.stream) == 507010
    assert raw_acl.aclrtSynchronizeEvent(event) == 507010
    assert raw_acl.aclrtSynchronizeDevice() == 507010
    assert time.monotonic() - start < 2
    handle = ctypes.c_void_p()
    assert raw_acl.aclrtCreateStream(ctypes.byref(handle)) == 507899
    assert raw_acl.aclrtCreateEvent(ctypes.byref(handle)) == 507899
    assert raw_acl.aclrtMemcpy(lane.device, 4, lane.host, 4, TO_DEVICE) == 507899
    assert raw_acl.aclrtRecordEvent(event, lane.stream) == 507899
    assert raw_acl.aclrtSetDevice(0) == 507033
    assert raw_acl.aclrtStreamQuery(lane.stream, ctypes.byref(handle)) == 507899
    assert raw_acl.aclrtQueryEventStatus(event, ctypes.byref(handle)) == 507899
    assert raw_acl.aclrtQueryEvent(event, ctypes.byref(handle)) == 507899
    assert raw_acl.message() is not None
    lane.close()
    raw_acl.ok("aclrtDestroyEvent", event)
    raw_acl.ok("aclrtResetDevice", 0)
    raw_acl.mgnsim_reset_faults()
    raw_acl.ok("aclrtSetDevice", 0)
    again = Lane(raw_acl)
    again.send()
    again.land()
    again.close()
    raw_acl.close()


def test_finalize_brings_a_lost_device_back(raw_acl):
    raw_acl.open()
    raw_acl.mgnsim_lose_device(0)
    raw_acl.ok("aclrtResetDevice", 0)
    raw_acl.ok("aclFinalize")
    raw_acl.open()
    raw_acl.close()


def test_a_call_that_waits_notices_that_its_device_is_lost(raw_acl):
    raw_acl.open()
    lane = Lane(raw_acl)
    raw_acl.slow(30)
    threading.Timer(0.1, lambda: raw_acl.mgnsim_lose_device(0)).start()
    assert raw_acl.aclrtMemcpy(lane.device, 4, lane.host, 4, TO_DEVICE) == 507010
    raw_acl.mgnsim_lose_device(1000)
    lane.close()
    raw_acl.close()
