# SPDX-License-Identifier: Apache-2.0
"""The C functions of memory beside copying: policies, cache control, what an address is."""

import ctypes

import pytest

pytest_plugins = ["support.acl_fixtures"]

NO_CONTEXT = (
    ("aclrtMalloc", ctypes.byref(ctypes.c_void_p()), 64, 0),
    ("aclrtMallocHost", ctypes.byref(ctypes.c_void_p()), 64),
    ("acldvppMalloc", ctypes.byref(ctypes.c_void_p()), 64),
    ("aclrtFree", 64),
    ("aclrtFreeHost", 64),
    ("aclrtMemFlush", 64, 64),
    ("aclrtGetMemInfo", 0, None, None),
    ("aclrtPointerGetAttributes", 64, None),
)


class Attributes(ctypes.Structure):
    _fields_ = [
        ("id", ctypes.c_uint32),
        ("type", ctypes.c_int32),
        ("page_size", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 4),
    ]


@pytest.mark.parametrize("call", NO_CONTEXT, ids=lambda call: call[0])
def test_without_a_context_there_is_no_memory(raw_acl, call):
    name, *arguments = call
    raw_acl.ok("aclInit", None)
    assert getattr(raw_acl, name)(*arguments) == 107002


@pytest.mark.parametrize("policy", [0, 1, 2, 3, 7, 0x100, 0x1001, 0x100000])
def test_known_policies_are_accepted(acl, policy):
    acl.ok("aclrtFree", acl.new("aclrtMalloc", 64, policy))


@pytest.mark.parametrize("policy", [8, 0x200, -1])
def test_unknown_policies_are_refused(acl, policy):
    handle = ctypes.c_void_p()
    assert acl.aclrtMalloc(ctypes.byref(handle), 64, policy) == 100000


@pytest.mark.parametrize("name", ["aclrtMemFlush", "aclrtMemInvalidate"])
def test_cache_control_is_for_device_memory(acl, name):
    memory = acl.new("aclrtMallocCached", 64, 0)
    host = acl.new("aclrtMallocHost", 64)
    control = getattr(acl, name)
    assert control(memory, 64) == 0
    assert control(None, 64) == control(memory, 0) == 100000
    assert control(memory, 65) == control(host, 64) == 107000
    assert acl.take_violations() == ["not device memory"] * 2
    acl.ok("aclrtFree", memory)
    acl.ok("aclrtFreeHost", host)


def test_memory_of_an_attribute_that_the_chip_lacks_is_nothing(acl):
    free, total = ctypes.c_size_t(5), ctypes.c_size_t(5)
    acl.ok("aclrtGetMemInfo", 6, ctypes.byref(free), ctypes.byref(total))
    assert (free.value, total.value) == (0, 0)
    acl.ok("aclrtGetMemInfo", 1, ctypes.byref(free), ctypes.byref(total))
    assert total.value == 21 << 30
    assert acl.aclrtGetMemInfo(0, None, ctypes.byref(total)) == 100000


def test_an_address_tells_what_it_is(acl):
    device = acl.new("aclrtMalloc", 64, 0)
    host = acl.new("aclrtMallocHost", 64)
    plain = ctypes.create_string_buffer(64)
    found = Attributes()
    for address, expected in ((device + 5, 1), (host, 0), (ctypes.addressof(plain), 2)):
        acl.ok("aclrtPointerGetAttributes", address, ctypes.byref(found))
        assert (found.id, found.type) == (0, expected)
        assert found.page_size > 0
    assert acl.aclrtPointerGetAttributes(None, ctypes.byref(found)) == 100000
    acl.ok("aclrtFree", device)
    acl.ok("aclrtFreeHost", host)


def test_classic_chips_cannot_map_host_memory(acl):
    handle = ctypes.c_void_p()
    plain = ctypes.create_string_buffer(64)
    assert acl.aclrtHostRegister(plain, 64, 0, ctypes.byref(handle)) == 207000
    assert acl.aclrtHostUnregister(plain) == 207000
