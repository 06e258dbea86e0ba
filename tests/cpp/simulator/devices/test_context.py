# SPDX-License-Identifier: Apache-2.0
"""Contexts: whose is current where, how often a device was set, what ends with what."""

import ctypes
import threading

import pytest

pytest_plugins = ["support.acl_fixtures"]


def in_thread(work):
    """The result of `work` in a fresh thread."""
    results = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


def code_of_get_device(acl):
    return acl.aclrtGetDevice(ctypes.byref(ctypes.c_int32()))


def test_the_current_context_is_the_threads(acl):
    assert code_of_get_device(acl) == 0
    assert in_thread(lambda: code_of_get_device(acl)) == 107002
    context = acl.new("aclrtGetCurrentContext")

    def use():
        return acl.aclrtSetCurrentContext(context), code_of_get_device(acl)

    assert in_thread(use) == (0, 0)


def test_threads_that_set_a_device_share_its_default_context(acl):
    def use():
        acl.ok("aclrtSetDevice", 0)
        return acl.new("aclrtGetCurrentContext")

    assert in_thread(use) == acl.new("aclrtGetCurrentContext")
    acl.ok("aclrtResetDevice", 0)


def test_a_new_context_is_current_and_set_device_replaces_it(acl):
    default = acl.new("aclrtGetCurrentContext")
    made = acl.new("aclrtCreateContext", 0)
    assert made != default
    assert acl.new("aclrtGetCurrentContext") == made
    acl.ok("aclrtSetDevice", 0)
    assert acl.new("aclrtGetCurrentContext") == default
    acl.ok("aclrtDestroyContext", made)
    acl.ok("aclrtResetDevice", 0)


def test_a_context_needs_no_set_device(raw_acl):
    raw_acl.ok("aclInit", None)
    context = raw_acl.new("aclrtCreateContext", 0)
    assert raw_acl.get("aclrtGetDevice") == 0
    raw_acl.ok("aclrtDestroyContext", context)
    raw_acl.ok("aclFinalize")


def test_null_and_unknown_contexts_are_refused(acl):
    assert acl.aclrtSetCurrentContext(None) == 100000
    assert acl.aclrtDestroyContext(None) == 100000
    assert acl.aclrtCreateContext(None, 0) == 100000
    assert acl.aclrtGetCurrentContext(None) == 100000
    handle = ctypes.c_void_p()
    assert acl.aclrtCreateContext(ctypes.byref(handle), 1) == 107001
    assert acl.aclrtSetCurrentContext(0x1234) == 107002
    assert acl.aclrtDestroyContext(0x1234) == 107002
    assert acl.take_violations() == ["not a context", "destroyed context used"]


def test_the_default_context_is_not_destroyed(acl):
    assert acl.aclrtDestroyContext(acl.new("aclrtGetCurrentContext")) == 107002
    assert code_of_get_device(acl) == 0


def test_a_destroyed_context_is_gone_for_everybody(acl):
    context = acl.new("aclrtCreateContext", 0)
    ready, gone = threading.Event(), threading.Event()

    def use():
        acl.ok("aclrtSetCurrentContext", context)
        ready.set()
        gone.wait(10)
        return code_of_get_device(acl)

    codes = []
    thread = threading.Thread(target=lambda: codes.append(use()))
    thread.start()
    ready.wait(10)
    acl.ok("aclrtDestroyContext", context)
    gone.set()
    thread.join()
    assert codes == [107002]
    assert acl.aclrtSetCurrentContext(context) == 107002
    assert acl.aclrtDestroyContext(context) == 107002
    assert acl.take_violations() == ["destroyed context used"] * 2


def test_the_thread_that_destroys_its_context_falls_back_to_its_device(acl):
    default = acl.new("aclrtGetCurrentContext")
    acl.ok("aclrtDestroyContext", acl.new("aclrtCreateContext", 0))
    assert acl.new("aclrtGetCurrentContext") == default

    def without_device():
        acl.ok("aclrtDestroyContext", acl.new("aclrtCreateContext", 0))
        return code_of_get_device(acl)

    assert in_thread(without_device) == 107002


def test_devices_are_counted(raw_acl):
    raw_acl.open()
    raw_acl.ok("aclrtSetDevice", 0)
    raw_acl.ok("aclrtResetDevice", 0)
    assert code_of_get_device(raw_acl) == 0
    raw_acl.ok("aclrtResetDevice", 0)
    assert code_of_get_device(raw_acl) == 107002
    assert raw_acl.aclrtResetDevice(0) == 107002
    assert raw_acl.aclrtResetDevice(1) == raw_acl.aclrtSetDevice(-1) == 107001
    raw_acl.ok("aclrtSetDevice", 0)
    raw_acl.close()


