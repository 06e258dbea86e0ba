# SPDX-License-Identifier: Apache-2.0
"""Contexts that begin and end: what aclFinalize leaves, and what a thread keeps of an ended one."""

import ctypes

pytest_plugins = ["support.acl_fixtures"]


def test_finalize_ends_every_context_and_what_is_in_it(raw_acl):
    raw_acl.open()
    raw_acl.new("aclrtCreateContext", 0)
    raw_acl.new("aclrtCreateStream")
    raw_acl.new("aclrtCreateEvent")
    raw_acl.ok("aclFinalize")
    assert not any(raw_acl.ledger()["live"].values())
    assert sorted(raw_acl.take_violations()) == [
        "leak of context",
        "leak of event",
        "leak of stream",
    ]


def test_a_context_of_before_finalize_is_no_longer_current(raw_acl):
    raw_acl.open()
    raw_acl.ok("aclrtResetDevice", 0)
    raw_acl.ok("aclFinalize")
    raw_acl.ok("aclInit", None)
    assert raw_acl.aclrtGetDevice(ctypes.byref(ctypes.c_int32())) == 107002
    raw_acl.ok("aclrtSetDevice", 0)
    raw_acl.close()


def test_a_reset_device_is_set_anew_with_another_default_context(raw_acl):
    raw_acl.open()
    first = raw_acl.new("aclrtGetCurrentContext")
    raw_acl.ok("aclrtResetDevice", 0)
    raw_acl.ok("aclrtSetDevice", 0)
    assert raw_acl.new("aclrtGetCurrentContext") != first
    assert raw_acl.aclrtSetCurrentContext(first) == 107002
    assert raw_acl.take_violations() == ["destroyed context used"]
    raw_acl.close()
