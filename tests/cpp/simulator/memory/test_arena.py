# SPDX-License-Identifier: Apache-2.0
"""The address space of simulated memory: views, guard pages, quarantine, what goes back."""

import ctypes
import os
from pathlib import Path

from support.acl import SANITIZED, TO_DEVICE, TO_HOST, resident_bytes

pytest_plugins = ["support.acl_fixtures"]

PAGE = os.sysconf("SC_PAGESIZE")


def rights(address):
    """The access rights of the mapping that holds the address, as the kernel tells them."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, access = line.split()[:2]
        first, end = (int(part, 16) for part in span.split("-"))
        if first <= address < end:
            return access[:3]
    return None


def test_device_memory_has_no_rights_and_pinned_memory_has(acl):
    device = acl.new("aclrtMalloc", PAGE, 0)
    host = acl.new("aclrtMallocHost", PAGE)
    assert rights(device) == "---"
    assert rights(host) == "rw-"
    acl.ok("aclrtFree", device)
    acl.ok("aclrtFreeHost", host)
    assert rights(host) == "---"


def test_a_page_without_rights_lies_on_both_sides(acl):
    hosts = [acl.new("aclrtMallocHost", PAGE) for _ in range(3)]
    for host in hosts:
        assert rights(host - 1) == rights(host + PAGE) == "---"
        acl.ok("aclrtFreeHost", host)


def test_both_views_show_the_same_bytes(acl):
    size = 3 * PAGE + 5
    pattern = bytes(range(251)) * (size // 251 + 1)
    device = acl.new("aclrtMalloc", size, 0)
    back = ctypes.create_string_buffer(size)
    acl.ok("aclrtMemcpy", device, size, pattern, size, TO_DEVICE)
    acl.ok("aclrtMemcpy", back, size, device, size, TO_HOST)
    assert back.raw == pattern[:size]
    acl.ok("aclrtFree", device)


def test_an_address_is_not_given_out_again_soon(acl):
    seen = set()
    for _ in range(1000):
        memory = acl.new("aclrtMalloc", 64, 0)
        assert memory not in seen
        seen.add(memory)
        acl.ok("aclrtFree", memory)


def test_pages_go_back_when_freed(acl):
    size = 32 << 20
    before = resident_bytes()
    memory = acl.new("aclrtMalloc", size, 0)
    filled = resident_bytes()
    acl.ok("aclrtFree", memory)
    assert filled - before > size * 0.9
    assert SANITIZED or resident_bytes() - before < size * 0.1


def test_memory_comes_and_goes_without_end(acl):
    """More than the quarantine holds, in number and in bytes."""
    for size in [PAGE] * 3000 + [64 << 20] * 80:
        acl.ok("aclrtFreeHost", acl.new("aclrtMallocHost", size))
    before = resident_bytes()
    for _ in range(3000):
        acl.ok("aclrtFreeHost", acl.new("aclrtMallocHost", PAGE))
    assert resident_bytes() - before < (64 << 20 if SANITIZED else 1 << 20)


def test_more_than_the_address_space_is_refused(acl):
    handle = ctypes.c_void_p()
    assert acl.aclrtMallocHost(ctypes.byref(handle), 1 << 50) == 207001
    assert acl.aclrtMallocHost(ctypes.byref(handle), (1 << 64) - 1) == 207001
