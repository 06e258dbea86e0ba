# SPDX-License-Identifier: Apache-2.0
import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from mgn_fast import Embedder, InvalidInputError, ModelError, simulator
from mgn_fast.bench import Case, Slo
from mgn_fast.bench.tuning import TuningTrial, _candidates, _simplest, tune
from mgn_fast.datasets.drawn_set import drawn_jpegs
from support.foreign_model import FOREIGN, write_foreign_model
from support.tiny_model import write_tiny_model


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def om(tmp_path, simulated_time):
    simulator.enable(compute="deterministic", guard=False)
    onnx = write_tiny_model(tmp_path / "tiny.onnx")
    yield simulator.write_om(tmp_path / "tiny.om", onnx=onnx, batch_sizes=(1, 8))
    simulator.disable()


# The published table: batches of 8 run at 1519 rows/s, of 1 at 641.
def test_the_batch_size_that_the_chip_likes_is_found(om):
    found = tune(om, budget_s=6)
    assert found.best is not None
    assert found.best.batch_size == 8
    assert found.best.simulated
    assert {trial.case.batch_size for trial in found.trials} == {1, 8}
    assert {trial.case.lanes for trial in found.trials} == {1, 2, 3, 4}
    assert found.nearest.images_per_s == found.best.images_per_s


def test_it_ends_in_the_time_given(om):
    started = time.monotonic()
    tune(om, budget_s=5)
    assert time.monotonic() - started < 5 + 2.5  # the measurement under way is finished


def test_a_bound_on_latency_is_kept(om):
    # A batch of 8 takes 5.7 ms; with three lanes and as much read ahead it is four times that.
    found = tune(om, budget_s=6, slo=Slo.parse("mean:30ms"))
    assert found.best is not None
    assert found.nearest.latency_ms <= 30
    kept = [trial.images_per_s for trial in found.trials if trial.keeps_slo]
    assert found.best.images_per_s >= 0.97 * max(kept)
    assert any(not trial.keeps_slo for trial in found.trials)


def test_a_bound_that_nothing_keeps_has_no_best(om, cache):
    found = tune(om, budget_s=5, slo=Slo.parse("mean:1us"))
    assert found.best is None
    assert found.kept_in is None
    assert found.nearest in found.trials
    assert found.nearest.latency_ms < np.median([trial.latency_ms for trial in found.trials])
    assert not list(cache.rglob("tuned-*"))


def test_auto_tunes_once_and_then_uses_what_was_found(om, monkeypatch):
    monkeypatch.setattr("mgn_fast.bench.tuning.AUTO_BUDGET_S", 5.0)
    pictures = drawn_jpegs(3, seed=1)
    with Embedder(om, auto=True) as embedder:
        assert embedder.session.batch_size == 8
        first = embedder(pictures)
    monkeypatch.setattr("mgn_fast.bench.tuning.tune", None)  # would fail
    with Embedder(om, auto=True) as embedder:
        assert embedder.session.batch_size == 8
        assert (embedder(pictures) == first).all()


def test_auto_tunes_a_model_as_its_contract_says(tmp_path, monkeypatch, simulated_time):
    monkeypatch.setattr("mgn_fast.bench.tuning.AUTO_BUDGET_S", 5.0)
    onnx = write_foreign_model(tmp_path / "theirs.onnx", logits=True, batch_size=1)
    stated = {"contract": FOREIGN, "output": "features"}
    with Embedder(onnx, auto=True, **stated) as embedder:
        assert embedder.session.batch_size == 1
        found = embedder(drawn_jpegs(3, seed=1))
    monkeypatch.setattr("mgn_fast.bench.tuning.tune", None)  # would fail
    with Embedder(onnx, auto=True, **stated) as embedder:
        assert (embedder(drawn_jpegs(3, seed=1)) == found).all()
    with pytest.raises(TypeError):  # tuned for that contract only
        Embedder(onnx, auto=True, **(stated | {"output": "logits"}))


def test_a_simulated_chip_knows_no_times_but_mgns(tmp_path, om):
    onnx = write_foreign_model(tmp_path / "theirs.onnx")
    theirs = simulator.write_om(tmp_path / "theirs.om", onnx=onnx, batch_sizes=(8,))
    found = tune(theirs, budget_s=5, contract=FOREIGN)
    assert "times published for MGN" in found.doubts[0]
    assert tune(om, budget_s=5).doubts == ()


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({}, "has no metadata mgn_fast.contract, .* --contract"),
        ({"contract": replace(FOREIGN, height=96)}, "height 64 and width 32"),
        ({"contract": FOREIGN, "output": "rows"}, "has no output 'rows'"),
    ],
)
def test_a_model_that_is_not_as_said_is_refused_before_pictures_are_drawn(
    tmp_path, monkeypatch, stated, message
):
    monkeypatch.setattr("mgn_fast.bench.tuning.drawn_jpegs", None)
    with pytest.raises(ModelError, match=message):
        tune(write_foreign_model(tmp_path / "theirs.onnx"), **stated)


@pytest.mark.parametrize("option", ["batch_size", "lanes", "threads", "workers"])
def test_auto_leaves_nothing_to_be_given_that_it_chooses(tmp_path, option):
    model = write_tiny_model(tmp_path / "tiny.onnx")
    with pytest.raises(InvalidInputError, match=f"auto chooses {option}, but it is given as 2"):
        Embedder(model, auto=True, **{option: 2})


@pytest.mark.parametrize("budget_s", [4.9, 0, -1, float("nan"), float("inf")])
def test_a_budget_that_is_too_small_is_refused(tmp_path, budget_s):
    model = write_tiny_model(tmp_path / "tiny.onnx")
    with pytest.raises(InvalidInputError, match=r"budget_s is .*, expected 5 or more"):
        tune(model, budget_s=budget_s)


def test_options_that_are_tuned_cannot_be_fixed(tmp_path):
    model = write_tiny_model(tmp_path / "tiny.onnx")
    with pytest.raises(InvalidInputError, match="lanes is given; expected none"):
        tune(model, lanes=2)


def test_on_the_cpu_lanes_share_the_cores(tmp_path, monkeypatch):
    monkeypatch.setenv("MGN_FAST_THREADS", "8")
    model = write_tiny_model(tmp_path / "tiny.onnx")
    cases = _candidates(Case(model, batch_size=1, lanes=1))
    assert {(case.lanes, case.threads) for case in cases} == {(1, 8), (2, 4), (4, 2), (8, 1)}
    sizes = [case.batch_size for case in cases]
    assert all(one <= other for one, other in pairwise(sizes))  # short measurements first


def _tried(rate, lanes, *, batch_size=8, latency_ms=None, keeps=True):
    return TuningTrial(Case(None, batch_size, lanes, workers=2), rate, latency_ms, keeps)


def test_of_equals_the_one_with_fewest_images_in_flight_wins():
    trials = [_tried(100.0, 4), _tried(99.0, 2), _tried(97.0, 1)]
    assert _simplest(trials) is trials[1]


def test_a_faster_one_that_misses_the_bound_loses():
    trials = [
        _tried(200.0, 4, latency_ms=50.0, keeps=False),
        _tried(100.0, 2, latency_ms=10.0),
    ]
    assert _simplest(trials) is trials[1]
