# SPDX-License-Identifier: Apache-2.0
"""Copies and fills: directions, limits, order, what is really asynchronous."""

import ctypes
import time

import pytest

from support.acl import ON_DEVICE, TO_DEVICE, TO_HOST

pytest_plugins = ["support.acl_fixtures"]

SIZE = 256
COPIES_OF_100_AND_50_MS = "copy_in_bytes_per_s=2560;copy_out_bytes_per_s=5120"


class Buffers:
    def __init__(self, acl):
        self.acl = acl
        self.device = acl.new("aclrtMalloc", SIZE, 0)
        self.other = acl.new("aclrtMalloc", SIZE, 0)
        self.host = acl.new("aclrtMallocHost", SIZE)
        self.back = acl.new("aclrtMallocHost", SIZE)
        self.stream = acl.new("aclrtCreateStream")
        self.plain = ctypes.create_string_buffer(SIZE)

    def close(self):
        self.acl.ok("aclrtSynchronizeStream", self.stream)
        self.acl.ok("aclrtDestroyStream", self.stream)
        self.acl.ok("aclrtFree", self.device)
        self.acl.ok("aclrtFree", self.other)
        self.acl.ok("aclrtFreeHost", self.host)
        self.acl.ok("aclrtFreeHost", self.back)

    def copy_at_once(self, to, from_, kind, count=SIZE, capacity=SIZE):
        return self.acl.aclrtMemcpy(to, capacity, from_, count, kind)

    def copy(self, to, from_, kind, count=SIZE, capacity=SIZE):
        return self.acl.aclrtMemcpyAsync(to, capacity, from_, count, kind, self.stream)


@pytest.fixture
def buffers(acl):
    made = Buffers(acl)
    yield made
    made.close()


BOTH = pytest.mark.parametrize("how", ["copy_at_once", "copy"])


@BOTH
def test_arguments_are_checked(acl, buffers, how):
    copy = getattr(buffers, how)
    assert copy(None, buffers.host, TO_DEVICE) == 100000
    assert copy(buffers.device, None, TO_DEVICE) == 100000
    assert copy(buffers.device, buffers.host, 8) == 100000
    assert copy(buffers.device, buffers.host, -1) == 100000
    assert copy(buffers.device, buffers.host, TO_DEVICE, count=SIZE, capacity=SIZE - 1) == 107000
    assert copy(buffers.device, buffers.host, TO_DEVICE, count=0, capacity=0) == 0


@BOTH
def test_a_copy_stays_inside_its_memory(acl, buffers, how):
    copy = getattr(buffers, how)
    assert copy(buffers.device, buffers.host, TO_DEVICE, SIZE + 1, SIZE + 1) == 107000
    assert copy(buffers.device + 1, buffers.host, TO_DEVICE) == 107000
    assert copy(buffers.host, buffers.device + SIZE - 1, TO_HOST, 2) == 107000
    assert acl.take_violations() == ["copy beyond the end of memory"] * 3


@BOTH
def test_freed_memory_is_not_copied(acl, buffers, how):
    copy = getattr(buffers, how)
    freed = acl.new("aclrtMalloc", SIZE, 0)
    acl.ok("aclrtFree", freed)
    freed_host = acl.new("aclrtMallocHost", SIZE)
    acl.ok("aclrtFreeHost", freed_host)
    assert copy(freed, buffers.host, TO_DEVICE) == 107000
    assert copy(buffers.device, freed_host, TO_DEVICE) == 107000
    assert acl.take_violations() == ["use after free"] * 2


@BOTH
@pytest.mark.parametrize(
    ("to", "from_", "kind"),
    [
        ("host", "device", TO_DEVICE),
        ("device", "host", TO_HOST),
        ("device", "host", ON_DEVICE),
        ("device", "host", 0),
        ("device", "plain", TO_HOST),
        ("plain", "host", TO_DEVICE),
    ],
)
def test_the_kind_tells_the_truth(acl, buffers, how, to, from_, kind):
    assert getattr(buffers, how)(getattr(buffers, to), getattr(buffers, from_), kind) == 107000
    assert acl.take_violations() == ["copy kind and memory disagree"]


