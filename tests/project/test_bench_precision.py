# SPDX-License-Identifier: Apache-2.0
"""trained_precision.py: what it measures, what it says of it, and what it refuses."""

import json

import numpy as np
import pytest

from mgn_fast import Embedder, datasets, evaluate
from support.bench_scripts import load
from support.small_network import write_small_network

trained_precision = load("trained_precision")

EXACT = {"cosine_mean": 1.0, "cosine_min": 1.0, "mean_average_precision": 0.97, "rank_1": 1.0}
FIGURES = {
    "stand-in": {
        "median_cosine_of_different_persons": 0.25,
        "variants": {
            "float32": EXACT,
            "int8": EXACT | {"cosine_mean": 0.9886, "cosine_min": 0.98071, "kept": []},
            "aipp": EXACT | {"mean_average_precision": 0.96, "simulated": True},
        },
        "left_out": {"bf16": "this CPU has none"},
    }
}


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return datasets.synthetic(tmp_path_factory.mktemp("people"), persons=8, seed=5)


@pytest.mark.usefixtures("drawing", "own_process", "second_runtime")
def test_a_record_has_every_variant_beside_float32(people, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MGN_FAST_BENCH_RESULTS", str(tmp_path))
    model = write_small_network(tmp_path / "small.onnx")
    words = ["--dataset", str(people.root), "--about", "people of a test", "--no-random"]
    trained_precision.main(
        [*words, "--model", f"small={model}", "--variants", "int8", "aipp", "aipp, float16 out"]
    )
    (path,) = tmp_path.glob("*-trained-precision.json")
    text = path.read_text()
    found = json.loads(text)
    assert str(tmp_path) not in text
    assert found["pictures"] == {
        "what": "people of a test",
        "persons": 8,
        "query": len(people.query),
        "gallery": len(people.gallery),
        "given_to_quantize": len(people.gallery) // 4,
    }
    small = found["models"]["small"]
    assert small["embedding_width"] == 2048
    assert small["left_out"] == {}
    with Embedder(model) as embedder:
        query, gallery = embedder(people.query.paths), embedder(people.gallery.paths)
    report = evaluate(query, gallery, people.query.identities, people.gallery.identities)
    float32, *others = small["variants"].values()
    assert float32["cosine_min"] == 1
    assert float32["mean_average_precision"] == pytest.approx(report.mean_average_precision)
    assert float32["rank_1"] == report.cmc[0]
    assert all(0.8 < one["cosine_min"] <= one["cosine_mean"] < 1 for one in others)
    assert [one.get("simulated", False) for one in others] == [False, True, True]
    assert "small: different persons' median cosine" in capsys.readouterr().out


@pytest.mark.usefixtures("drawing")
def test_what_quantize_saw_is_not_judged(people, tmp_path):
    trial = trained_precision.Trial(people, tmp_path)
    assert set(trial.seen) | set(trial.unseen) == set(range(len(trial.paths)))
    assert not set(trial.seen) & set(trial.unseen)
    assert {trial.paths[place] for place in trial.seen} <= set(people.gallery.paths)
    rows = np.random.default_rng(0).normal(size=(len(trial.paths), 8)).astype(np.float32)
    spoilt = rows.copy()
    spoilt[trial.seen] *= -1
    assert trial.judged(rows, spoilt)["cosine_min"] == 1


@pytest.mark.usefixtures("drawing")
def test_what_a_cpu_cannot_do_is_said(people, tmp_path, monkeypatch):
    rows = np.eye(400, dtype=np.float32)[: len(people.query) + len(people.gallery)]

    def embedded(_, model, **options):
        if options.get("precision") == "bf16":
            raise trained_precision.InvalidInputError("this CPU has no bf16")
        return rows

    monkeypatch.setattr(trained_precision.Trial, "embedded", embedded)
    trial = trained_precision.Trial(people, tmp_path)
    model = write_small_network(tmp_path / "small.onnx")
    found = trained_precision.measured(trial, model, ["bf16"])
    assert found["left_out"] == {"bf16": "this CPU has no bf16"}
    assert list(found["variants"]) == ["float32"]


def test_the_table_says_what_is_simulated_and_what_is_left_out():
    assert trained_precision.table(FIGURES)[1:] == [
        "stand-in: different persons' median cosine 0.250",
        f"    {'float32':38}  1.00000  1.00000  0.9700  1.0000",
        f"    {'int8':38}  0.98860  0.98071  0.9700  1.0000",
        f"    {'aipp (simulated ends)':38}  1.00000  1.00000  0.9600  1.0000",
        "    bf16: left out: this CPU has none",
    ]


def test_the_headlines_are_the_variants():
    assert [tuple(line.values()) for line in trained_precision.headlines(FIGURES)] == [
        ("stand-in, int8: cosine to float32, and mAP",
         "0.9886, at worst 0.9807; 0.9700, float32 0.9700"),
        ("stand-in, aipp (simulated ends): cosine to float32, and mAP",
         "1.0000, at worst 1.0000; 0.9600, float32 0.9700"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "m.onnx"], "'m.onnx' is not NAME=VALUE"),
        (["--contract", "osnet=torchreid"], "names osnet, which no --model does"),
        (["--dataset", "x"], "--dataset and --about go together"),
        (["--variants", "int4"], "invalid choice: 'int4'"),
    ],
)
def test_options_that_do_not_fit_are_refused(words, message, capsys):
    with pytest.raises(SystemExit):
        trained_precision.parse(words)
    assert message in capsys.readouterr().err
