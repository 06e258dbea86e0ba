# SPDX-License-Identifier: Apache-2.0
import importlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import Embedder, datasets
from mgn_fast.cli import evaluated_rows, main
from mgn_fast.embedding.writing import write_embeddings
from support.tiny_model import FOREIGN, OWN_PARTS, write_tiny_model

cli_evaluate = importlib.import_module("mgn_fast.cli.commands.evaluate")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, whole_command):
    return datasets.synthetic(tmp_path_factory.mktemp("set") / "s", persons=6)


@pytest.fixture(scope="module")
def words(dataset, tiny_model, tmp_path_factory):
    """A command line with embeddings from files."""
    return line(dataset, embedded(dataset, tiny_model, tmp_path_factory.mktemp("rows")))


def embedded(dataset, model, directory, **options):
    """The directory, with q.npy and g.npy and what describes them."""
    with Embedder(model, **options) as embedder:
        for name, split in (("q", dataset.query), ("g", dataset.gallery)):
            write_embeddings(directory / f"{name}.npy", embedder.stream(split.paths), embedder)
    return directory


def line(dataset, directory):
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


def test_embeddings_of_which_nobody_says_the_parts_have_none(words, tmp_path, capsys):
    """Though they are as wide as MGN's."""
    bare = [Path(word).with_name(f"bare-{Path(word).name}") for word in words if "npy" in word]
    for path in bare:
        path.write_bytes(path.with_name(path.name.removeprefix("bare-")).read_bytes())
    sides = ["--query", str(bare[0]), "--gallery", str(bare[1])]
    page = ["--html", str(tmp_path / "p.html"), "--parts"]
    assert main([*words[:4], *sides, *page]) == 2
    err = capsys.readouterr().err
    assert f"--parts is given, and {str(bare[0])!r} has no contract that would say" in err
    assert "embed the pictures with `mgn-fast embed`, or give --model" in err
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """One without parts, and one with its own."""
    place = tmp_path_factory.mktemp("models")
    return {
        name: write_tiny_model(place / f"{name}.onnx", contract=contract)
        for name, contract in (("none", FOREIGN), ("own", OWN_PARTS))
    }


def test_a_model_without_parts_is_refused_them_before_anything_is_embedded(
    dataset, models, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(evaluated_rows, "embed_both", lambda *_: pytest.fail("it was embedded"))
    words = ["evaluate", str(dataset.root), "--kind", "synthetic", "--model", str(models["none"])]
    assert main([*words, "--html", str(tmp_path / "p.html"), "--parts"]) == 2
    said = f"model {str(models['none'])!r} has no parts by its contract, from the metadata of"
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_parts_has_a_page_without_them(dataset, models, tmp_path):
    words = ["evaluate", str(dataset.root), "--kind", "synthetic", "--model", str(models["none"])]
    assert main([*words, "--html", str(tmp_path / "p.html")]) == 0
    assert data_of(tmp_path / "p.html")["parts"] == []
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "none.onnx&#39;: 64x32 BGR, pillow-bilinear, scale 128" in text
    assert 'name="parts"' not in text


def test_a_models_own_parts_are_told(dataset, models, tmp_path):
    directory = embedded(dataset, models["own"], tmp_path)
    page = tmp_path / "p.html"
    assert main([*line(dataset, directory), "--html", str(page), "--parts"]) == 0
    data = data_of(page)
    assert data["parts"] == [["upper", "unknown", 0, 0], ["f1_p2", "half", 0.5, 1]]
    assert all(len(row[3]) == 4 for entry in data["lists"] for row in entry["t"][0])


def test_sides_of_different_parts_are_refused(dataset, models, tmp_path, capsys):
    directory = embedded(dataset, models["own"], tmp_path)
    sidecar = directory / "q.json"
    sidecar.write_text(sidecar.read_text().replace('"upper"', '"lower"'))
    page = ["--html", str(tmp_path / "p.html"), "--parts"]
    assert main([*line(dataset, directory), *page]) == 2
    err = capsys.readouterr().err
    assert "q.npy' has ['lower', 'f1_p2'] and" in err
    assert "g.npy' has ['upper', 'f1_p2']; expected the same parts in both" in err


def test_a_run_that_fails_leaves_no_page(words, tmp_path, monkeypatch):
    def failing(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_evaluate, "measure_embeddings", failing)
    assert main([*words, "--html", str(tmp_path / "p.html")]) == 130
    assert list(tmp_path.iterdir()) == []
