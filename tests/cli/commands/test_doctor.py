# SPDX-License-Identifier: Apache-2.0
import json
import sys

import pytest

from mgn_fast.cli import main

pytestmark = pytest.mark.usefixtures("whole_command")


def test_a_good_installation_is_code_0(capsys):
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "ok    core" in out
    assert "FAIL" not in out


def test_a_missing_extra_is_no_failure_but_has_a_remedy(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert main(["doctor"]) == 0
    assert "to mend: pip install 'mgn-fast[report]'" in capsys.readouterr().out


def test_a_broken_base_is_code_4(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert main(["doctor", "--json"]) == 4
    findings = json.loads(capsys.readouterr().out)["findings"]
    broken = [entry["what"] for entry in findings if entry["required"] and not entry["works"]]
    assert broken == ["onnxruntime"]


def test_a_simulated_device_can_be_looked_at(capsys):
    assert main(["doctor", "--simulate", "Ascend310P1", "--json"]) == 0
    findings = {entry["what"]: entry for entry in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["ascend"]["facts"]["simulated"] is True
    assert findings["ascend"]["facts"]["soc_name"] == "Ascend310P1"
    assert findings["devices"]["detail"].startswith("1 simulated Ascend310P1")
    assert main(["doctor", "--json"]) == 0  # the simulator is off again
    findings = {entry["what"]: entry for entry in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["ascend"]["facts"].get("simulated") is not True


def test_what_the_environment_says_cannot_command_the_terminal(capsys, monkeypatch):
    monkeypatch.setenv("MGN_FAST_ASCENDCL", "\x1b[31m.so")
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "to mend: unset MGN_FAST_ASCENDCL" in out
