# SPDX-License-Identifier: Apache-2.0
import pytest

from wheels.interpreters import find_interpreter

pytestmark = pytest.mark.usefixtures("own_process")


def write(path, says, code=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {says}\nexit {code}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def pyenv(tmp_path, monkeypatch):
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "pyenv/versions"


def test_the_newest_release_of_pyenvs_by_number(pyenv):
    for name in ("3.99.9", "3.99.10", "3.99.2", "3.99.11rc1", "3.9.9"):
        write(pyenv / name / "bin/python", "3.99")
    assert find_interpreter("3.99") == pyenv / "3.99.10/bin/python"


def test_the_one_on_the_path_goes_first_where_it_runs(pyenv, tmp_path):
    own = write(pyenv / "3.99.1/bin/python", "3.99")
    on_path = write(tmp_path / "bin/python3.99", "3.99")
    assert find_interpreter("3.99") == on_path
    write(on_path, "''", code=127)  # as a shim of pyenv's without that version
    assert find_interpreter("3.99") == own


def test_what_is_not_here_or_another_version_is_none(pyenv):
    assert find_interpreter("3.99") is None
    write(pyenv / "3.99.1/bin/python", "3.98")
    write(pyenv / "3.99.2/bin/python", "3.99").chmod(0o644)
    assert find_interpreter("3.99") is None
