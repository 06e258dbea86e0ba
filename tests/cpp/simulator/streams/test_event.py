# SPDX-License-Identifier: Apache-2.0
"""Events from their creation to their end."""

import ctypes

import pytest

pytest_plugins = ["support.acl_fixtures"]

CREATORS = ["aclrtCreateEventWithFlag", "aclrtCreateEventExWithFlag"]


@pytest.mark.parametrize("name", CREATORS)
def test_flags_are_known_ones(acl, name):
    handle = ctypes.c_void_p(3)
    for flag in (0, 4, 16, 0x40, 0xFFFFFFFF):
        assert getattr(acl, name)(ctypes.byref(handle), flag) == 107000
    assert handle.value == 3
    for flag in (1, 2, 8, 11):
        acl.ok("aclrtDestroyEvent", acl.new(name, flag))
    assert getattr(acl, name)(None, 1) == 100000


def test_null_events_are_refused(acl):
    assert acl.aclrtCreateEvent(None) == 100000
    assert acl.aclrtDestroyEvent(None) == 100000
    assert acl.aclrtRecordEvent(None, None) == 100000
    assert acl.aclrtSynchronizeEvent(None) == 100000


def test_destroyed_and_foreign_events_are_not_used(acl):
    event = acl.new("aclrtCreateEvent")
    acl.ok("aclrtDestroyEvent", event)
    assert acl.aclrtDestroyEvent(event) == 107017
    assert acl.aclrtRecordEvent(event, None) == 107017
    assert acl.take_violations() == ["destroyed event used"] * 2
    stream = acl.new("aclrtCreateStream")
    assert acl.aclrtRecordEvent(stream, None) == 107017
    assert acl.take_violations() == ["not an event"]
    acl.ok("aclrtDestroyStream", stream)


def test_an_event_is_used_in_its_own_context(acl):
    own = acl.new("aclrtGetCurrentContext")
    event = acl.new("aclrtCreateEventWithFlag", 1)
    other = acl.new("aclrtCreateContext", 0)
    assert acl.aclrtRecordEvent(event, None) == 107003
    assert acl.aclrtStreamWaitEvent(None, event) == 107003
    assert acl.aclrtResetEvent(event, None) == 107003
    assert acl.aclrtDestroyEvent(event) == 107003
    assert acl.take_violations() == ["wrong context"] * 4
    acl.ok("aclrtDestroyContext", other)
    acl.ok("aclrtSetCurrentContext", own)
    acl.ok("aclrtDestroyEvent", event)


@pytest.mark.parametrize("acl", ["events_per_device=2;timing=false"], indirect=True)
def test_a_device_runs_out_of_recorded_events(acl):
    events = [acl.new("aclrtCreateEvent") for _ in range(3)]
    for _ in range(2):
        for event in events[:2]:
            acl.ok("aclrtRecordEvent", event, None)
    assert acl.aclrtRecordEvent(events[2], None) == 207007
    acl.ok("aclrtSynchronizeStream", None)
    acl.ok("aclrtDestroyEvent", events[0])
    acl.ok("aclrtRecordEvent", events[2], None)
    acl.ok("aclrtSynchronizeStream", None)
    for event in events[1:]:
        acl.ok("aclrtDestroyEvent", event)


def test_destroying_an_event_in_flight_is_a_violation(acl):
    acl.slow(0.05)
    event = acl.new("aclrtCreateEvent")
    acl.ok("aclrtRecordEvent", event, None)
    assert acl.aclrtDestroyEvent(event) == 107000
    assert acl.take_violations() == ["event destroyed in flight"]
    acl.ok("aclrtSynchronizeStream", None)


def test_a_stream_that_waits_for_a_destroyed_event_goes_on(acl):
    event = acl.new("aclrtCreateEvent")
    acl.ok("aclrtStreamWaitEvent", None, event)
    assert acl.aclrtDestroyEvent(event) == 107000
    assert acl.take_violations() == ["event destroyed in flight"]
    acl.ok("aclrtSynchronizeStream", None)
