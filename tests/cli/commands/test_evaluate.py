# SPDX-License-Identifier: Apache-2.0
import importlib
import io
import json
import re
import sys

import numpy as np
import pytest

from mgn_fast import Embedder, datasets, evaluate, load_dataset, verification_curve
from mgn_fast.cli import datasets as cli_datasets
from mgn_fast.cli import evaluated_rows, main
from mgn_fast.common import memory
from mgn_fast.evaluation.measure import measure_embeddings
from mgn_fast.evaluation.protocol import Protocol
from mgn_fast.models.contract import contract_from
from support.tiny_model import FOREIGN, write_tiny_model

cli_evaluate = importlib.import_module("mgn_fast.cli.commands.evaluate")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return datasets.synthetic(tmp_path_factory.mktemp("set") / "s", persons=6)


@pytest.fixture(scope="module")
def embeddings(dataset, tiny_model, whole_command):
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


def test_single_shot_is_reported_beside_the_whole_gallery(dataset, files, capsys):
    words = ("--query", files[0], "--gallery", files[1], "--rerank", "--single-shot")
    assert run(dataset, *words, "drawn", "--draws", "12", "--seed", "5", "--json") == 0
    reports = json.loads(capsys.readouterr().out.splitlines()[-1])["reports"]
    assert list(reports) == [
        "plain",
        "plain, single-shot",
        "re-ranked",
        "re-ranked, single-shot",
    ]
    shot = reports["plain, single-shot"]["protocol"]
    assert (shot["single_shot"], shot["draws"], shot["seed"]) == ("drawn", 12, 5)
    assert run(dataset, *words, "drawn", "--draws", "12", "--seed", "5") == 0
    assert "plain, single-shot (12 draws, seed 5)" in capsys.readouterr().out
    assert run(dataset, *words, "expected") == 0
    assert "re-ranked, single-shot (expected)" in capsys.readouterr().out


def test_the_options_reach_the_protocol(dataset, files, embeddings, capsys):
    words = (
        "--query",
        files[0],
        "--gallery",
        files[1],
        "--same-camera",
        "separate",
        "--ap",
        "hits",
    )
    assert run(dataset, *words, "--all-matches", "--max-rank", "7", "--json") == 0
    got = json.loads(capsys.readouterr().out.splitlines()[-1])["reports"]["plain"]
    protocol = Protocol(max_rank=7, ap="hits", same_camera="separate", first_match_break=False)
    sides = (dataset.query.identities, dataset.gallery.identities)
    (expected,) = measure_embeddings(*embeddings, *sides, [protocol])
    assert got == expected.to_dict()


def test_verification_is_told_once_beside_the_reports(dataset, files, embeddings, tmp_path, capsys):
    words = ("--query", files[0], "--gallery", files[1], "--rerank", "--roc")
    page, written = tmp_path / "page.html", tmp_path / "r.json"
    assert run(dataset, *words, "--html", page, "-o", written) == 0
    printed = capsys.readouterr().out
    sides = (dataset.query.identities, dataset.gallery.identities)
    curve = verification_curve(*embeddings, *sides)
    heading = f"verification: {curve.num_matches:,} matches and {curve.num_impostors:,} impostors"
    assert printed.count(heading) == 1
    reports = json.loads(written.read_text())["reports"]
    told = reports["plain"]["verification"]
    assert told["equal_error_rate"] == pytest.approx(curve.equal_error_rate, abs=1e-6)
    assert [line["false_accept_rate"] for line in told["table"]] == [
        point.false_accept_rate for point in curve.table()
    ]
    assert reports["re-ranked"]["verification"] is None
    assert page.read_text().count('id="verification-title"') == 1


def test_memory_is_predicted_before_the_run(dataset, files, capsys):
    assert run(dataset, "--query", files[0], "--gallery", files[1], "--rerank") == 0
    err = capsys.readouterr().err
    assert re.search(r"memory: about \d+ MB beyond the embeddings of \d+ MB; .* available", err)


