# SPDX-License-Identifier: Apache-2.0
import hashlib
import json
from dataclasses import replace

import pytest

from mgn_fast import CompileError, InvalidInputError, ModelError, __version__, simulator
from mgn_fast.bench import models
from mgn_fast.bench.case import SWEEP
from mgn_fast.bench.models import (
    batch_sizes_of,
    default_model,
    describe,
    open_for_description,
    simulated_model,
)
from mgn_fast.inference.session import Session
from mgn_fast.models.contract import Contract
from mgn_fast.models.om_file import read_contract
from mgn_fast.simulator import write_om
from support.fake_model import FakeModel
from support.foreign_model import FOREIGN, write_foreign_model, write_twelve_outputs
from support.tiny_model import CONTRACT, write_tiny_model
from support.xml_model import write_xml


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Empty, and nobody's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "mgn_fast"


def test_the_default_model_is_made_once_and_belongs_to_this_version(cache, monkeypatch):
    made = []

    def export(checkpoint, path, **options):
        made.append((checkpoint, options))
        path.write_bytes(b"onnx")

    monkeypatch.setattr(models, "export_onnx", export)
    path = default_model()
    assert path.parent == cache
    assert path.suffix == ".onnx"
    assert __version__ in path.name
    assert default_model() == path
    assert made == [(None, {"verify": False})]


@pytest.mark.usefixtures("own_process")
def test_a_model_is_compiled_for_the_simulator_once(tiny_model, cache):
    path = simulated_model(tiny_model, "Ascend310P3", (1, 8))
    assert path.parent == cache
    assert __version__ in path.name  # another version may write other files
    before = path.stat().st_mtime_ns
    assert simulated_model(tiny_model, "Ascend310P3", (1, 8)) == path
    assert path.stat().st_mtime_ns == before
    simulator.enable(timing=False)
    try:
        with open_for_description(path, {}, 8) as session:
            assert session.batch_sizes == (1, 8)
            assert session.contract == CONTRACT
    finally:
        simulator.disable()


@pytest.mark.usefixtures("own_process")
def test_other_weights_chips_and_batch_sizes_are_other_files(tiny_model, tmp_path):
    other = write_tiny_model(tmp_path / tiny_model.name, seed=1)
    paths = {
        simulated_model(tiny_model, "Ascend310P3", (8,)),
        simulated_model(tiny_model, "Ascend310P3", (1, 8)),
        simulated_model(tiny_model, "Ascend310B4", (8,)),
        simulated_model(other, "Ascend310P3", (8,)),
    }
    assert len(paths) == 4
    assert all(path.is_file() for path in paths)


def test_a_model_that_does_not_compile_leaves_nothing_in_the_cache(tmp_path, cache):
    path = write_tiny_model(tmp_path / "fixed.onnx", batch_size=4)
    with pytest.raises((CompileError, InvalidInputError, ModelError)):
        simulated_model(path, "Ascend310P3", (1, 8))
    assert list(cache.glob("*.om")) == []


def test_a_model_is_described(tiny_model):
    with open_for_description(tiny_model, {}, 64) as session:
        found = describe(tiny_model, session)
        assert session.batch_size == 64
    assert found == {
        "path": str(tiny_model),
        "sha256": hashlib.sha256(tiny_model.read_bytes()).hexdigest(),
        "bytes": tiny_model.stat().st_size,
        "backend": "onnxruntime",
        "input_shape": [3, 384, 128],
        "input_dtype": "float32",
        "embedding_width": 2048,
        "contract": json.loads(CONTRACT.to_json()),
        "contract_origin": f"the metadata of {str(tiny_model)!r}",
    }


def session_of(sizes):
    model = FakeModel(max(sizes))
    model.batch_sizes = tuple(sizes)
    return Session(model, lanes=1)


