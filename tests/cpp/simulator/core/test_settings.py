# SPDX-License-Identifier: Apache-2.0
"""The simulator's settings: every key, every refusal, the environment."""

import ctypes

import pytest

from support.acl import run_program

pytest_plugins = ["support.acl_fixtures"]

REFUSED = {
    "unknown key": ("colour=red", "colour"),
    "no value": ("timing", "timing"),
    "not a number": ("device_count=many", "device_count"),
    "a number and more": ("device_count=1x", "device_count"),
    "negative": ("jitter=-1", "jitter"),
    "never done": ("compute_slowdown=inf", "compute_slowdown"),
    "too large": ("device_count=65", "device_count"),
    "jitter above one": ("jitter=1.5", "jitter"),
    "not finite": ("task_delay_s=nan", "task_delay_s"),
    "empty number": ("copy_in_bytes_per_s=", "copy_in_bytes_per_s"),
    "unknown word": ("run_mode=card", "run_mode"),
    "unknown compute": ("compute=guess", "compute"),
    "neither yes nor no": ("guard=maybe", "guard"),
    "empty name": ("soc_version=", "soc_version"),
    "unknown generation": ("cann=5.0", "cann"),
    "one stream is too few": ("streams_per_device=1", "streams_per_device"),
    "a chip without published times": ("soc_version=Ascend310B4;timing=true", "soc_version"),
    "the same, timed by default": ("soc_version=Ascend310B4", "soc_version"),
}


@pytest.mark.parametrize(("text", "key"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_is_refused_with_its_key(raw_acl, text, key):
    error = raw_acl.mgnsim_configure(text.encode())
    assert key in error.decode()


def test_entries_end_with_lines_or_semicolons_and_may_be_empty(raw_acl):
    raw_acl.configure("\nsoc_version=Ascend310B4;;device_count=3\ntiming=0;guard=false\n")
    assert raw_acl.aclrtGetSocName() == b"Ascend310B4"
    assert raw_acl.get("aclrtGetDeviceCount", kind=ctypes.c_uint32) == 3


def test_a_refused_text_changes_nothing(raw_acl):
    raw_acl.configure("device_count=5")
    assert raw_acl.mgnsim_configure(b"device_count=6;jitter=2") is not None
    assert raw_acl.get("aclrtGetDeviceCount", kind=ctypes.c_uint32) == 5


def test_every_key_is_read(raw_acl):
    raw_acl.configure(
        "soc_version=A;device_count=1;run_mode=device;timing=false;compute=deterministic;"
        "on_violation=abort;guard=1;copy_in_bytes_per_s=1e9;copy_out_bytes_per_s=2.5e9;jitter=0.5;"
        "compute_slowdown=2;task_delay_s=0.1;seed=18446744073709551615;memory_bytes=1000;streams_per_device=9;"
        "events_per_device=0;calls_missing=aclrtMemset;cann=6.3"
    )
    raw_acl.configure("compute=onnx;on_violation=error;run_mode=host")


def test_settings_do_not_change_under_a_running_process(acl):
    error = acl.mgnsim_configure(b"timing=false")
    assert b"before aclInit" in error


@pytest.mark.usefixtures("own_process")
def test_the_environment_sets_what_no_python_does():
    done = run_program(
        "print(acl.aclrtGetSocName(), acl.get('aclrtGetDeviceCount'))",
        MGN_FAST_SIMULATOR="soc_version=Ascend910B3;device_count=8;timing=0",
    )
    assert done.stdout.split() == ["b'Ascend910B3'", "8"], done.stderr


@pytest.mark.usefixtures("own_process")
def test_a_wrong_environment_fails_init_and_says_where():
    done = run_program(
        """
        print(acl.aclInit(None), acl.aclrtGetSocName())
        print(acl.message())
        acl.configure("")
        print(acl.aclInit(None))
        """,
        MGN_FAST_SIMULATOR="device_count=-1",
    )
    assert done.stdout.startswith("100000 b'Ascend310P3'\n"), done.stderr
    assert done.stdout.endswith("\n0\n")
    assert "MGN_FAST_SIMULATOR" in done.stdout
    assert "device_count" in done.stdout
