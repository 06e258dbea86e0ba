# SPDX-License-Identifier: Apache-2.0
"""Allocations: their limits, their ends, and who frees what."""

import ctypes
import threading

import pytest

from support.acl import TO_HOST

pytest_plugins = ["support.acl_fixtures"]

ALLOCATORS = {
    "aclrtMalloc": ((0,), "aclrtFree"),
    "aclrtMallocAlign32": ((0,), "aclrtFree"),
    "aclrtMallocCached": ((0,), "aclrtFree"),
    "aclrtMallocHost": ((), "aclrtFreeHost"),
    "acldvppMalloc": ((), "acldvppFree"),
}
RELEASES = ("aclrtFree", "aclrtFreeHost", "acldvppFree")


@pytest.mark.parametrize("name", ALLOCATORS)
def test_what_is_wrong_with_an_allocation(acl, name):
    extra, release = ALLOCATORS[name]
    allocate = getattr(acl, name)
    handle = ctypes.c_void_p(77)
    assert allocate(None, 64, *extra) == 100000
    assert allocate(ctypes.byref(handle), 0, *extra) == 100000
    assert getattr(acl, release)(None) == 100000
    acl.mgnsim_lose_device(0)
    assert allocate(ctypes.byref(handle), 64, *extra) == 507899
    assert handle.value == 77


@pytest.mark.parametrize("name", ALLOCATORS)
def test_addresses_are_aligned(acl, name):
    extra, release = ALLOCATORS[name]
    for size in (1, 63, 64, 4095, 4097):
        memory = acl.new(name, size, *extra)
        assert memory % 64 == 0
        acl.ok(release, memory)


@pytest.mark.parametrize("name", ALLOCATORS)
def test_a_second_free_is_a_violation(acl, name):
    extra, release = ALLOCATORS[name]
    memory = acl.new(name, 64, *extra)
    acl.ok(release, memory)
    assert getattr(acl, release)(memory) == 107000
    assert acl.take_violations() == ["double free"]


@pytest.mark.parametrize("name", ALLOCATORS)
def test_each_allocator_frees_only_its_own(acl, name):
    extra, own = ALLOCATORS[name]
    memory = acl.new(name, 64, *extra)
    for release in RELEASES:
        if release != own:
            assert getattr(acl, release)(memory) == 107000
            assert acl.take_violations() == ["wrong allocator"]
    acl.ok(own, memory)


def test_inner_and_foreign_addresses_are_not_freed(acl):
    memory = acl.new("aclrtMalloc", 64, 0)
    assert acl.aclrtFree(memory + 1) == 107000
    assert acl.take_violations() == ["free of an inner pointer"]
    assert acl.aclrtFree(memory + (1 << 30)) == 107000
    assert acl.take_violations() == ["free of foreign memory"]
    buffer = ctypes.create_string_buffer(64)
    assert acl.aclrtFreeHost(ctypes.addressof(buffer)) == 107000
    assert acl.take_violations() == ["free of foreign memory"]
    acl.ok("aclrtFree", memory)


def test_freeing_what_tasks_use_is_a_violation_and_harmless(acl):
    host = acl.new("aclrtMallocHost", 4096)
    memory = acl.new("aclrtMalloc", 4096, 0)
    stream = acl.new("aclrtCreateStream")
    acl.slow(0.05)
    acl.copy_in(memory, host, 4096, stream)
    assert acl.aclrtFree(memory) == 107000
    assert acl.aclrtFreeHost(host) == 107000
    assert acl.take_violations() == ["freed while tasks use it"] * 2
    acl.ok("aclrtSynchronizeStream", stream)
    acl.ok("aclrtDestroyStream", stream)


@pytest.mark.parametrize("acl", ["device_count=2"], indirect=True)
def test_memory_is_freed_on_its_device(acl):
    memory = acl.new("aclrtMalloc", 64, 0)
    acl.ok("aclrtSetDevice", 1)
    assert acl.aclrtFree(memory) == 107000
    assert acl.take_violations() == ["freed on another device"]
    acl.ok("aclrtResetDevice", 1)
    acl.ok("aclrtSetDevice", 0)
    acl.ok("aclrtFree", memory)
    acl.ok("aclrtResetDevice", 0)


def memory_info(acl, attribute=0):
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    acl.ok("aclrtGetMemInfo", attribute, ctypes.byref(free), ctypes.byref(total))
    return free.value, total.value


@pytest.mark.parametrize("acl", ["memory_bytes=10000"], indirect=True)
def test_a_device_runs_out_of_memory_and_recovers(acl):
    assert memory_info(acl) == (10000, 10000)
    # Rounded up to 32 and 32 more: 9952 + 32 leaves 16; MallocAlign32 adds nothing.
    big = acl.new("aclrtMalloc", 9921, 0)
    assert memory_info(acl) == (16, 10000)
    handle = ctypes.c_void_p()
    assert acl.aclrtMalloc(ctypes.byref(handle), 1, 0) == 207001
    assert "1 bytes asked for, 16 free" in acl.message()
    acl.ok("aclrtFree", big)
    exact = acl.new("aclrtMallocAlign32", 9984, 0)
    assert memory_info(acl)[0] == 16
    acl.ok("aclrtFree", exact)
    host = acl.new("aclrtMallocHost", 1 << 20)
    assert memory_info(acl)[0] == 10000
    acl.ok("aclrtFreeHost", host)
    assert acl.aclrtMalloc(ctypes.byref(handle), (1 << 64) - 1, 0) == 207001


@pytest.mark.parametrize("acl", ["memory_bytes=10000;run_mode=device"], indirect=True)
def test_on_a_board_pinned_memory_is_the_devices(acl):
    host = acl.new("aclrtMallocHost", 9984)
    assert memory_info(acl)[0] == 16
    acl.ok("aclrtFreeHost", host)


def test_fresh_device_memory_is_poison(acl):
    size = 70 << 20
    memory = acl.new("aclrtMalloc", size, 0)
    back = ctypes.create_string_buffer(100)
    for offset in (0, size - 100):
        acl.ok("aclrtMemcpy", back, 100, memory + offset, 100, TO_HOST)
        assert back.raw == b"\xff" * 100
    acl.ok("aclrtFree", memory)


def test_bytes_written_behind_the_end_are_found_at_the_free(acl):
    host = acl.new("aclrtMallocHost", 100)
    ctypes.memset(host, 1, 101)
    assert acl.aclrtFreeHost(host) == 107000
    assert acl.take_violations() == ["written beyond its end"]


def test_threads_allocate_at_once(acl):
    context = acl.new("aclrtGetCurrentContext")
    codes = []

    def work():
        codes.append(acl.aclrtSetCurrentContext(context))
        for size in range(1, 300):
            codes.append(acl.aclrtFree(acl.new("aclrtMalloc", size * 64, 0)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(codes) == {0}
    assert acl.ledger()["live"]["device_memory"] == 0
