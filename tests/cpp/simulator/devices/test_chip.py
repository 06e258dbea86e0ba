# SPDX-License-Identifier: Apache-2.0
"""Kinds of chips: memory, limits, and whether streams can be aborted."""

import ctypes

import pytest

from support.acl import FAST

pytest_plugins = ["support.acl_fixtures"]

DDR, HBM = 0, 1
# Streams, events, whether there is HBM, what aborting a stream answers.
CHIPS = {
    "Ascend310": (1024, 1023, False, 207000),
    "Ascend310P3": (1024, 1023, False, 207000),
    "Ascend310B1": (512, 65536, False, 207000),
    "Ascend310B4": (512, 65536, False, 207000),
    "Ascend910A": (2048, 65535, True, 207000),
    "Ascend910B4": (1984, 65536, True, 0),
    "Ascend910_9392": (1984, 65536, True, 0),
    "Ascend950PR": (1984, 65536, True, 0),
    "of no known kind": (1024, 1023, False, 207000),
}


@pytest.fixture(params=CHIPS)
def chip(raw_acl, request):
    """The library as that chip, and what it has to be."""
    raw_acl.open(f"{FAST};soc_version={request.param}")
    yield CHIPS[request.param]
    raw_acl.close()


def total(acl, attribute):
    free, whole = ctypes.c_size_t(), ctypes.c_size_t()
    acl.ok("aclrtGetMemInfo", attribute, ctypes.byref(free), ctypes.byref(whole))
    return whole.value


def test_memory_is_of_its_kind(raw_acl, chip):
    assert total(raw_acl, HBM) > 0
    assert (total(raw_acl, DDR) == 0) == chip[2]


def test_streams_are_as_many_as_it_has(raw_acl, chip):
    left = raw_acl.get("aclrtGetStreamAvailableNum", kind=ctypes.c_uint32)
    assert left == chip[0] - 2  # the default stream and the card's internal one


def test_aborting_a_stream_is_supported_or_says_so(raw_acl, chip):
    stream = raw_acl.new("aclrtCreateStream")
    assert raw_acl.aclrtStreamAbort(stream) == chip[3]
    if chip[3]:
        assert "cannot abort streams" in raw_acl.message()
    raw_acl.ok("aclrtDestroyStream", stream)


@pytest.mark.parametrize("soc", ["Ascend310", "Ascend310P3"])
def test_recorded_events_are_as_many_as_it_has(raw_acl, soc):
    raw_acl.open(f"{FAST};soc_version={soc}")
    events = [raw_acl.new("aclrtCreateEvent") for _ in range(CHIPS[soc][1] + 1)]
    codes = [raw_acl.aclrtRecordEvent(event, None) for event in events]
    assert codes[:-1] == [0] * CHIPS[soc][1]
    assert codes[-1] == 207007
    raw_acl.ok("aclrtSynchronizeStream", None)
    for event in events:
        raw_acl.ok("aclrtDestroyEvent", event)
    raw_acl.close()


def test_limits_that_are_set_win(raw_acl):
    raw_acl.open(f"{FAST};soc_version=Ascend310B4;streams_per_device=9;events_per_device=1")
    assert raw_acl.get("aclrtGetStreamAvailableNum", kind=ctypes.c_uint32) == 7
    first, second = (raw_acl.new("aclrtCreateEvent") for _ in range(2))
    raw_acl.ok("aclrtRecordEvent", first, None)
    assert raw_acl.aclrtRecordEvent(second, None) == 207007
    raw_acl.ok("aclrtSynchronizeStream", None)
    for event in (first, second):
        raw_acl.ok("aclrtDestroyEvent", event)
    raw_acl.close()