@pytest.mark.parametrize("acl", ["device_count=2"], indirect=True)
def test_memory_of_another_device_is_not_copied(acl, buffers):
    acl.ok("aclrtSetDevice", 1)
    assert buffers.copy_at_once(buffers.device, buffers.host, TO_DEVICE) == 107000
    assert acl.take_violations() == ["memory of another device"]
    acl.ok("aclrtResetDevice", 1)
    acl.ok("aclrtSetDevice", 0)
    acl.ok("aclrtResetDevice", 0)


def test_copies_at_once_go_every_way(acl, buffers):
    buffers.plain.raw = bytes(range(256))
    assert buffers.copy_at_once(buffers.device, buffers.plain, TO_DEVICE) == 0
    assert buffers.copy_at_once(buffers.other, buffers.device, ON_DEVICE) == 0
    assert buffers.copy_at_once(buffers.host, buffers.other, TO_HOST) == 0
    assert buffers.copy_at_once(buffers.back, buffers.host, 0) == 0
    assert ctypes.string_at(buffers.back, SIZE) == bytes(range(256))
    assert buffers.copy_at_once(buffers.device, buffers.plain, 4) == 0


@pytest.mark.usefixtures("simulated_time")
def test_an_async_copy_is_later(acl, buffers):
    ctypes.memset(buffers.host, 5, SIZE)
    acl.slow(0.1)
    start = time.monotonic()
    assert buffers.copy(buffers.device, buffers.host, TO_DEVICE) == 0
    assert buffers.copy(buffers.back, buffers.device, TO_HOST) == 0
    assert time.monotonic() - start < 0.05
    acl.ok("aclrtSynchronizeStream", buffers.stream)
    assert time.monotonic() - start >= 0.2
    assert ctypes.string_at(buffers.back, SIZE) == b"\5" * SIZE


def test_tasks_of_a_stream_run_in_order(acl, buffers):
    for value in range(100):
        acl.ok("aclrtMemsetAsync", buffers.device, SIZE, value, SIZE, buffers.stream)
        assert buffers.copy(buffers.other, buffers.device, ON_DEVICE) == 0
        acl.ok("aclrtMemsetAsync", buffers.device, SIZE, 255, SIZE, buffers.stream)
        assert buffers.copy(buffers.back, buffers.other, TO_HOST) == 0
        acl.ok("aclrtSynchronizeStream", buffers.stream)
        assert ctypes.string_at(buffers.back, SIZE) == bytes([value]) * SIZE


def test_pageable_memory_is_copied_at_once_in_order_and_counted(acl, buffers):
    acl.slow(0.02)
    acl.ok("aclrtMemsetAsync", buffers.device, SIZE, 9, SIZE, buffers.stream)
    assert buffers.copy(buffers.plain, buffers.device, TO_HOST) == 0
    assert buffers.plain.raw == b"\x09" * SIZE
    assert acl.take_violations() == ["pageable memory in an async copy"]
    assert acl.message() is None


def test_host_to_host_is_never_async(acl, buffers):
    assert buffers.copy(buffers.back, buffers.host, 0) == 207000


def test_async_copies_on_the_chip_are_aligned(acl, buffers):
    assert buffers.copy(buffers.device + 32, buffers.other, ON_DEVICE, 64) == 107008
    assert buffers.copy(buffers.device, buffers.other + 1, ON_DEVICE, 64) == 107008
    assert acl.take_violations() == ["unaligned copy on the chip"] * 2
    assert buffers.copy(buffers.device + 64, buffers.other, ON_DEVICE, 64) == 0


@pytest.mark.parametrize("acl", ["run_mode=device;timing=false"], indirect=True)
def test_on_a_board_every_kind_goes_every_way_and_the_host_sees_device_memory(acl, buffers):
    ctypes.memset(buffers.device, 3, SIZE)
    for kind in range(4):
        assert buffers.copy_at_once(buffers.other, buffers.device, kind) == 0
        assert buffers.copy(buffers.back, buffers.other, kind) == 0
        acl.ok("aclrtSynchronizeStream", buffers.stream)
        assert ctypes.string_at(buffers.back, SIZE) == b"\3" * SIZE
        ctypes.memset(buffers.back, 0, SIZE)


