# SPDX-License-Identifier: Apache-2.0
"""Faults on demand: the n-th call, any call, now or at the next synchronise."""

import ctypes

import pytest

from support.acl import TO_DEVICE

pytest_plugins = ["support.acl_fixtures"]


def test_the_nth_call_from_now_fails_once_with_the_code(acl):
    acl.get("aclrtGetDevice")
    acl.fail("aclrtGetDevice", nth=2, code=507033)
    value = ctypes.c_int32(-5)
    codes = [acl.aclrtGetDevice(ctypes.byref(value)) for _ in range(4)]
    assert codes == [0, 507033, 0, 0]
    assert "failed on demand" in acl.message()


def test_a_failed_call_has_no_effect(acl):
    acl.fail("aclrtCreateStream", code=207008)
    handle = ctypes.c_void_p(5)
    assert acl.aclrtCreateStream(ctypes.byref(handle)) == 207008
    assert handle.value == 5
    assert acl.ledger()["live"].get("stream", 0) == 0


def test_a_failed_release_releases_all_the_same(acl):
    memory = acl.new("aclrtMalloc", 64, 0)
    host = acl.new("aclrtMallocHost", 64)
    stream = acl.new("aclrtCreateStream")
    event = acl.new("aclrtCreateEvent")
    context = acl.new("aclrtCreateContext", 0)
    acl.ok("aclrtSetDevice", 0)
    releases = {
        "aclrtFree": memory,
        "aclrtFreeHost": host,
        "aclrtDestroyStream": stream,
        "aclrtDestroyEvent": event,
        "aclrtDestroyContext": context,
    }
    for name, handle in releases.items():
        acl.fail(name, code=507899)
        assert getattr(acl, name)(handle) == 507899
    assert not any(acl.ledger()["live"].values())
    acl.fail("aclrtResetDevice", code=507033)
    assert acl.aclrtResetDevice(0) == 507033
    acl.ok("aclrtResetDevice", 0)


def test_a_failed_finalize_finalizes(raw_acl):
    raw_acl.open()
    raw_acl.ok("aclrtResetDevice", 0)
    raw_acl.fail("aclFinalize", code=500000)
    assert raw_acl.aclFinalize() == 500000
    assert raw_acl.aclFinalize() == 100037


def test_functions_of_pointers_give_none(acl):
    acl.fail("aclrtGetSocName")
    assert acl.aclrtGetSocName() is None
    assert acl.aclrtGetSocName() == b"Ascend310P3"


def test_the_star_counts_calls_of_every_function_but_the_messages(acl):
    acl.fail("*", nth=3, code=500001)
    acl.aclGetRecentErrMsg()
    device = ctypes.c_int32()
    codes = [
        acl.aclrtGetDevice(ctypes.byref(device)),
        acl.aclrtSetDevice(0),
        acl.aclrtGetDevice(ctypes.byref(device)),
        acl.aclrtResetDevice(0),
    ]
    assert codes == [0, 0, 500001, 0]


def test_several_faults_wait_at_once(acl):
    acl.fail("aclrtSetDevice", nth=1, code=1)
    acl.fail("aclrtSetDevice", nth=2, code=2)
    assert [acl.aclrtSetDevice(0) for _ in range(3)] == [1, 2, 0]
    acl.ok("aclrtResetDevice", 0)


def test_a_task_fails_later_and_does_nothing(acl):
    host = acl.new("aclrtMallocHost", 64)
    ctypes.memset(host, 1, 64)
    memory = acl.new("aclrtMalloc", 64, 0)
    stream = acl.new("aclrtCreateStream")
    acl.copy_in(memory, host, 64, stream)
    acl.ok("aclrtSynchronizeStream", stream)
    ctypes.memset(host, 2, 64)
    acl.fail("aclrtMemcpyAsync", code=507013, when="sync")
    acl.copy_in(memory, host, 64, stream)
    assert acl.aclrtSynchronizeStream(stream) == 507013
    assert acl.message() is not None
    acl.ok("aclrtSynchronizeStream", stream)
    acl.copy_out(host, memory, 64, stream)
    acl.ok("aclrtSynchronizeStream", stream)
    assert ctypes.string_at(host, 64) == b"\1" * 64
    acl.fail("aclrtMemcpy", code=507052, when="sync")
    assert acl.aclrtMemcpy(memory, 64, host, 64, TO_DEVICE) == 507052
    acl.ok("aclrtFreeHost", host)
    acl.ok("aclrtFree", memory)
    acl.ok("aclrtDestroyStream", stream)


def test_the_star_at_synchronise_counts_functions_that_queue(acl):
    event = acl.new("aclrtCreateEvent")
    acl.fail("*", nth=2, code=507015, when="sync")
    acl.ok("aclrtRecordEvent", event, None)
    acl.ok("aclrtSynchronizeStream", None)
    acl.ok("aclrtRecordEvent", event, None)
    assert acl.aclrtSynchronizeStream(None) == 507015
    acl.ok("aclrtDestroyEvent", event)


def test_reset_forgets_faults(acl):
    acl.fail("aclrtSetDevice")
    acl.mgnsim_reset_faults()
    acl.ok("aclrtSetDevice", 0)
    acl.ok("aclrtResetDevice", 0)


def test_even_the_messages_can_fail(acl):
    assert acl.aclrtFree(None) != 0
    assert acl.mgnsim_fail(b"aclGetRecentErrMsg", 1, 5, b"now") is None
    assert acl.aclGetRecentErrMsg() is None
    assert acl.aclGetRecentErrMsg()


@pytest.mark.parametrize("acl", ["calls_missing=aclrtStreamQuery,aclrtSetDevice2"], indirect=True)
def test_a_function_can_be_missing(acl):
    assert acl.mgnsim_is_missing(b"aclrtStreamQuery") == 1
    assert acl.mgnsim_is_missing(b"aclrtSetDevice") == 0
    assert acl.aclrtStreamQuery(None, None) == 207000


REFUSED = {
    "unknown function": (b"aclrtNothing", 1, 5, b"now", "aclrtNothing"),
    "not of AscendCL": (b"mgnsim_ledger", 1, 5, b"now", "mgnsim_ledger"),
    "a function of the C library": (b"aclocal", 1, 5, b"now", "aclocal"),
    "empty": (b"", 1, 5, b"now", "exports"),
    "call 0": (b"aclrtSetDevice", 0, 5, b"now", "number 0"),
    "code 0": (b"aclrtSetDevice", 1, 0, b"now", "code is 0"),
    "unknown time": (b"aclrtSetDevice", 1, 5, b"later", "later"),
    "no task": (b"aclrtSetDevice", 1, 5, b"sync", "queues no task"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_a_fault_that_cannot_be_is_refused(raw_acl, case):
    *arguments, words = case
    assert words in raw_acl.mgnsim_fail(*arguments).decode()