@pytest.mark.parametrize(
    ("has", "wanted", "sizes"),
    [
        ((1, 4, 8), None, [1, 4, 8]),  # of the usual sweep those it has
        (tuple(range(1, 65)), None, list(SWEEP)),
        ((8,), None, [8]),
        ((5,), None, [5]),  # none of the usual ones: its own
        ((2, 3, 5), None, [5]),
        ((1, 4, 8), [8, 1], [1, 8]),
        ((1, 4, 8), [8, 8], [8]),
    ],
)
def test_batch_sizes_are_the_models(has, wanted, sizes):
    with session_of(has) as session:
        assert batch_sizes_of(session, wanted, SWEEP) == sizes


def test_a_batch_size_that_the_model_has_not_is_refused():
    message = r"batch size 2 is asked for; fake runs 1, 4, 8"
    with session_of((1, 4, 8)) as session, pytest.raises(InvalidInputError, match=message):
        batch_sizes_of(session, [8, 2], SWEEP)


def test_a_fixed_batch_is_opened_as_it_is(tmp_path):
    path = write_tiny_model(tmp_path / "fixed.onnx", batch_size=4)
    with open_for_description(path, {}, 64) as session:
        assert session.batch_sizes == (4,)


def test_gears_are_all_seen(tmp_path, tiny_model):
    path = write_om(tmp_path / "m.om", onnx=tiny_model, batch_sizes=(1, 4, 8))
    simulator.enable(timing=False)
    try:
        with open_for_description(path, {}, 64) as session:
            assert session.batch_sizes == (1, 4, 8)
    finally:
        simulator.disable()


def test_an_option_out_of_range_is_told(tiny_model):
    with pytest.raises(InvalidInputError, match="threads is 0"):
        open_for_description(tiny_model, {"threads": 0}, 8)


def test_of_two_failures_the_first_is_told(monkeypatch):
    def fails(model, *, batch_size=None, **options):
        if batch_size is None:
            raise ModelError("second")
        raise InvalidInputError("first")

    monkeypatch.setattr(models, "open_session", fails)
    with pytest.raises(InvalidInputError, match="first"):
        open_for_description("m.onnx", {}, 8)


def test_a_missing_model_is_told(tmp_path):
    with pytest.raises(ModelError, match=r"missing\.onnx"):
        open_for_description(tmp_path / "missing.onnx", {}, 8)


@pytest.mark.usefixtures("second_runtime")
def test_openvinos_own_files_say_in_which_numbers_they_run(tmp_path):
    path = write_xml(tmp_path / "theirs.xml", write_foreign_model(tmp_path / "theirs.onnx"))
    assert models.file_precision(path) == "float32"
    text = path.read_text()
    path.write_text(text.replace('type="MatMul"', 'type="FakeQuantize"'))
    assert models.file_precision(path) == "int8"


def test_mgn_is_told_by_its_parts_or_the_recipes_outputs(tmp_path, tiny_model):
    other = write_foreign_model(tmp_path / "theirs.onnx")
    recipe = write_twelve_outputs(tmp_path / "recipe.onnx")
    anybody = write_tiny_model(tmp_path / "anybody.onnx", stored=False)
    unlike = Contract(parts=None)  # MGN's size and width, and none of its parts
    for path, contract, expected in (
        (tiny_model, None, True),
        (tiny_model, unlike, False),
        (other, FOREIGN, False),
        (other, None, False),
        (recipe, None, True),
        (recipe, "recipe", True),
        (anybody, None, False),
        (anybody, "fast-reid-mgn", True),
    ):
        with open_for_description(path, {"contract": contract}, 4) as session:
            assert models.is_mgn(session) is expected, (path, contract)


@pytest.mark.usefixtures("own_process")
def test_a_model_is_compiled_as_its_contract_says(tmp_path):
    free = write_foreign_model(tmp_path / "free.onnx", free=True)
    made = [
        simulated_model(free, "Ascend310P3", (4,), contract)
        for contract in (FOREIGN, replace(FOREIGN, height=96), FOREIGN)
    ]
    assert made[0] == made[2] != made[1]
    assert [read_contract(path).height for path in made[:2]] == [64, 96]


def test_a_file_says_in_which_numbers_it_runs(tmp_path, tiny_model):
    assert models.file_precision(tiny_model) == "float32"
    assert models.file_precision(tmp_path / "not-even-there.om") is None