def test_fills(acl, buffers):
    acl.ok("aclrtMemset", buffers.device, SIZE, 0x107, SIZE)
    assert buffers.copy_at_once(buffers.plain, buffers.device, TO_HOST) == 0
    assert buffers.plain.raw == b"\7" * SIZE
    assert acl.aclrtMemset(None, SIZE, 0, SIZE) == 100000
    assert acl.aclrtMemset(buffers.device, SIZE, 0, SIZE + 1) == 107000
    assert acl.aclrtMemset(buffers.device, 0, 0, 0) == 0
    assert acl.aclrtMemset(buffers.device, SIZE + 1, 0, SIZE + 1) == 107000
    assert acl.take_violations() == ["copy beyond the end of memory"]


def test_pinned_memory_may_be_filled_and_pageable_memory_may_not(acl, buffers):
    acl.ok("aclrtMemset", buffers.host, SIZE, 3, SIZE)
    acl.ok("aclrtMemsetAsync", buffers.back, SIZE, 4, SIZE, buffers.stream)
    acl.ok("aclrtSynchronizeStream", buffers.stream)
    assert ctypes.string_at(buffers.host, SIZE) == b"\3" * SIZE
    assert ctypes.string_at(buffers.back, SIZE) == b"\4" * SIZE
    assert acl.aclrtMemset(buffers.plain, SIZE, 0, SIZE) == 107000
    assert acl.aclrtMemsetAsync(buffers.plain, SIZE, 0, SIZE, buffers.stream) == 107000
    assert acl.take_violations() == ["fill of pageable memory"] * 2


def test_memory_that_a_queued_task_uses_is_not_for_a_call_at_once(acl, buffers):
    """No stream orders such a call, so what it reads or leaves is a matter of luck."""
    acl.slow(0.05)
    assert buffers.copy(buffers.other, buffers.device, ON_DEVICE, 64) == 0
    assert buffers.copy_at_once(buffers.device, buffers.plain, TO_DEVICE) == 107000
    assert buffers.copy_at_once(buffers.plain, buffers.other, TO_HOST) == 107000
    assert acl.aclrtMemset(buffers.device + 63, 1, 0, 1) == 107000
    assert acl.take_violations() == [
        "buffer rewritten in flight",
        "buffer read before its task was done",
        "buffer rewritten in flight",
    ]
    acl.slow(0)
    assert buffers.copy_at_once(buffers.plain, buffers.device, TO_HOST) == 0
    assert buffers.copy_at_once(buffers.device + 64, buffers.plain, TO_DEVICE, 64) == 0
    acl.ok("aclrtSynchronizeStream", buffers.stream)
    assert buffers.copy_at_once(buffers.device, buffers.plain, TO_DEVICE) == 0


@BOTH
def test_a_lost_device_copies_nothing(acl, buffers, how):
    acl.mgnsim_lose_device(0)
    assert getattr(buffers, how)(buffers.device, buffers.host, TO_DEVICE) == 507899
    acl.aclrtResetDeviceForce(0)
    acl.ok("aclrtSetDevice", 0)
    assert acl.take_violations() == []
    buffers.__init__(acl)


@pytest.mark.usefixtures("simulated_time")
@pytest.mark.parametrize(
    "acl", ["copy_in_bytes_per_s=2560;copy_out_bytes_per_s=5120"], indirect=True
)
def test_copies_take_the_time_of_their_direction(acl, buffers):
    """256 bytes: 0.1 s in, 0.05 s out; on the device no time."""
    start = time.monotonic()
    assert buffers.copy_at_once(buffers.device, buffers.host, TO_DEVICE) == 0
    middle = time.monotonic()
    assert buffers.copy_at_once(buffers.back, buffers.device, TO_HOST) == 0
    end = time.monotonic()
    assert buffers.copy_at_once(buffers.other, buffers.device, ON_DEVICE) == 0
    assert 0.1 <= middle - start < 0.15
    assert 0.05 <= end - middle < 0.1
    assert time.monotonic() - end < 0.03
