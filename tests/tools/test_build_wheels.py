# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import pytest

from support.repository import ROOT

pytestmark = pytest.mark.usefixtures("own_process")


def run(*words):
    command = [sys.executable, str(ROOT / "tools/build_wheels"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--floor", "2.31"], "2.31 is not from 2.17 to 2.28"),
        (["--floor", "new"], "'new' is no glibc version"),
        (["--python", "3.9"], "invalid choice: '3.9'"),
        (["--machine", "riscv64"], "invalid choice: 'riscv64'"),
        (["--root", "nowhere"], "nowhere is no root: it has no usr/bin"),
        ([], "the following arguments are required: -o/--output"),
    ],
)
def test_options_that_make_no_sense(words, told):
    done = run(*words)
    assert done.returncode == 2
    assert told in done.stderr


def test_a_python_that_is_not_here_is_never_left_out(tmp_path, monkeypatch):
    """Its line says so, and the exit code too."""
    code = (
        "import runpy, sys\n"
        f"sys.path.insert(0, {str(ROOT / 'tools')!r})\n"
        "from wheels import compiler, pythons\n"
        "compiler.check_tools = lambda: None\n"
        "pythons.find_interpreter = lambda version: None\n"
        f"sys.argv = ['build_wheels', '--python', '3.14', '-o', {str(tmp_path)!r}]\n"
        f"runpy.run_path({str(ROOT / 'tools/build_wheels')!r}, run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "3.14 x86_64: no headers of Python 3.14" in done.stdout
    assert "3.14 aarch64: no headers of Python 3.14" in done.stdout
    assert (tmp_path / "wheels.json").read_text().count("no headers") == 2
