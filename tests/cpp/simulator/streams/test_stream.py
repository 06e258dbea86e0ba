# SPDX-License-Identifier: Apache-2.0
"""From a call to a task: which stream a handle is, and what a stream's end does."""

import ctypes
import threading

import pytest

from support.acl import ABORTS

pytest_plugins = ["support.acl_fixtures"]

USES = {
    "aclrtSynchronizeStream": lambda acl, stream: acl.aclrtSynchronizeStream(stream),
    "aclrtSynchronizeStreamWithTimeout": lambda acl, stream: acl.aclrtSynchronizeStreamWithTimeout(
        stream, 5
    ),
    "aclrtStreamQuery": lambda acl, stream: acl.aclrtStreamQuery(
        stream, ctypes.byref(ctypes.c_int32())
    ),
    "aclrtStreamAbort": lambda acl, stream: acl.aclrtStreamAbort(stream),
    "aclrtSetStreamFailureMode": lambda acl, stream: acl.aclrtSetStreamFailureMode(stream, 0),
    "aclrtSubscribeReport": lambda acl, stream: acl.aclrtSubscribeReport(1, stream),
    "aclrtDestroyStream": lambda acl, stream: acl.aclrtDestroyStream(stream),
    "aclrtDestroyStreamForce": lambda acl, stream: acl.aclrtDestroyStreamForce(stream),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_a_stream_is_used_in_its_own_context(acl, use):
    own = acl.new("aclrtGetCurrentContext")
    stream = acl.new("aclrtCreateStream")
    other = acl.new("aclrtCreateContext", 0)
    assert use(acl, stream) == 107003
    assert acl.take_violations() == ["wrong context"]
    acl.ok("aclrtDestroyContext", other)
    acl.ok("aclrtSetCurrentContext", own)
    acl.ok("aclrtDestroyStream", stream)


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_a_destroyed_stream_is_not_used(acl, use):
    stream = acl.new("aclrtCreateStream")
    acl.ok("aclrtDestroyStream", stream)
    assert use(acl, stream) == 107017
    assert acl.take_violations() == ["destroyed stream used"]


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_what_is_no_stream_is_not_used(acl, use):
    event = acl.new("aclrtCreateEvent")
    assert use(acl, event) == 107017
    assert use(acl, 0x1234) == 107017
    assert acl.take_violations() == ["not a stream"] * 2
    acl.ok("aclrtDestroyEvent", event)


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_without_a_context_there_is_no_stream(acl, use):
    stream = acl.new("aclrtCreateStream")
    codes = []
    thread = threading.Thread(target=lambda: codes.append(use(acl, stream)))
    thread.start()
    thread.join()
    assert codes == [107002]
    acl.ok("aclrtDestroyStream", stream)


def test_null_is_the_current_contexts_default_stream(acl):
    memory = acl.new("aclrtMalloc", 64, 0)
    acl.slow(0.05)
    acl.ok("aclrtMemsetAsync", memory, 64, 1, 64, None)
    assert acl.get("aclrtStreamQuery", None) == 1
    other = acl.new("aclrtCreateContext", 0)
    assert acl.get("aclrtStreamQuery", None) == 0
    acl.ok("aclrtDestroyContext", other)
    assert acl.get("aclrtStreamQuery", None) == 1
    acl.ok("aclrtSynchronizeStream", None)
    acl.ok("aclrtFree", memory)


@pytest.mark.parametrize("acl", [ABORTS], indirect=True)
def test_a_wait_inside_a_callback_is_a_violation(acl):
    codes = []

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    def function(_):
        acl.ok("aclrtSetDevice", 0)
        codes.extend(
            [
                acl.aclrtSynchronizeStream(None),
                acl.aclrtSynchronizeDevice(),
                acl.aclrtStreamAbort(None),
                acl.aclrtDestroyStream(stream),
                acl.aclrtSynchronizeEvent(event),
            ]
        )
        acl.ok("aclrtResetDevice", 0)

    stream = acl.new("aclrtCreateStream")
    event = acl.new("aclrtCreateEvent")
    acl.ok("aclrtLaunchHostFunc", stream, function, None)
    acl.ok("aclrtSynchronizeStream", stream)
    assert codes == [507000] * 5
    assert acl.take_violations() == ["wait inside a callback"] * 5
    acl.ok("aclrtDestroyStream", stream)
    acl.ok("aclrtDestroyEvent", event)
