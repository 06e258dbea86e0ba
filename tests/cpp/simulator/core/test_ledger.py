# SPDX-License-Identifier: Apache-2.0
"""The ledger: live objects, what was created, violations, leaks at the end."""

import ctypes

pytest_plugins = ["support.acl_fixtures"]


def test_live_objects_bytes_and_creations_are_counted_by_kind(acl):
    acl.mgnsim_reset_ledger()
    first = acl.new("aclrtMalloc", 100, 0)
    second = acl.new("acldvppMalloc", 28)
    host = acl.new("aclrtMallocHost", 7)
    ledger = acl.ledger()
    assert ledger["live"]["device_memory"] == 2
    assert ledger["live_bytes"]["device_memory"] == 128
    assert ledger["live_bytes"]["pinned_memory"] == 7
    acl.ok("aclrtFree", first)
    acl.ok("acldvppFree", second)
    acl.ok("aclrtFreeHost", host)
    ledger = acl.ledger()
    assert ledger["live"]["device_memory"] == ledger["live_bytes"]["device_memory"] == 0
    assert ledger["created"]["device_memory"] == 2


def test_a_violation_names_call_rule_and_detail(acl):
    memory = acl.new("aclrtMalloc", 100, 0)
    acl.ok("aclrtFree", memory)
    assert acl.aclrtFree(memory) == 107000
    ledger = acl.ledger()
    assert ledger["violation_counts"] == {"double free": 1}
    assert ledger["violations"] == [
        {
            "call": "aclrtFree",
            "rule": "double free",
            "detail": "the address is of memory of aclrtMalloc, 100 bytes, freed",
        }
    ]
    acl.take_violations()


def test_all_violations_are_counted_and_a_thousand_are_told(acl):
    for _ in range(1100):
        acl.aclrtFree(0x1000)
    ledger = acl.ledger()
    assert len(ledger["violations"]) == 1000
    assert ledger["violation_counts"] == {"free of foreign memory": 1100}
    acl.take_violations()


def test_a_reset_forgets_the_past_and_keeps_what_lives(acl):
    stream = acl.new("aclrtCreateStream")
    acl.aclrtFree(0x1000)
    acl.mgnsim_reset_ledger()
    ledger = acl.ledger()
    assert ledger["violations"] == []
    assert ledger["violation_counts"] == ledger["calls"] == {}
    assert ledger["created"]["stream"] == 0
    assert ledger["live"]["stream"] == 1
    assert ledger["init"] == 0
    acl.ok("aclrtDestroyStream", stream)


def test_whatever_lives_at_finalize_is_a_leak_of_its_kind(raw_acl):
    raw_acl.open()
    raw_acl.new("aclrtMalloc", 64, 0)
    raw_acl.new("aclrtMallocHost", 64)
    raw_acl.new("aclrtCreateStream")
    raw_acl.new("aclrtCreateStream")
    raw_acl.new("aclrtCreateEvent")
    raw_acl.new("aclrtCreateContext", 0)
    raw_acl.ok("aclFinalize")
    ledger = raw_acl.ledger()
    details = {v["rule"]: v["detail"] for v in ledger["violations"]}
    assert set(details) == {
        "leak of device_memory",
        "leak of pinned_memory",
        "leak of stream",
        "leak of event",
        "leak of context",
    }
    assert details["leak of stream"] == "2 not released, one of them made by aclrtCreateStream"
    assert not any(ledger["live"].values())
    raw_acl.take_violations()


def test_initialisations_are_counted(raw_acl):
    for _ in range(3):
        raw_acl.open()
        raw_acl.close()
    assert raw_acl.ledger()["init"] == 3


def test_the_text_is_cut_where_the_buffer_ends(raw_acl):
    needed = raw_acl.library.mgnsim_ledger(None, 0)
    buffer = ctypes.create_string_buffer(b"x" * 10, 10)
    assert raw_acl.library.mgnsim_ledger(buffer, ctypes.c_size_t(5)) == needed
    assert buffer.raw[:6] == raw_acl.text("mgnsim_ledger").encode()[:4] + b"\0x"
