# SPDX-License-Identifier: Apache-2.0
import json
import re
import shutil

import numpy as np
import pytest

from mgn_fast import Embedder, datasets, open_session, simulator
from mgn_fast.cli import main
from mgn_fast.cli.program import build_parser
from mgn_fast.evaluation.measure import measure_distances
from mgn_fast.evaluation.protocol import Protocol
from mgn_fast.recipe_files.read import read_results
from mgn_fast.recipe_files.runs import RUNS, pictures_of
from mgn_fast.simulator import write_om
from support.tool_outputs import FORMATS, largest_errors, run_tool


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return datasets.synthetic(tmp_path_factory.mktemp("set") / "s", persons=4)


@pytest.fixture(scope="module")
def data(tmp_path_factory, dataset, whole_command):
    """What `bins write` writes."""
    out = tmp_path_factory.mktemp("bins") / "data"
    assert main(["bins", "write", str(dataset.root), str(out), "--kind", "synthetic"]) == 0
    return out


@pytest.fixture(scope="module")
def session(tiny_model):
    with open_session(tiny_model) as opened:
        yield opened


@pytest.fixture
def result(tmp_path, data, session):
    return run_tool("ais_bench", "bin", data, tmp_path / "result", session)


def maps_of(capsys, *words):
    """mAP of every report that a command prints as JSON."""
    capsys.readouterr()
    assert main([*map(str, words), "--kind", "synthetic", "--json"]) == 0
    got = json.loads(capsys.readouterr().out)
    reports = got["reports"].items()
    return {name: report["mean_average_precision"] for name, report in reports}, got


def direct(capsys, dataset, model, *words):
    """The same by the straight way."""
    return maps_of(capsys, "evaluate", dataset.root, "--model", model, "--rerank", *words)[0]


def distances(query, gallery):
    return np.sqrt(((query[:, None].astype(np.float64) - gallery[None]) ** 2).sum(2))


def distance_errors(tool, suffix, dataset, data, session):
    """How far reading back what a tool writes may move a distance, at most: float64 [Q, G].

    A number loses half a unit of its last digit. That moves the sum of plain and mirrored, of
    length L, by at most the lengths of both losses, the unit row by at most twice that over L, and
    a distance by the sum of its two rows'.
    """
    bounds = []
    for plain, mirrored in zip(RUNS[:2], RUNS[2:], strict=True):
        total, lost = 0, 0
        for part in (plain, mirrored):
            paths = sorted((data / part.folder).glob("*.bin"))
            rows = session.run(
                np.stack([np.fromfile(path, "<f4").reshape(3, 384, 128) for path in paths])
            )
            total = total + rows.astype(np.float64)
            lost = lost + np.linalg.norm(largest_errors(tool, suffix, rows), axis=1)
        bounds.append(2 * lost / np.linalg.norm(total, axis=1))
    return bounds[0][:, None] + bounds[1]


@pytest.mark.parametrize(("tool", "suffix"), FORMATS)
def test_the_old_way_gives_the_maps_of_the_straight_one(
    tmp_path, capsys, dataset, data, tiny_model, session, tool, suffix
):
    expected = direct(capsys, dataset, tiny_model)
    result = run_tool(tool, suffix, data, tmp_path / "result", session)
    got, said = maps_of(capsys, "bins", "evaluate", result, dataset.root)
    assert got.keys() == expected.keys() == {"plain", "re-ranked"}
    for name, value in expected.items():
        assert got[name] == pytest.approx(value, abs=1e-6), name
    assert (said["tool"], said["format"], said["num_outputs"]) == (tool, suffix, 3)
    assert said["num_queries"] == len(dataset.query)


@pytest.mark.parametrize(("tool", "suffix"), [f for f in FORMATS if f[1] == "txt"])
def test_the_digits_of_text_cannot_reach_the_map(
    tmp_path, dataset, data, tiny_model, session, tool, suffix
):
    """Why the mAP above is equal: no match and stranger lie so close that they could change places.

    With every match as much farther as its distance may be wrong, and every stranger as much
    nearer, the mAP is the lowest that text can give; the other way round the highest.
    """
    result = run_tool(tool, suffix, data, tmp_path / "result", session)
    read = read_results(result, dataset)
    with Embedder(tiny_model) as embedder:
        exact = distances(embedder(dataset.query.paths), embedder(dataset.gallery.paths))
    wrong = distance_errors(tool, suffix, dataset, data, session)
    rounding = 1e-6  # of float32 rows, on both ways
    assert (np.abs(distances(read.query, read.gallery) - exact) <= wrong + rounding).all()
    identities = dataset.query.identities, dataset.gallery.identities
    match = dataset.query.person[:, None] == dataset.gallery.person
    shift = np.where(match, wrong + rounding, -(wrong + rounding))
    maps = [
        measure_distances(shifted, *identities, [Protocol()])[0].mean_average_precision
        for shifted in (exact + shift, exact - shift)
    ]
    assert maps[0] == maps[1]


def test_the_recipes_two_lines_are_printed_and_nothing_else(result, dataset, capsys):
    words = ["bins", "evaluate", str(result), str(dataset.root), "--kind", "synthetic"]
    _, said = maps_of(capsys, *words[:4])
    assert main(words) == 0
    captured = capsys.readouterr()
    number = r"[01]\.\d{4}"
    ranks = rf"mAP: {number} rank1: {number} rank3: {number} rank5: {number} rank10: {number}"
    lines = rf"\[With    Re-Ranking\] {ranks}\n\[Without Re-Ranking\] {ranks}\n"
    assert re.fullmatch(lines, captured.out)
    for line, name in zip(captured.out.splitlines(), ("re-ranked", "plain"), strict=True):
        report = said["reports"][name]
        values = [report["mean_average_precision"], *(report["cmc"][k - 1] for k in (1, 3, 5, 10))]
        assert re.findall(number, line) == [f"{value:.4f}" for value in values]
    assert "note: .bin files of ais_bench, output 0" in captured.err


