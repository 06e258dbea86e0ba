# SPDX-License-Identifier: Apache-2.0
"""The exception callback: told of tasks that fail, and what it may ask."""

import ctypes

pytest_plugins = ["support.acl_fixtures"]

CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
FIELDS = ("TaskId", "StreamId", "ThreadId", "DeviceId", "ErrorCode")


def ask(acl, info):
    found = {}
    for field in FIELDS:
        function = getattr(acl.library, f"aclrtGet{field}FromExceptionInfo")
        function.restype = ctypes.c_uint32
        found[field] = function(ctypes.c_void_p(info))
    return found


def test_a_failing_task_is_told_once_with_its_code(acl):
    seen = []
    callback = CALLBACK(lambda info: seen.append(ask(acl, info)))
    acl.ok("aclrtSetExceptionInfoCallback", callback)
    memory = acl.new("aclrtMalloc", 64, 0)
    stream = acl.new("aclrtCreateStream")
    acl.ok("aclrtMemsetAsync", memory, 64, 1, 64, stream)
    acl.fail("aclrtMemsetAsync", code=507015, when="sync")
    acl.ok("aclrtMemsetAsync", memory, 64, 1, 64, stream)
    assert acl.aclrtSynchronizeStream(stream) == 507015
    assert len(seen) == 1
    assert seen[0]["ErrorCode"] == 507015
    assert seen[0]["DeviceId"] == 0
    assert seen[0]["TaskId"] == 2
    assert seen[0]["StreamId"] > 0
    acl.ok("aclrtSetExceptionInfoCallback", None)
    acl.fail("aclrtMemsetAsync", code=507015, when="sync")
    acl.ok("aclrtMemsetAsync", memory, 64, 1, 64, stream)
    assert acl.aclrtSynchronizeStream(stream) == 507015
    assert len(seen) == 1
    acl.ok("aclrtDestroyStream", stream)
    acl.ok("aclrtFree", memory)


def test_the_callback_must_not_wait(acl):
    codes = []

    @CALLBACK
    def wait(_):
        acl.ok("aclrtSetDevice", 0)
        codes.append(acl.aclrtSynchronizeStream(None))
        acl.ok("aclrtResetDevice", 0)

    acl.ok("aclrtSetExceptionInfoCallback", wait)
    event = acl.new("aclrtCreateEvent")
    acl.fail("aclrtRecordEvent", code=507015, when="sync")
    acl.ok("aclrtRecordEvent", event, None)
    assert acl.aclrtSynchronizeStream(None) == 507015
    assert codes == [507000]
    assert acl.take_violations() == ["wait inside a callback"]
    acl.ok("aclrtDestroyEvent", event)


def test_nothing_is_known_about_no_exception(acl):
    assert ask(acl, None) == dict.fromkeys(FIELDS, 0xFFFFFFFF)
    assert acl.message() is not None


def test_the_callback_needs_init(raw_acl):
    raw_acl.ok("aclInit", None)
    raw_acl.ok("aclrtSetExceptionInfoCallback", None)
    raw_acl.ok("aclFinalize")
    assert raw_acl.aclrtSetExceptionInfoCallback(None) == 100001
    assert raw_acl.take_violations() == ["used after aclFinalize"]
