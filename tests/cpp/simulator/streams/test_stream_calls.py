# SPDX-License-Identifier: Apache-2.0
"""The C functions of streams: their arguments and limits."""

import ctypes

import pytest

pytest_plugins = ["support.acl_fixtures"]


def test_arguments_are_checked(acl):
    handle = ctypes.c_void_p(9)
    out = ctypes.byref(handle)
    assert acl.aclrtCreateStream(None) == 100000
    assert acl.aclrtCreateStreamWithConfig(None, 0, 3) == 100000
    assert acl.aclrtCreateStreamWithConfig(out, 8, 3) == 107000
    assert acl.aclrtCreateStreamWithConfig(out, 0, 4) == 107000
    assert acl.aclrtDestroyStream(None) == 100000
    assert acl.aclrtDestroyStreamForce(None) == 100000
    assert acl.aclrtSynchronizeStreamWithTimeout(None, -2) == 107000
    assert acl.aclrtSynchronizeDeviceWithTimeout(-2) == 107000
    assert acl.aclrtStreamQuery(None, None) == 100000
    assert acl.aclrtSetStreamFailureMode(None, 2) == 107000
    assert acl.aclrtSetStreamFailureMode(None, 1) == 207000
    assert acl.aclrtGetStreamAvailableNum(None) == 100000
    assert handle.value == 9


@pytest.mark.parametrize("flags", [0, 1, 2, 3])
def test_configured_streams(acl, flags):
    stream = acl.new("aclrtCreateStreamWithConfig", 7, flags)
    acl.ok("aclrtSynchronizeStream", stream)
    acl.ok("aclrtDestroyStream", stream)


@pytest.mark.parametrize("acl", ["streams_per_device=6"], indirect=True)
def test_a_device_runs_out_of_streams_and_recovers(acl):
    """Two are the default context's."""
    assert acl.get("aclrtGetStreamAvailableNum", kind=ctypes.c_uint32) == 4
    streams = [acl.new("aclrtCreateStream") for _ in range(4)]
    handle = ctypes.c_void_p()
    assert acl.aclrtCreateStream(ctypes.byref(handle)) == 207008
    assert "all 6 streams" in acl.message()
    for stream in streams:
        acl.ok("aclrtDestroyStream", stream)
    assert acl.get("aclrtGetStreamAvailableNum", kind=ctypes.c_uint32) == 4


@pytest.mark.parametrize("acl", ["streams_per_device=2;run_mode=device"], indirect=True)
def test_a_boards_context_takes_one_stream(acl):
    stream = acl.new("aclrtCreateStream")
    assert acl.get("aclrtGetStreamAvailableNum", kind=ctypes.c_uint32) == 0
    acl.ok("aclrtDestroyStream", stream)


def test_a_subscribed_stream_is_unsubscribed_before_its_end(acl):
    stream = acl.new("aclrtCreateStream")
    acl.ok("aclrtSubscribeReport", 4711, stream)
    assert acl.aclrtDestroyStream(stream) == 107000
    assert acl.take_violations() == ["stream destroyed while subscribed"]


def test_handles_are_not_given_out_twice(acl):
    seen = set()
    for _ in range(500):
        stream = acl.new("aclrtCreateStream")
        seen.add(stream)
        acl.ok("aclrtDestroyStream", stream)
    assert len(seen) == 500
