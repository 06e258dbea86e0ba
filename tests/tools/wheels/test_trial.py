# SPDX-License-Identifier: Apache-2.0
import json
import os
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from wheels import WheelError, trial
from wheels.pythons import Target

TARGET = Target("3.11", platform.machine(), Path("include"), ("python3.11",))


def test_without_an_interpreter_nothing_is_run(tmp_path):
    target = replace(TARGET, command=())
    tried = trial.try_wheel(tmp_path / "no.whl", target, tmp_path / "place")
    assert tried.found is None
    assert tried.where == f"not run: no Python 3.11 for {platform.machine()} here"


def test_there_is_no_compiler_to_be_found(tmp_path, monkeypatch):
    """The PATH of installing and of trying has the environment's own programs and no other."""
    seen = []

    def call(command, environment, place):
        seen.append((command, environment))
        return json.dumps({"simd": "scalar"}) if str(trial.TRY) in command else ""

    monkeypatch.setattr(trial, "call", call)
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    tried = trial.try_wheel(tmp_path / "a.whl", TARGET, tmp_path / "place")
    assert tried.found == {"simd": "scalar"}
    assert len(seen) == 4
    assert {environment["PATH"] for _, environment in seen} == {str(tmp_path / "place/bin")}
    assert not any("PYTHONPATH" in environment for _, environment in seen)


def test_a_root_s_python_finds_the_wheel_beside_it(tmp_path, monkeypatch):
    seen = []

    def call(command, environment, place):
        seen.append((command, environment))
        return "{}"

    monkeypatch.setattr(trial, "call", call)
    machine = {"x86_64": "aarch64", "aarch64": "x86_64"}[platform.machine()]
    target = replace(TARGET, machine=machine, root=tmp_path, command=("qemu", "python"))
    tried = trial.try_wheel(tmp_path / "a.whl", target, tmp_path / "place")
    assert "emulated" in tried.where
    (install, _), (command, environment) = seen
    assert install[1:5] == [str(trial.ROOT / "tools/pip_for"), "3.11", machine, "install"]
    assert command[:2] == ["qemu", "python"]
    assert environment["PYTHONPATH"] == str(tmp_path / "place")


@pytest.mark.parametrize("printed", ["", "all is well", "{'a': 1}"])
def test_a_trial_that_prints_no_result_has_failed(tmp_path, printed):
    with pytest.raises(WheelError, match="printed no result"):
        trial.run(["echo", printed], dict(os.environ), tmp_path)


def test_what_a_failed_step_printed_is_told(tmp_path):
    command = ["sh", "-c", "echo out; echo the level is wrong >&2; exit 1"]
    with pytest.raises(WheelError, match=r"(?s)ended with 1:.*the level is wrong"):
        trial.call(command, dict(os.environ), tmp_path)


def test_old_cpus_need_an_emulator(tmp_path):
    assert trial.try_old_cpus(TARGET, tmp_path, "") == {}
    assert trial.try_old_cpus(replace(TARGET, machine="aarch64"), tmp_path, "qemu") == {}