def test_progress_is_shown_on_a_terminal_alone(dataset, files, capsys, monkeypatch):
    words = ("--query", files[0], "--gallery", files[1], "--rerank")
    assert run(dataset, *words) == 0
    assert "comparing pictures" not in capsys.readouterr().err
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    assert run(dataset, *words) == 0
    for stage in ("ranking", "comparing pictures", "encoding", "re-ranking"):
        assert stage in terminal.getvalue()


def test_a_run_that_cannot_fit_is_refused_before_pictures_are_embedded(
    dataset, tiny_model, capsys, monkeypatch
):
    monkeypatch.setattr(memory, "available_bytes", lambda: 65 << 20)
    monkeypatch.setattr(evaluated_rows, "embed_both", lambda *_: pytest.fail("it was embedded"))
    assert run(dataset, "--model", tiny_model, "--rerank") == 2
    err = capsys.readouterr().err
    assert "plain evaluation needs about" in err
    assert "use a machine with more memory" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--max-rank", "99999999999999"),
            "max_rank is 99999999999999, expected a whole number from 1 to 10000000",
        ),
        (("--single-shot", "drawn", "--draws", "0"), "draws is 0"),
        (("--single-shot", "drawn", "--seed", "-1"), "seed is -1"),
        (("--rerank", "--k1", "0"), "k1 is 0"),
    ],
    ids=str,
)
def test_options_outside_their_range_are_a_usage_error(dataset, capsys, words, message):
    """The model is missing too; that the option is what is complained of shows the order."""
    assert run(dataset, "--model", "missing.onnx", *words) == 2
    assert message in capsys.readouterr().err


def test_queries_without_match_are_told_of_with_the_rule(dataset, files, capsys, monkeypatch):
    monkeypatch.setattr(cli_datasets, "unmatched", lambda *_: (2, 3))
    assert run(dataset, "--query", files[0], "--gallery", files[1]) == 0
    err = capsys.readouterr().err
    assert "note: 2 queries show a person who is not in the gallery" in err
    assert "note: of 3 queries every gallery picture of the person is by their own camera" in err
    assert "--same-camera drop removes" in err


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """A model that says nothing of itself, and the file that states its contract."""
    place = tmp_path_factory.mktemp("foreign")
    model = write_tiny_model(place / "m.onnx", contract=FOREIGN, stored=False)
    (place / "m.json").write_text(FOREIGN.to_json())
    return model, place / "m.json"


def test_a_model_of_another_size_and_width_is_evaluated(dataset, foreign, capsys, monkeypatch):
    model, contract = foreign
    monkeypatch.setattr(evaluated_rows, "in_words", lambda number: f"{number} bytes")
    assert run(dataset, "--model", model, "--contract", contract, "--json") == 0
    captured = capsys.readouterr()
    got = json.loads(captured.out)
    assert contract_from(got["contract"], source="") == FOREIGN
    assert got["contract_origin"] == str(contract)
    rows = 4 * 48 * (got["num_queries"] + got["num_gallery"])
    assert f"with the embeddings of {rows} bytes;" in captured.err
    with Embedder(model, contract=FOREIGN) as embedder:
        sides = embedder(dataset.query.paths), embedder(dataset.gallery.paths)
    expected = evaluate(*sides, dataset.query.identities, dataset.gallery.identities)
    assert got["reports"]["plain"]["mean_average_precision"] == pytest.approx(
        expected.mean_average_precision, abs=1e-6
    )


def test_embeddings_say_which_contract_they_were_made_by(dataset, files, capsys):
    words = ["--query", files[0], "--gallery", files[1]]
    assert run(dataset, *words, "--json") == 0
    got = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert got["contract"]["colour"] == "RGB"
    assert got["contract_origin"].startswith(f"{files[1].with_suffix('.json')} (there from the met")


def test_embeddings_of_unlike_contracts_are_told_of(dataset, files, capsys):
    sidecar = files[0].with_suffix(".json")
    sidecar.write_text(sidecar.read_text().replace('"RGB"', '"BGR"'))
    assert run(dataset, "--query", files[0], "--gallery", files[1]) == 0
    assert (
        f"warning: {files[0]} has colour BGR instead of RGB of {files[1]}; embeddings of unlike "
        "contracts do not compare"
    ) in capsys.readouterr().err
