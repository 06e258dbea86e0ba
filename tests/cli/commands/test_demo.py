# SPDX-License-Identifier: Apache-2.0
import json
import re

import pytest

from mgn_fast import datasets
from mgn_fast.cli import main
from mgn_fast.cli.commands import demo


@pytest.fixture
def quick(monkeypatch, tiny_model, whole_command):
    """The demo with a tiny model in MGN's place; the real one is in test_demo_end_to_end."""

    def export_tiny(checkpoint, path, *, seed):
        assert checkpoint is None
        path.write_bytes(tiny_model.read_bytes())
        return path

    monkeypatch.setattr(demo, "export_onnx", export_tiny)


def test_every_stage_runs_and_the_page_says_the_weights_are_random(quick, tmp_path, capsys):
    assert main(["demo", "--directory", str(tmp_path / "d"), "--persons", "5"]) == 0
    captured = capsys.readouterr()
    assert [line[:3] for line in captured.err.splitlines()] == [f"{n}/5" for n in range(1, 6)]
    for line in ("plain", "re-ranked", "chance", "random weights, drawn people"):
        assert line in captured.out
    page = (tmp_path / "d" / "report.html").read_text(encoding="utf-8")
    assert "weights are random" in page
    data = json.loads(re.search(r'id="data">(.*?)</script>', page)[1])
    assert data["rankings"] == ["plain", "re-ranked"]
    assert len(data["lists"]) == len(datasets.load_dataset(tmp_path / "d" / "dataset").query)
    assert len(data["pictures"]) > 20
    assert len(data["lists"][0]["t"][0][0][3]) == 16  # parts
    assert (tmp_path / "d" / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_it_can_be_run_again(quick, tmp_path, capsys):
    words = ["demo", "--directory", str(tmp_path / "d"), "--persons", "4", "--json"]
    assert main(words) == 0
    first = json.loads(capsys.readouterr().out)
    assert main(words) == 0
    second = json.loads(capsys.readouterr().out)
    assert first["random_weights"] is True
    assert first["reports"] == second["reports"]


def test_a_directory_that_cannot_be_made_is_a_usage_error(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["demo", "--directory", str(tmp_path / "file" / "d")]) == 2
    assert "cannot be made" in capsys.readouterr().err
