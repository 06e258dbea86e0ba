# SPDX-License-Identifier: Apache-2.0
import json
import sys
from pathlib import Path

import pytest

from mgn_fast.cli import main
from mgn_fast.cli.commands import doctor
from mgn_fast.doctor.finding import OF_ASCEND, optional

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


def test_where_there_is_no_ascend_people_read_one_line_and_programs_all(capsys, monkeypatch):
    absent = [optional(what, "not here", "get it", {"absent": True}) for what in OF_ASCEND]
    monkeypatch.setattr(doctor, "examine", lambda models: absent)
    assert main(["doctor"]) == 0
    told, remedy = capsys.readouterr().out.splitlines()
    assert told.startswith("none  ascend           no Ascend here")
    assert remedy.split() == ["to", "mend:", "mgn-fast", "doctor", "--simulate"]
    assert main(["doctor", "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [entry["what"] for entry in findings] == list(OF_ASCEND)


def test_a_bundle_is_written_beside_the_findings(capsys, tmp_path):
    path = tmp_path / "host.json"
    assert main(["doctor", "--simulate", "Ascend310B4", "--bundle", str(path)]) == 0
    shown = capsys.readouterr()
    assert "ok    core" in shown.out
    assert (
        "host.json: names, paths and addresses are taken out; read it before you send it"
        in shown.err
    )
    content = json.loads(path.read_text())
    assert content["simulated"] is True
    assert content["ascend"]["soc_name"] == "Ascend310B4"
    assert content["device_tests"]["ran"] is False
    assert [entry["what"] for entry in content["findings"]][:2] == ["python", "core"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "told"),
    [("missing/host.json", "cannot be written"), ("host.txt", ".json"), (".", ".json")],
)
def test_a_bundle_that_cannot_be_written_is_refused_before_work(
    capsys, monkeypatch, tmp_path, name, told
):
    monkeypatch.setattr(doctor, "examine", lambda models: pytest.fail("it was examined"))
    assert main(["doctor", "--bundle", str(tmp_path / name)]) == 2
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_that_fails_leaves_nothing_and_keeps_what_was_there(monkeypatch, tmp_path):
    def fails(*_, **__):
        raise RuntimeError("out of luck")

    path = tmp_path / "host.json"
    path.write_text("old")
    monkeypatch.setattr(doctor, "collect_bundle", fails)
    with pytest.raises(RuntimeError, match="out of luck"):
        doctor.run(_words(path))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def _words(path):
    from mgn_fast.cli.program import build_parser

    return build_parser().parse_args(["doctor", "--bundle", str(Path(path))])


def test_seconds_for_tests_are_a_bundle_s(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda models: pytest.fail("it was examined"))
    assert main(["doctor", "--test-seconds", "0"]) == 2
    assert "--test-seconds is given without --bundle" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["-1", "soon", "nan", "1e9"])
def test_seconds_are_checked(capsys, seconds):
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--bundle", "x.json", "--test-seconds", seconds])
    assert ended.value.code == 2
    assert "expected seconds from 0 to 86400" in capsys.readouterr().err
