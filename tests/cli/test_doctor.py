# SPDX-License-Identifier: Apache-2.0
import json
import sys

from mgn_fast.cli import main


def test_a_good_installation_is_code_0(capsys):
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "ok    core" in out
    assert "to mend" not in out


def test_a_missing_extra_is_no_failure_but_has_a_remedy(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert main(["doctor"]) == 0
    assert "to mend: pip install 'mgn-fast[report]'" in capsys.readouterr().out


def test_a_broken_base_is_code_4(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert main(["doctor", "--json"]) == 4
    findings = json.loads(capsys.readouterr().out)["findings"]
    broken = [finding["what"] for finding in findings if not finding["works"]]
    assert broken == ["onnxruntime"]