def test_force_resets_whatever_the_count(raw_acl):
    raw_acl.open()
    raw_acl.ok("aclrtSetDevice", 0)
    raw_acl.new("aclrtCreateStream")
    raw_acl.new("aclrtMalloc", 64, 0)
    raw_acl.ok("aclrtResetDeviceForce", 0)
    assert code_of_get_device(raw_acl) == 107002
    assert not any(raw_acl.ledger()["live"].values())


def test_a_reset_device_waits_for_its_default_stream(acl):
    memory = acl.new("aclrtMalloc", 64, 0)
    acl.slow(0.05)
    acl.ok("aclrtMemsetAsync", memory, 64, 1, 64, None)
    acl.ok("aclrtSynchronizeStream", None)
    acl.ok("aclrtFree", memory)


@pytest.mark.parametrize(
    ("make", "extra", "left"),
    [("aclrtCreateStream", (), "1 stream(s)"), ("aclrtCreateEvent", (), "1 event(s)")],
)
def test_a_context_destroyed_with_live_objects_is_a_violation(acl, make, extra, left):
    context = acl.new("aclrtCreateContext", 0)
    handle = acl.new(make, *extra)
    acl.ok("aclrtDestroyContext", context)
    assert left in acl.ledger()["violations"][0]["detail"]
    assert acl.take_violations() == ["context destroyed with live objects"]
    assert not any(acl.ledger()["live"].values())
    release = make.replace("Create", "Destroy")
    assert getattr(acl, release)(handle) == 107017
    assert acl.take_violations()[0].startswith("destroyed")


def test_a_device_reset_with_live_objects_is_a_violation(raw_acl):
    raw_acl.open()
    raw_acl.new("aclrtCreateStream")
    raw_acl.ok("aclrtResetDevice", 0)
    assert raw_acl.take_violations() == ["device reset with live objects"]
    raw_acl.ok("aclrtSetDevice", 0)
    memory = raw_acl.new("aclrtMalloc", 64, 0)
    raw_acl.ok("aclrtResetDevice", 0)
    assert raw_acl.take_violations() == ["device reset with live memory"]
    assert not any(raw_acl.ledger()["live"].values())
    raw_acl.ok("aclrtSetDevice", 0)
    assert raw_acl.aclrtFree(memory) == 107000
    assert raw_acl.take_violations() == ["free of foreign memory"]
    raw_acl.ok("aclrtResetDevice", 0)


def test_an_explicit_context_keeps_the_devices_memory(raw_acl):
    raw_acl.open()
    memory = raw_acl.new("aclrtMalloc", 64, 0)
    context = raw_acl.new("aclrtCreateContext", 0)
    raw_acl.ok("aclrtResetDevice", 0)
    raw_acl.ok("aclrtFree", memory)
    raw_acl.ok("aclrtDestroyContext", context)


@pytest.mark.parametrize("acl", ["streams_per_device=5"], indirect=True)
def test_contexts_cost_streams(acl):
    """A card's context takes two: its default stream and an internal one."""
    context = acl.new("aclrtCreateContext", 0)
    handle = ctypes.c_void_p()
    assert acl.aclrtCreateContext(ctypes.byref(handle), 0) == 207008
    stream = acl.new("aclrtCreateStream")
    assert acl.aclrtCreateStream(ctypes.byref(handle)) == 207008
    acl.ok("aclrtDestroyStream", stream)
    acl.ok("aclrtDestroyContext", context)
    acl.ok("aclrtDestroyContext", acl.new("aclrtCreateContext", 0))


def test_two_devices_have_two_contexts(raw_acl):
    raw_acl.open("device_count=2;timing=false")
    first = raw_acl.new("aclrtGetCurrentContext")
    raw_acl.ok("aclrtSetDevice", 1)
    assert raw_acl.get("aclrtGetDevice") == 1
    assert raw_acl.new("aclrtGetCurrentContext") != first
    raw_acl.ok("aclrtSetCurrentContext", first)
    assert raw_acl.get("aclrtGetDevice") == 0
    raw_acl.ok("aclrtResetDevice", 1)
    raw_acl.close()


def test_ten_thousand_contexts_leave_nothing(acl):
    for _ in range(10000):
        context = acl.new("aclrtCreateContext", 0)
        acl.ok("aclrtDestroyContext", context)
    ledger = acl.ledger()
    assert ledger["live"]["context"] == 0
    assert ledger["created"]["context"] >= 10000
