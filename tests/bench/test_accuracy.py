# SPDX-License-Identifier: Apache-2.0
import pytest

from mgn_fast import InvalidInputError, ModelError, datasets, simulator
from mgn_fast.bench import Case
from mgn_fast.bench.accuracy import accuracy_of
from mgn_fast.datasets.drawn_set import drawn_jpegs
from mgn_fast.simulator import control, write_om
from support.foreign_model import FOREIGN, write_foreign_model
from support.tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def pictures():
    return list(drawn_jpegs(6, seed=0))


def test_a_model_agrees_with_itself(tiny_model, pictures):
    found = accuracy_of(tiny_model, Case(tiny_model, 4, 1), pictures)
    assert found == {
        "reference": str(tiny_model),
        "num_pictures": 6,
        "cosine_mean": pytest.approx(1, abs=1e-6),
        "cosine_min": pytest.approx(1, abs=1e-6),
        "top1_agreement": 1.0,
        "map_drop": None,
        "map_drop_reranked": None,
    }


def test_another_model_does_not(tiny_model, tmp_path, pictures):
    other = write_tiny_model(tmp_path / "other.onnx", seed=1)
    found = accuracy_of(tiny_model, Case(other, 4, 1), pictures)
    assert found["cosine_min"] <= found["cosine_mean"] < 0.99


@pytest.mark.usefixtures("whole_command")
def test_a_dataset_has_an_map_to_lose(tiny_model, tmp_path):
    dataset = datasets.synthetic(tmp_path, persons=6)
    found = accuracy_of(tiny_model, Case(tiny_model, 8, 2), dataset)
    assert found["map_drop"] == found["map_drop_reranked"] == 0.0
    assert found["num_pictures"] == len(dataset.query.paths) + len(dataset.gallery.paths)


def test_a_reference_without_a_contract_is_fed_as_the_case_says(tiny_model, tmp_path, pictures):
    theirs = write_foreign_model(tmp_path / "theirs.onnx", logits=True)
    case = Case(theirs, 1, 1, contract=FOREIGN, output="features")
    found = accuracy_of(theirs, case, pictures)
    assert found["cosine_min"] == pytest.approx(1, abs=1e-6)
    # One that says its own keeps that: embeddings of another width cannot be compared.
    with pytest.raises(InvalidInputError, match="2048"):
        accuracy_of(tiny_model, case, pictures)


def test_a_simulated_device_computes_for_this_and_is_as_before_afterwards(
    tiny_model, tmp_path, pictures
):
    # The stand-in that times are taken with gives other embeddings.
    model = write_om(tmp_path / "tiny.om", onnx=tiny_model, batch_sizes=(4,))
    simulator.enable(compute="deterministic", guard=False, seed=7)
    try:
        before = dict(control._state.settings)
        found = accuracy_of(tiny_model, Case(model, 4, 2), pictures)
        assert control._state.settings == before
    finally:
        simulator.disable()
    assert found["cosine_min"] == pytest.approx(1, abs=1e-5)


def test_a_reference_that_cannot_be_opened_is_told(tiny_model, tmp_path, pictures):
    with pytest.raises(ModelError, match=r"missing\.onnx"):
        accuracy_of(tmp_path / "missing.onnx", Case(tiny_model, 4, 1), pictures)