def test_reranking_can_be_left_out(result, dataset, capsys):
    words = ["bins", "evaluate", str(result), str(dataset.root), "--kind", "synthetic"]
    assert main([*words, "--no-rerank"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("[Without Re-Ranking] mAP: ")
    assert list(maps_of(capsys, *words[:4], "--no-rerank")[0]) == ["plain"]


def test_float16_outputs_are_evaluated(tmp_path, capsys, dataset, data, session):
    """float16 keeps 11 bits: pictures whose distances differ by less than 1e-3 may swap."""
    result = run_tool("msame", "bin", data, tmp_path / "result", session, dtype="<f2")
    exact = run_tool("msame", "bin", data, tmp_path / "exact", session)
    got, expected = (read_results(place, dataset) for place in (result, exact))
    # A number loses 2^-11 of itself at most; plain and mirrored ones here are not negative, so
    # their sum loses no more, and normalising at most doubles that.
    assert np.linalg.norm(got.gallery - expected.gallery, axis=1).max() <= 2 * 2.0**-11
    assert maps_of(capsys, "bins", "evaluate", result, dataset.root)[0].keys() == {
        "plain",
        "re-ranked",
    }


def test_a_tool_on_a_simulated_npu_gives_the_maps_of_the_straight_way(
    tmp_path, capsys, dataset, data, tiny_model
):
    model = write_om(tmp_path / "tiny.om", onnx=tiny_model, batch_sizes=(1, 4))
    try:
        expected = direct(capsys, dataset, model, "--simulate")
        with open_session(model) as session:
            result = run_tool("benchmark", "txt", data, tmp_path / "result", session)
    finally:
        simulator.disable()
    got, _ = maps_of(capsys, "bins", "evaluate", result, dataset.root)
    assert got == pytest.approx(expected, abs=1e-6)


def test_writing_says_what_was_done(tmp_path, capsys, dataset, data):
    count = 2 * (len(dataset.query) + len(dataset.gallery))
    words = ["bins", "write", str(dataset.root), str(data), "--kind", "synthetic"]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert text == (
        f"{data}: {count} tensors, {count} of them kept, {count * 589824 / 1e9:.2f} GB; "
        "q_bin.info, g_bin.info, q_bin_flip.info, g_bin_flip.info\n"
    )
    assert main([*words, "--json", "--workers", "1"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "out": str(data),
        "num_files": count,
        "num_kept": count,
        "num_bytes": count * 589824,
        "info": [str(data / part.info) for part in RUNS],
    }


def test_the_recipes_order_can_be_asked_for(tmp_path, dataset, data):
    words = ["bins", "write", str(dataset.root), str(data), "--kind", "synthetic"]
    for extra, sizes in (([], " 128 384"), (["--recipe-order"], " 384 128")):
        assert main([*words, *extra]) == 0
        for part in RUNS:
            lines = (data / part.info).read_text().splitlines()
            assert len(lines) == len(pictures_of(dataset, part))
            assert all(line.endswith(sizes) for line in lines)


def test_a_dataset_of_another_size_than_published_is_said(tmp_path, capsys, dataset, result):
    assert main(["bins", "evaluate", str(result), str(dataset.root)]) == 0
    assert "warning: query has 10 pictures, published 3,368" in capsys.readouterr().err


def test_mirrored_runs_that_did_not_run_are_said(capsys, dataset, result):
    shutil.rmtree(result / "q_filp")
    shutil.copytree(result / "q_out", result / "q_filp")
    words = ["bins", "evaluate", str(result), str(dataset.root), "--kind", "synthetic"]
    assert main(words) == 0
    assert "warning: " in (text := capsys.readouterr().err)
    assert "did the mirrored pictures run?" in text


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["evaluate", "missing", "DATASET"], 3, "'missing' is no directory"),
        (["evaluate", "DATA", "DATASET"], 3, "has no q_bin or q_out"),
        (["evaluate", "RESULT", "missing"], 3, "root 'missing' does not exist"),
        (["write", "DATASET", "missing/data"], 2, "'missing' is not there"),
        (["write", "DATASET", "a b"], 2, "has a space"),
        (["write", "missing", "data"], 3, "root 'missing' does not exist"),
        (["write", "DATASET", "data", "--workers", "0"], 2, "workers is 0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_done_ends_with_its_code(
    capsys, dataset, data, result, words, code, message
):
    places = {"DATASET": str(dataset.root), "DATA": str(data), "RESULT": str(result)}
    words = [places.get(word, word) for word in words]
    assert main(["bins", *words, "--kind", "synthetic"]) == code
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["fly"], ["write"], ["write", "a"], ["evaluate", "", "b"]])
def test_wrong_words_are_usage_errors(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(["bins", *words])
    assert end.value.code == 2
    assert "usage: mgn-fast bins" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["write", "evaluate"])
def test_every_action_has_help_with_an_example_that_parses(action, capsys):
    with pytest.raises(SystemExit) as end:
        main(["bins", action, "--help"])
    assert end.value.code == 0
    (example,) = capsys.readouterr().out.split("example:\n")[1].strip().splitlines()
    assert example.split()[:3] == ["mgn-fast", "bins", action]
    build_parser().parse_args(example.split()[1:])
