# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from mgn_fast import Embedder, datasets, evaluate, load_dataset
from mgn_fast.cli import main


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return datasets.synthetic(tmp_path_factory.mktemp("set") / "s", persons=6)


@pytest.fixture(scope="module")
def embeddings(dataset, tiny_model):
    with Embedder(tiny_model) as embedder:
        return embedder(dataset.query.paths), embedder(dataset.gallery.paths)


@pytest.fixture
def files(tmp_path, dataset, tiny_model):
    """Embeddings of the two directories as `embed` writes them, junk included."""
    for split in ("query", "bounding_box_test"):
        words = ["embed", str(dataset.root / split), "--model", str(tiny_model)]
        assert main([*words, "-o", str(tmp_path / f"{split}.npy")]) == 0
    return tmp_path / "query.npy", tmp_path / "bounding_box_test.npy"


def run(dataset, *words):
    return main(["evaluate", str(dataset.root), "--kind", "synthetic", *map(str, words)])


def test_a_model_is_evaluated(dataset, tiny_model, embeddings, capsys):
    assert run(dataset, "--model", tiny_model, "--rerank", "--json") == 0
    got = json.loads(capsys.readouterr().out)
    identities = (dataset.query.identities, dataset.gallery.identities)
    for name, rerank in (("plain", False), ("re-ranked", True)):
        expected = evaluate(*embeddings, *identities, rerank=rerank).to_dict()
        assert got["reports"][name]["mean_average_precision"] == pytest.approx(
            expected["mean_average_precision"], abs=1e-6
        )
    assert got["num_queries"] == len(dataset.query)
    assert got["num_junk"] == dataset.num_junk > 0
    assert got["num_distractors"] == dataset.num_distractors > 0


def test_embeddings_are_matched_by_name(dataset, files, embeddings, capsys):
    assert run(dataset, "--query", files[0], "--gallery", files[1], "--json") == 0
    got = json.loads(capsys.readouterr().out.splitlines()[-1])
    expected = evaluate(*embeddings, dataset.query.identities, dataset.gallery.identities)
    assert got["reports"]["plain"] == expected.to_dict()


def test_embeddings_without_names_are_taken_in_order(dataset, tmp_path, embeddings, capsys):
    for name, rows in zip("qg", embeddings, strict=True):
        np.save(tmp_path / f"{name}.npy", rows)
    assert run(dataset, "--query", tmp_path / "q.npy", "--gallery", tmp_path / "g.npy") == 0
    captured = capsys.readouterr()
    assert "has no names; its rows are taken in order" in captured.err
    expected = evaluate(*embeddings, dataset.query.identities, dataset.gallery.identities)
    assert f"{expected.mean_average_precision:.4f}" in captured.out


def test_embeddings_that_do_not_fit_are_refused(dataset, files, tmp_path, embeddings, capsys):
    np.save(tmp_path / "short.npy", embeddings[0][:-1])
    words = ("--query", tmp_path / "short.npy", "--gallery", files[1])
    assert run(dataset, *words) == 3
    assert "rows and no names, expected one for each" in capsys.readouterr().err
    assert run(dataset, "--query", files[1], "--gallery", files[1]) == 3
    assert "query pictures, the first" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--query", "q.npy"],
        ["--gallery", "g.npy"],
        ["--model", "m.onnx", "--query", "q.npy", "--gallery", "g.npy"],
        ["--model", "m.onnx", "--query", "q.npy"],
    ],
    ids=" ".join,
)
def test_one_source_of_embeddings_is_needed(dataset, words, capsys):
    assert run(dataset, *words) == 2
    assert "give --model, or --query and --gallery" in capsys.readouterr().err


def test_skipping_pictures_of_a_dataset_is_refused(dataset, tiny_model, capsys):
    assert run(dataset, "--model", tiny_model, "--on-error", "skip") == 2
    assert "every picture of a dataset counts" in capsys.readouterr().err


def test_counts_that_differ_warn_and_strict_makes_them_fatal(dataset, files, capsys):
    words = ["evaluate", str(dataset.root), "--query", str(files[0]), "--gallery", str(files[1])]
    assert main(words) == 0
    assert "published 3,368" in capsys.readouterr().err
    assert main([*words, "--strict"]) == 3
    assert "is not the published market1501" in capsys.readouterr().err


def test_the_reports_can_be_written(dataset, files, tmp_path, capsys):
    output = tmp_path / "r.json"
    assert (
        run(dataset, "--query", files[0], "--gallery", files[1], "-o", output, "--ap", "hits") == 0
    )
    assert "plain" in json.loads(output.read_text())["reports"]
    assert "queries have a match" in capsys.readouterr().out


def test_a_dataset_that_is_not_there_is_exit_code_3(tmp_path, tiny_model, capsys):
    assert main(["evaluate", str(tmp_path / "none"), "--model", str(tiny_model)]) == 3
    assert "none" in capsys.readouterr().err


def test_the_set_is_read_as_its_kind_says(dataset):
    again = load_dataset(dataset.root, "synthetic")
    assert again.gallery.paths == dataset.gallery.paths


@pytest.mark.parametrize(
    ("output", "message"),
    [("q.npy", "ends in '.npy', expected '.json'"), ("missing/r.json", "cannot be written")],
)
def test_the_output_is_tried_before_the_work(dataset, tmp_path, capsys, output, message):
    """The model is missing too; that the output is what is complained of shows the order."""
    assert run(dataset, "--model", "missing.onnx", "-o", tmp_path / output) == 2
    assert message in capsys.readouterr().err


def test_embeddings_may_be_float16(dataset, tmp_path, embeddings, capsys):
    for name, rows in zip("qg", embeddings, strict=True):
        np.save(tmp_path / f"{name}.npy", rows.astype(np.float16))
    words = ("--query", tmp_path / "q.npy", "--gallery", tmp_path / "g.npy", "--json")
    assert run(dataset, *words) == 0
    got = json.loads(capsys.readouterr().out)["reports"]["plain"]["mean_average_precision"]
    expected = evaluate(*embeddings, dataset.query.identities, dataset.gallery.identities)
    assert got == pytest.approx(expected.mean_average_precision, abs=0.01)
