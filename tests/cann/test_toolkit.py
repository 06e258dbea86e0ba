# SPDX-License-Identifier: Apache-2.0
import os
import platform
from pathlib import Path

import pytest

from mgn_fast.cann import toolkit
from mgn_fast.cann.toolkit import (
    atc_version,
    environment_file,
    find_atc,
    is_environment_set,
    remedy,
)
from mgn_fast.errors import InvalidInputError, RuntimeUnavailableError


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """No CANN anywhere, but where the test puts it: the home directory is the test's."""
    for name in list(os.environ):
        if name.startswith(("ASCEND", "MGN_FAST")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def program(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_given_one_goes_before_all(bare, monkeypatch):
    monkeypatch.setenv("MGN_FAST_ATC", str(program(bare / "second")))
    first = program(bare / "first")
    assert find_atc(first) == first


def test_the_variable_goes_before_path(bare, monkeypatch):
    program(bare / "bin" / "atc")
    named = program(bare / "my atc")
    monkeypatch.setenv("MGN_FAST_ATC", str(named))
    assert find_atc() == named


def test_a_name_is_looked_up_in_path(bare):
    named = program(bare / "bin" / "other-atc")
    assert find_atc("other-atc") == named


def test_path_goes_before_cann_s_own_variables(bare, monkeypatch):
    in_path = program(bare / "bin" / "atc")
    program(bare / "cann" / "bin" / "atc")
    monkeypatch.setenv("ASCEND_HOME_PATH", str(bare / "cann"))
    assert find_atc() == in_path


@pytest.mark.parametrize(
    "below",
    ["bin/atc", "compiler/bin/atc", "atc/bin/atc", f"{platform.machine()}-linux/bin/atc"],
)
@pytest.mark.parametrize("variable", ["ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME"])
def test_the_toolkit_is_searched_below_its_variables(bare, monkeypatch, variable, below):
    found = program(bare / "toolkit" / below)
    monkeypatch.setenv(variable, str(bare / "toolkit"))
    assert find_atc() == found


@pytest.mark.parametrize("place", ["ascend-toolkit/latest", "cann", "latest", "nnae/latest"])
def test_a_users_own_installation_is_found(bare, place):
    found = program(bare / "Ascend" / place / "bin" / "atc")
    assert find_atc() == found


def test_a_relative_path_becomes_absolute(bare, monkeypatch):
    program(bare / "here" / "atc")
    monkeypatch.chdir(bare)
    assert find_atc(Path("here/atc")) == bare / "here" / "atc"


@pytest.mark.parametrize("asked", ["missing", "atc; rm -rf /", "."])
def test_what_is_no_program_is_refused(bare, monkeypatch, asked):
    with pytest.raises(InvalidInputError, match=r"atc is .*expected a program"):
        find_atc(asked)
    monkeypatch.setenv("MGN_FAST_ATC", asked)
    with pytest.raises(InvalidInputError, match=r"MGN_FAST_ATC is .*expected a program"):
        find_atc()


def test_a_file_that_may_not_be_run_is_not_taken(bare):
    program(bare / "Ascend" / "cann" / "bin" / "atc").chmod(0o644)
    with pytest.raises(RuntimeUnavailableError):
        find_atc()


def test_without_cann_the_message_says_how_to_bring_it(bare):
    with pytest.raises(
        RuntimeUnavailableError, match=r"set_env\.sh.*MGN_FAST_ATC.*simulate"
    ) as info:
        find_atc()
    assert str(bare / "Ascend/cann/bin/atc") in info.value.tried


def test_the_set_env_that_is_there_is_named(bare):
    script = bare / "Ascend" / "ascend-toolkit" / "set_env.sh"
    assert environment_file() is None
    script.parent.mkdir(parents=True)
    script.write_text("")
    assert environment_file() == script
    assert remedy() == f"source {script}"
    with pytest.raises(RuntimeUnavailableError, match=f"source {script}"):
        find_atc()


def test_the_environment_is_set_when_operators_are_found(bare, monkeypatch):
    assert not is_environment_set()
    monkeypatch.setenv("ASCEND_OPP_PATH", str(bare))
    assert is_environment_set()


@pytest.mark.parametrize(
    ("name", "text", "version"),
    [
        ("version.info", "Version=7.6.0.1.220\nversion_dir=8.2.RC1\n", "7.6.0.1.220"),
        ("ascend_toolkit_install.info", "package_name=toolkit\nversion=8.0.RC3\n", "8.0.RC3"),
        ("version.cfg", "# version: 1.0\nversion=[6.3.RC1:6.3]\n", "6.3.RC1"),
    ],
)
def test_the_version_is_read_from_beside_the_compiler(tmp_path, name, text, version):
    found = program(tmp_path / "x86_64-linux" / "bin" / "atc")
    (tmp_path / "x86_64-linux" / name).write_text(text)
    link = tmp_path / "elsewhere"
    link.symlink_to(found)
    assert atc_version(found) == atc_version(link) == version


def test_a_compiler_without_version_files_has_none(tmp_path):
    (tmp_path / "version.info").write_bytes(b"\xff\xfe nothing")
    assert atc_version(program(tmp_path / "a" / "b" / "c" / "bin" / "atc")) is None


def test_the_usual_places_are_searched_below_usr_local_too():
    assert Path("/usr/local/Ascend/cann/bin/atc") in list(toolkit._candidates())
