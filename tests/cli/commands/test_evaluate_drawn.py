# SPDX-License-Identifier: Apache-2.0
import importlib
import json
import re
import sys

import numpy as np
import pytest

from mgn_fast import Embedder, datasets
from mgn_fast.cli import main

cli_evaluate = importlib.import_module("mgn_fast.cli.commands.evaluate")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, whole_command):
    return datasets.synthetic(tmp_path_factory.mktemp("set") / "s", persons=6)


@pytest.fixture(scope="module")
def words(dataset, tiny_model, tmp_path_factory):
    """A command line with embeddings from files."""
    directory = tmp_path_factory.mktemp("rows")
    with Embedder(tiny_model) as embedder:
        np.save(directory / "q.npy", embedder(dataset.query.paths))
        np.save(directory / "g.npy", embedder(dataset.gallery.paths))
    sides = ["--query", str(directory / "q.npy"), "--gallery", str(directory / "g.npy")]
    return ["evaluate", str(dataset.root), "--kind", "synthetic", *sides]


def data_of(page):
    text = page.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="data">(.*?)</script>', text)[1])


def test_the_page_and_the_sheet_are_written_and_the_figures_stay(words, dataset, tmp_path, capsys):
    assert main([*words, "--rerank", "--json"]) == 0
    expected = json.loads(capsys.readouterr().out)
    drawn = ["--html", str(tmp_path / "p.html"), "--png", str(tmp_path / "s.png")]
    assert main([*words, "--rerank", "--json", *drawn, "--lists", "5", "--depth", "4"]) == 0
    assert json.loads(capsys.readouterr().out) == expected
    data = data_of(tmp_path / "p.html")
    assert data["rankings"] == ["plain", "re-ranked"]
    assert len(data["lists"]) == 5
    assert {len(tiles) for entry in data["lists"] for tiles in entry["t"]} == {4}
    precision = sorted(
        p for p in expected["reports"]["plain"]["average_precision"] if p is not None
    )
    got = [entry["ap"][0] for entry in data["lists"]]
    np.testing.assert_allclose(got, precision[:5], rtol=1e-4)
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "The 5 queries with the lowest average precision are listed" in text
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")


def test_single_shot_is_in_the_table_beside_the_rest(words, tmp_path):
    page = tmp_path / "p.html"
    assert main([*words, "--single-shot", "expected", "--html", str(page)]) == 0
    assert "plain, single-shot" in page.read_text(encoding="utf-8")
    assert data_of(page)["rankings"] == ["plain"]


def test_parts_are_told_if_asked(words, tmp_path):
    assert main([*words, "--html", str(tmp_path / "a.html")]) == 0
    assert main([*words, "--html", str(tmp_path / "b.html"), "--parts"]) == 0
    for name, length in (("a", 3), ("b", 4)):
        row = data_of(tmp_path / f"{name}.html")["lists"][0]["t"][0][0]
        assert len(row) == length
    assert len(row[3]) == 16


def test_nobody_looks_on_where_nothing_is_drawn(words, monkeypatch):
    told, measure = [], cli_evaluate.measure_embeddings

    def measured(*arguments, observers, **options):
        told.append(len(observers))
        return measure(*arguments, observers=observers, **options)

    monkeypatch.setattr(cli_evaluate, "measure_embeddings", measured)
    assert main(words) == 0
    assert told == [0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--html", "p.png"], "ends in '.png', expected '.html' or '.htm'"),
        (["--html", "missing/p.html"], "cannot be written"),
        (["--png", "s.jpg"], "ends in '.jpg', expected '.png'"),
        (["--png", "s.png", "--depth", "0"], "depth is 0"),
        (["--html", "p.html", "--lists", "-3"], "lists is -3"),
        (["--parts"], "--parts is given without --html or --png"),
    ],
    ids=" ".join,
)
def test_outputs_are_tried_before_the_work(
    dataset, tmp_path, monkeypatch, capsys, options, message
):
    """The model is missing too; that the output is what is complained of shows the order."""
    monkeypatch.chdir(tmp_path)
    words = ["evaluate", str(dataset.root), "--kind", "synthetic", "--model", "missing.onnx"]
    assert main([*words, *options]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_the_run_does_not_begin(dataset, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    words = ["evaluate", str(dataset.root), "--kind", "synthetic", "--model", "missing.onnx"]
    assert main([*words, "--html", str(tmp_path / "p.html")]) != 0
    assert "pip install 'mgn-fast[report]'" in capsys.readouterr().err


def test_other_embeddings_have_no_parts(dataset, tmp_path, capsys):
    for name, split in (("q", dataset.query), ("g", dataset.gallery)):
        np.save(tmp_path / f"{name}.npy", np.eye(64, dtype=np.float32)[np.arange(len(split)) % 64])
    words = ["evaluate", str(dataset.root), "--kind", "synthetic", "--parts"]
    sides = ["--query", str(tmp_path / "q.npy"), "--gallery", str(tmp_path / "g.npy")]
    assert main([*words, *sides, "--html", str(tmp_path / "p.html")]) == 2
    assert "64 wide, expected 2048" in capsys.readouterr().err
    assert not (tmp_path / "p.html").exists()


def test_a_run_that_fails_leaves_no_page(words, tmp_path, monkeypatch):
    def failing(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_evaluate, "measure_embeddings", failing)
    assert main([*words, "--html", str(tmp_path / "p.html")]) == 130
    assert list(tmp_path.iterdir()) == []
