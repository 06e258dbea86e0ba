# SPDX-License-Identifier: Apache-2.0
import platform
import shutil
import sys
import sysconfig

import pytest

from mgn_fast import _core
from wheels import WheelError
from wheels.pythons import find_target, machine_of, starting

VERSION = f"3.{sys.version_info.minor}"
MACHINE = platform.machine()
OTHER = {"x86_64": "aarch64", "aarch64": "x86_64"}[MACHINE]


@pytest.fixture
def root(tmp_path):
    """A Debian root of this machine with a Python that does not exist."""
    (tmp_path / "usr/bin").mkdir(parents=True)
    shutil.copy(_core.__file__, tmp_path / "usr/bin/python3.99")
    for place in ("python3.99", f"{MACHINE}-linux-gnu/python3.99"):
        (tmp_path / "usr/include" / place).mkdir(parents=True)
    (tmp_path / "usr/include/python3.99/Python.h").write_text("// of all machines\n")
    (tmp_path / f"usr/include/{MACHINE}-linux-gnu/python3.99/pyconfig.h").write_text("// own\n")
    return tmp_path


@pytest.mark.usefixtures("own_process")
def test_an_interpreter_is_found_with_its_headers():
    target = find_target(VERSION, MACHINE, [])
    assert (target.include / "Python.h").is_file()
    assert target.command
    assert target.suffix == sysconfig.get_config_var("EXT_SUFFIX")


@pytest.mark.usefixtures("own_process")
def test_headers_serve_the_other_machine_too():
    target = find_target(VERSION, OTHER, [])
    assert target.include == find_target(VERSION, MACHINE, []).include
    assert target.command == ()
    assert not target.is_native
    assert OTHER in target.suffix


def test_a_root_has_both(root, tmp_path_factory):
    target = find_target("3.99", MACHINE, [root])
    assert target.root == root
    assert target.command[-1] == str(root / "usr/bin/python3.99")
    headers = target.headers(tmp_path_factory.mktemp("headers"))
    assert (headers / "Python.h").is_file()
    assert (headers / f"{MACHINE}-linux-gnu/python3.99/pyconfig.h").is_file()
    # Of the other machine there is no interpreter, but these headers serve.
    assert find_target("3.99", OTHER, [root]).command == ()


def test_what_is_not_here_is_named(root):
    with pytest.raises(WheelError, match=r"no headers of Python 3\.98: neither"):
        find_target("3.98", MACHINE, [root])
    (root / "usr/include/python3.99/Python.h").unlink()
    with pytest.raises(WheelError, match=r"no --root has usr/include/python3\.99/Python\.h"):
        find_target("3.99", MACHINE, [root])


def test_a_file_that_is_no_program_is_no_python(root):
    assert machine_of(root, "3.98") is None
    (root / "usr/bin/python3.97").write_text("#!/bin/sh\n")
    with pytest.raises(WheelError, match=r"python3\.97 .* is no shared library"):
        machine_of(root, "3.97")


def test_the_other_machine_needs_an_emulator(root, monkeypatch):
    monkeypatch.setenv("PATH", str(root))
    assert starting(root, "3.99", OTHER, "") == ()
    assert starting(root, "3.99", OTHER, "qemu")[:3] == ("qemu", "-L", str(root))
    (root / "opt").mkdir()
    own = root / f"opt/qemu-{OTHER}"
    own.touch()
    assert starting(root, "3.99", OTHER, "")[0] == str(own)
