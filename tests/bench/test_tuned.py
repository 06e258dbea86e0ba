# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from mgn_fast import ModelError
from mgn_fast.bench.tuned import Tuned, load_tuned, save_tuned
from mgn_fast.models.presets import PRESETS

TUNED = Tuned(8, 2, 3, 1, 18.5, simulated=False)


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "model.onnx"
    path.write_bytes(b"weights")
    return path


def test_what_was_kept_comes_back(model):
    save_tuned(model, {"mirror": False}, TUNED)
    assert load_tuned(model, {"mirror": False}) == TUNED


def test_nothing_is_there_before(model):
    assert load_tuned(model, {}) is None


def test_a_tuning_is_for_its_options_and_its_file_only(model):
    save_tuned(model, {"precision": "bf16"}, TUNED)
    assert load_tuned(model, {"precision": "float32"}) is None
    assert load_tuned(model, {}) is None
    model.write_bytes(b"other weights")
    assert load_tuned(model, {"precision": "bf16"}) is None


def test_a_tuning_is_for_so_many_cores_only(model, monkeypatch):
    save_tuned(model, {}, TUNED)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(77)))
    assert load_tuned(model, {}) is None


def test_options_that_say_the_usual_are_as_good_as_none(model):
    usual = {"mirror": None, "device": 0, "backend": None, "contract": None, "output": None}
    save_tuned(model, usual, TUNED)
    assert load_tuned(model, {}) == TUNED


def test_a_tuning_is_for_a_contract_and_an_output_whatever_states_them(model, tmp_path):
    stated = {"contract": "torchreid", "output": "embedding"}
    save_tuned(model, stated, TUNED)
    alike = PRESETS["bot"]  # the same contract by another name
    (tmp_path / "c.json").write_text(alike.to_json())
    for form in (alike, alike.to_dict(), tmp_path / "c.json"):
        assert load_tuned(model, stated | {"contract": form}) == TUNED
    assert load_tuned(model, {}) is None
    assert load_tuned(model, {"contract": "torchreid"}) is None
    assert load_tuned(model, stated | {"output": "other"}) is None
    assert load_tuned(model, stated | {"contract": replace(alike, height=384)}) is None


def test_the_same_file_elsewhere_has_the_same_tuning(model, tmp_path):
    save_tuned(model, {}, TUNED)
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(model.read_bytes())
    assert load_tuned(copy, {}) == TUNED


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"schema": "mgn_fast.tuned/0"}',
        '{"schema": "mgn_fast.tuned/1", "lanes": 2}',
        "[" * 100_000,
    ],
)
def test_a_damaged_tuning_is_none(model, content):
    save_tuned(model, {}, TUNED).write_text(content)
    assert load_tuned(model, {}) is None


def test_a_model_that_cannot_be_read_is_named(model):
    with pytest.raises(ModelError, match=r"gone\.onnx' cannot be read"):
        load_tuned(model.parent / "gone.onnx", {})


@pytest.mark.parametrize(
    ("tuned", "expected"),
    [
        (TUNED, {"batch_size": 8, "lanes": 2, "workers": 3, "threads": 1}),
        (
            Tuned(8, 2, 3, None, 760.0, simulated=True),
            {"batch_size": 8, "lanes": 2, "workers": 3},
        ),
    ],
    ids=["cpu", "npu"],
)
def test_options_are_the_embedders(tuned, expected):
    assert tuned.options() == expected
