# SPDX-License-Identifier: Apache-2.0
"""The command, and the published recipe from checkpoint to verdict in five of them."""

import json
import re
from types import SimpleNamespace

import pytest

from mgn_fast import datasets, simulator
from mgn_fast.cann import aipp
from mgn_fast.cli import main
from mgn_fast.cli.commands.verify import _print_prediction
from mgn_fast.evaluation.agreement import Agreement
from mgn_fast.evaluation.reranking import RerankSettings
from mgn_fast.models.contract import Contract
from mgn_fast.verification.findings import LayerLoss, Prediction
from mgn_fast.verification.run import verify
from support.foreign_model import FOREIGN, foreign_pictures, write_foreign_model
from support.late import late
from support.tiny_model import write_rough_model, write_tiny_model

cv2 = late("cv2")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, whole_command):
    return datasets.synthetic(tmp_path_factory.mktemp("set") / "s", persons=6)


@pytest.fixture(scope="module")
def rough_model(tmp_path_factory):
    return write_rough_model(tmp_path_factory.mktemp("rough") / "rough.onnx")


@pytest.fixture
def simulator_off():
    """A command ends with its process; here it leaves the simulator on."""
    yield
    simulator.disable()


def run(*words):
    return main(["verify", *map(str, words)])


def last_json(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_dataset_is_compared_with_and_without_re_ranking(tiny_model, dataset, capsys):
    assert run(tiny_model, tiny_model, dataset.root) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    for start in ("plain, reference", "plain, candidate", "re-ranked, ref", "re-ranked, cand"):
        assert sum(line.startswith(start) for line in lines) == 1
    assert "plain +0.0000, re-ranked +0.0000; at most 0.01" in captured.out
    assert "cosine min 1.0000000 mean 1.0000000" in captured.out
    assert lines[-1] == "passed"
    assert "warning: query has" in captured.err


def test_the_record_is_the_library_s(tiny_model, rough_model, dataset, tmp_path, capsys):
    words = ["--kind", "synthetic", "--k1", "7", "--k2", "3", "--original-weight", "0.4"]
    words += ["--no-mirror", "--max-map-drop", "0.5", "-o", tmp_path / "v.json", "--json"]
    assert run(tiny_model, rough_model, dataset.root, *words) == 0
    record = last_json(capsys)
    expected = verify(
        tiny_model, rough_model, dataset, rerank=RerankSettings(7, 3, 0.4), mirror=False
    ).to_dict()
    assert record == json.loads((tmp_path / "v.json").read_text())
    for name in ("agreement", "retrievals", "top1_agreement", "mirror", "num_pictures"):
        assert record[name] == expected[name]
    assert record["limits"] == {"min_cosine": None, "max_map_drop": 0.5, "published": None}


def test_a_missed_limit_is_exit_code_6_with_its_reason(tiny_model, rough_model, dataset, capsys):
    words = (tiny_model, rough_model, dataset.root, "--min-cosine", "0.9999", "--no-rerank")
    assert run(*words) == 6
    out = capsys.readouterr().out
    assert "FAILED: cosine is 0.9" in out
    assert "passed" not in out
    assert "re-ranked" not in out
    assert run(*words, "--json") == 6
    assert last_json(capsys)["passed"] is False


@pytest.mark.parametrize(("extra", "ranking"), [([], "re-ranked"), (["--no-rerank"], "plain")])
def test_a_published_value_is_compared_with(tiny_model, dataset, capsys, extra, ranking):
    assert run(tiny_model, tiny_model, dataset.root, "--reference", "0.9433", *extra) == 6
    out = capsys.readouterr().out
    assert f"published mAP         0.9433; candidate's, {ranking}: 0." in out
    assert f"FAILED: {ranking} mAP is 0." in out
    assert run(tiny_model, tiny_model, dataset.root, "--reference", "0.05", *extra) == 0


def test_pictures_without_labels_are_compared_by_cosine(tiny_model, rough_model, dataset, capsys):
    folder = dataset.root / "query"
    assert run(tiny_model, rough_model, folder) == 6
    captured = capsys.readouterr()
    assert "expected at least 0.99 for every picture" in captured.out
    assert "mAP" not in captured.out
    assert "no labels, no mAP" in captured.err
    assert run(tiny_model, rough_model, folder, "--min-cosine", "0.5") == 0


def test_half_a_dataset_is_not_taken_for_pictures(tiny_model, dataset, tmp_path, capsys):
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "query").symlink_to(dataset.root / "query")
    assert run(tiny_model, tiny_model, tmp_path / "half") == 3
    assert "bounding_box_test" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "words", "message"),
    [
        ("query", ["--max-map-drop", "0.01"], "--max-map-drop is 0.01, but"),
        ("query", ["--reference", "0.9"], "published is 0.9, but pictures without labels"),
        ("", ["--reference", "94.33"], "published is 94.33, expected a number from 0 to 1"),
        ("", ["--min-cosine", "nan"], "min_cosine is nan"),
        ("", ["--k1", "0"], "k1 is 0"),
        ("", ["--on-error", "skip"], "every picture of a dataset counts"),
        ("query", ["-o", "x.txt"], "expected '.json'"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(
    tiny_model, dataset, capsys, place, words, message
):
    assert run(tiny_model, tiny_model, dataset.root / place, *words) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["reference", "candidate", "pictures"])
def test_files_that_are_not_there_are_named(tiny_model, dataset, tmp_path, capsys, missing):
    words = {"reference": tiny_model, "candidate": tiny_model, "pictures": dataset.root}
    words[missing] = tmp_path / f"no-{missing}.onnx"
    assert run(*words.values(), "-o", tmp_path / "v.json") == 3
    assert f"no-{missing}.onnx" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_warnings_are_told_on_stderr(dataset, tmp_path, capsys):
    models = [
        write_tiny_model(tmp_path / f"{seed}.onnx", contract=Contract(seed=seed)) for seed in (3, 7)
    ]
    assert run(*models, dataset.root / "query") == 0
    captured = capsys.readouterr()
    assert (
        "warning: the models have different weights: random weights of seed 3 and" in captured.err
    )
    assert captured.out.endswith("passed\n")


def five_commands(onnx, folder, dataset, capsys, *, options=()):
    """The recipe: a checkpoint's ONNX is there already or the first command makes it."""
    words = [] if onnx.exists() else [["export", "-o", onnx, *options]]
    words += [
        ["compile", onnx, "-o", folder / "m.om", "--simulate", "--aipp", "--json"],
        [
            *("embed", dataset.root / "query", dataset.root / "bounding_box_test", "--simulate"),
            *("--model", folder / "m.om", "-o", folder / "e.npy", "--json"),
        ],
        [
            *("evaluate", dataset.root, "--kind", "synthetic", "--rerank", "--json"),
            *("--query", folder / "e.npy", "--gallery", folder / "e.npy"),
        ],
        ["verify", onnx, folder / "m.om", dataset.root, "--simulate", "--json"],
    ]
    for line in words:
        assert main([*map(str, line)]) == 0
        results = capsys.readouterr().out.splitlines()[-1]
        if line[0] == "evaluate":
            evaluated = json.loads(results)["reports"]
    return evaluated, json.loads(results)


def require_agreement(evaluated, verified):
    """`evaluate` and `verify` measured one model, which differs from ONNX as float16 does."""
    for name in ("plain", "re-ranked"):
        got = verified["retrievals"][name]
        ours = evaluated[name]["mean_average_precision"]
        assert got["candidate"]["mean_average_precision"] == pytest.approx(ours, abs=1e-6)
        assert abs(got["drop"]) < 0.01
        assert "the embeddings are of a simulated NPU" in evaluated[name]["notes"]
    assert verified["passed"] is True
    assert verified["candidate"]["simulated"] is True
    assert verified["agreement"]["cosine_min"] > 0.9999
    drift = verified["drift"]
    assert drift["worst_input_errors"] == list(aipp.worst_errors())
    assert 3e-4 < drift["measured"]["relative_error_max"] < 2e-2
    # What AIPP does not explain, the network's own float16 adds.
    assert 1e-5 < drift["left"]["relative_error_max"] < 1e-2
    predicted = verified["prediction"]
    assert (predicted["simulated"], predicted["mode"]) == (True, "float16")
    assert predicted["cosine_min"] == verified["agreement"]["cosine_min"]
    assert predicted["map_drop"]["plain"] == verified["retrievals"]["plain"]["drop"]
    assert set(predicted["layers_losing_most"]) <= {one["name"] for one in predicted["layers"]}


@pytest.mark.usefixtures("own_process")
def test_the_commands_agree_from_compile_to_verify(
    tiny_model, dataset, tmp_path, capsys, simulator_off
):
    require_agreement(*five_commands(tiny_model, tmp_path, dataset, capsys))


@pytest.mark.usefixtures("full_size_network")
def test_the_recipe_in_five_commands_with_mgn_itself(tmp_path, capsys, simulator_off):
    dataset = datasets.synthetic(tmp_path / "set", persons=1)
    for path in [*dataset.query.paths[2:], *dataset.gallery.paths[1::2]]:
        path.unlink()
    onnx = tmp_path / "mgn.onnx"
    options = ("--random-weights", "--no-verify")
    require_agreement(*five_commands(onnx, tmp_path, dataset, capsys, options=options))


@pytest.mark.usefixtures("own_process")
def test_the_drift_is_printed(tiny_model, dataset, tmp_path, capsys, simulator_off):
    om, words = tmp_path / "m.om", ["--simulate", "--aipp", "--atc-arg=--output_type=FP16"]
    words += ["--precision", "origin"]  # nothing of float16 but at the ends
    assert main(["compile", str(tiny_model), "-o", str(om), *words]) == 0
    assert run(tiny_model, om, dataset.root, "--simulate") == 0
    out = capsys.readouterr().out
    assert "m.om (ascend, simulated; different people: cosine 0." in out
    assert "float16 of AIPP and output, by a model of it, on 32 pictures:" in out
    assert "0.0028 red, 0.0015 green, 0.0013 blue" in out
    figures = {
        line.split()[0]: line.partition("relative")[2] for line in out.splitlines() if "max" in line
    }
    assert figures["measured"] == figures["explained"]
    assert "prediction" not in out


@pytest.mark.usefixtures("own_process")
def test_what_float16_costs_on_the_chip_is_printed_as_a_prediction(
    tiny_model, dataset, tmp_path, capsys, simulator_off
):
    om = tmp_path / "m.om"
    assert main(["compile", str(tiny_model), "-o", str(om), "--simulate"]) == 0
    assert run(tiny_model, om, dataset.root, "--simulate") == 0
    out = capsys.readouterr().out
    assert "prediction for the chip, simulated (float16): cosine min 0.9999" in out
    assert re.search(r"cosine min \S+ mean \S+, mAP drop plain [+-]0\.0\d+, re-ranked ", out)
    assert "layers that lose most, on 4 pictures:" in out
    assert re.search(
        r"\(MatMul\): relative error \d\.\de-\d\d, \de-\d\d more than its inputs'\n", out
    )


def test_of_overflows_and_of_reduced_references_no_figures_are_printed(capsys):
    layers = (
        LayerLoss("a", "Mul", "float16", 1.2e-3, 4e-4),
        LayerLoss("b", "Mul", "float16", None, None, overflows=True),
        LayerLoss("c", "Tanh", "float16", 0.5, None),
    )
    agreement = Agreement(4, 0.9, 0.95, 0.1, 0.05, 2)
    found = SimpleNamespace(agreement=agreement, retrievals={})
    _print_prediction(found, Prediction("float16", False, 4, layers, whole=False))
    assert capsys.readouterr().out.splitlines() == [
        "prediction for the chip, simulated (float16): layers only; the cosines above are to a "
        "reference that is reduced itself, or may be",
        "  layers that lose most, on 4 pictures:",
        "    b (Mul): overflows float16",
        "    a (Mul): relative error 1.2e-03, 4e-04 more than its inputs'",
        "    c (Tanh): relative error 5.0e-01, behind an overflow",
    ]


@pytest.mark.usefixtures("own_process")
def test_each_models_contract_and_where_it_came_from_are_printed(tmp_path, capsys, simulator_off):
    onnx, om = write_foreign_model(tmp_path / "f.onnx"), tmp_path / "f.om"
    said = tmp_path / "c.json"
    said.write_text(FOREIGN.to_json())
    (pictures := tmp_path / "pictures").mkdir()
    for place, pixels in enumerate(foreign_pictures(3)):
        cv2.imwrite(str(pictures / f"{place}.png"), pixels[..., ::-1])
    compiling = ["compile", onnx, "-o", om, "--simulate", "--aipp", "--contract", said]
    assert main([*map(str, compiling)]) == 0
    words = ["--simulate", "--contract", said, "-o", tmp_path / "v.json"]
    assert run(onnx, om, pictures, *words) == 0
    out = capsys.readouterr().out
    numbers = "scale 1, mean 100 110.5 120, deviation 50 60 70.25"
    start, end = f"contract: 64x32 BGR, pillow-bicubic, {numbers}", "mirror none, 5 wide; from"
    assert f"{start}, {end} {said}\n" in out
    assert f"{start}, input uint8, {end} {om}.json\n" in out
    assert "3, plain only, 0 skipped" in out
    found = json.loads((tmp_path / "v.json").read_text())
    assert found["reference"]["contract_origin"] == str(said)
    assert found["candidate"]["contract"]["input"] == "uint8"
    red, green, blue = aipp.worst_errors(FOREIGN)
    assert f"{red:.4f} red, {green:.4f} green, {blue:.4f} blue" in out


def test_the_help_says_whose_the_stated_contract_is(capsys):
    with pytest.raises(SystemExit):
        main(["verify", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "contract is the reference's, and the candidate's where its own file and sid" in text
