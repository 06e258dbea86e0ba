# SPDX-License-Identifier: Apache-2.0
"""Generations of CANN: what each lacks, and that every exported function is in the table."""

import ctypes
import json
import subprocess

import pytest

from support.acl import FAST, library_path

pytest_plugins = ["support.acl_fixtures"]

CANN = ("5.1.RC1", "6.0", "6.3", "7.0", "8.0", "8.5", "9.1")
TIME_LINE, SYNC, PROGRESS = 0x8, 0x1, 0x2


def exported():
    listed = subprocess.run(
        ["nm", "-D", "--defined-only", library_path()], capture_output=True, text=True, check=True
    )
    names = (line.split()[-1] for line in listed.stdout.splitlines())
    return {name for name in names if name.startswith("acl")}


def test_every_exported_function_has_its_generation_and_nothing_else_has(raw_acl):
    table = json.loads(raw_acl.text("mgnsim_generations"))
    assert set(table) == exported()
    assert set(table.values()) <= set(CANN)


@pytest.mark.parametrize("cann", CANN)
def test_a_generation_lacks_what_came_later(raw_acl, cann):
    table = json.loads(raw_acl.text("mgnsim_generations"))
    raw_acl.configure(f"{FAST};cann={cann}")
    missing = {name for name in table if raw_acl.mgnsim_is_missing(name.encode())}
    assert missing == {name for name in table if CANN.index(table[name]) > CANN.index(cann)}


def test_what_is_named_is_missing_beside_what_came_later(raw_acl):
    raw_acl.configure(f"{FAST};cann=6.0;calls_missing=aclrtMemset")
    missing = [b"aclrtMemset", b"aclrtStreamQuery"]
    assert [raw_acl.mgnsim_is_missing(name) for name in [*missing, b"aclrtMalloc"]] == [1, 1, 0]


@pytest.mark.parametrize(("cann", "code"), [("6.3", 207000), ("7.0", 0)])
def test_a_function_that_came_later_answers_that_it_is_not_supported(raw_acl, cann, code):
    raw_acl.open(f"{FAST};cann={cann}")
    status = ctypes.c_int32()
    assert raw_acl.aclrtStreamQuery(None, ctypes.byref(status)) == code
    if code:
        assert f"is not there in CANN {cann}" in raw_acl.message()
    raw_acl.close()


@pytest.mark.parametrize(
    ("cann", "known"),
    [
        ("5.1.RC1", {TIME_LINE}),
        ("6.0", {TIME_LINE}),
        ("6.3", {TIME_LINE, SYNC}),
        ("7.0", {TIME_LINE, SYNC, PROGRESS}),
        ("9.1", {TIME_LINE, SYNC, PROGRESS}),
    ],
)
def test_flags_of_events_came_one_after_the_other(raw_acl, cann, known):
    raw_acl.open(f"{FAST};cann={cann}")
    event = ctypes.c_void_p()
    for flag in (TIME_LINE, SYNC, PROGRESS, 0x40, 0):
        code = raw_acl.aclrtCreateEventWithFlag(ctypes.byref(event), flag)
        assert code == (0 if flag in known else 107000), flag
        if code == 0:
            raw_acl.ok("aclrtDestroyEvent", event.value)
    raw_acl.ok("aclrtDestroyEvent", raw_acl.new("aclrtCreateEvent"))
    raw_acl.close()


@pytest.mark.parametrize(("cann", "minor"), [("5.1.RC1", 1), ("8.0", 10), ("9.1", 17)])
def test_the_version_is_the_generations(raw_acl, cann, minor):
    raw_acl.configure(f"{FAST};cann={cann}")
    numbers = [ctypes.c_int32() for _ in range(3)]
    raw_acl.ok("aclrtGetVersion", *map(ctypes.byref, numbers))
    assert [number.value for number in numbers] == [1, minor, 0]
