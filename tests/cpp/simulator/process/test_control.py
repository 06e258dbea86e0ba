# SPDX-License-Identifier: Apache-2.0
"""The control functions, and that the library shows nothing else."""

import re
import subprocess

from support.acl import library_path

pytest_plugins = ["support.acl_fixtures"]


def test_it_says_that_it_is_a_simulator(raw_acl):
    assert raw_acl.mgnsim_is_simulator() == 1


def test_control_works_without_init_and_with_nothing(raw_acl):
    assert raw_acl.mgnsim_configure(None) is None
    assert raw_acl.mgnsim_fail(None, 1, 5, None) is not None
    assert raw_acl.mgnsim_fail(b"aclInit", 1, 5, None) is None
    assert raw_acl.aclInit(None) == 5
    raw_acl.slow(-1)
    raw_acl.mgnsim_trace_stop()
    raw_acl.mgnsim_set_executor(None)


def test_slowness_ends_with_the_faults(acl):
    acl.slow(1e9)
    acl.mgnsim_reset_faults()
    memory = acl.new("aclrtMalloc", 64, 0)
    acl.ok("aclrtMemset", memory, 64, 1, 64)
    acl.ok("aclrtFree", memory)


def test_only_functions_of_acl_and_of_control_are_exported():
    listed = subprocess.run(
        ["nm", "-D", "--defined-only", library_path()], capture_output=True, text=True, check=True
    )
    names = [line.split()[-1] for line in listed.stdout.splitlines()]
    own = [n for n in names if not re.match(r"(acl|mgnsim_)", n)]
    # A sanitizer's build adds marks of its own.
    assert [n for n in own if not n.startswith(("__", "_fini", "_init", "_Z"))] == []
    assert not any(n.startswith("_ZN3mgn") for n in own)


def test_the_library_has_the_vendors_name():
    listed = subprocess.run(
        ["readelf", "-d", library_path()], capture_output=True, text=True, check=True
    )
    assert re.search(r"SONAME.*\[libascendcl.so\]", listed.stdout)
    assert "NODELETE" in listed.stdout
