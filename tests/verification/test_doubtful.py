# SPDX-License-Identifier: Apache-2.0
"""What is warned of where two models agree, or seem to."""

from dataclasses import replace

import numpy as np
import pytest

from mgn_fast import compile_om, datasets, simulator
from mgn_fast.models.contract import DEVIATION, INPUT_NAME, MEAN, Contract
from mgn_fast.verification.run import verify
from support.foreign_model import FOREIGN, foreign_pictures, write_foreign_model
from support.late import late
from support.tiny_model import write_tiny_model

pytestmark = pytest.mark.usefixtures("whole_command")

TensorProto = late("onnx.TensorProto")
helper = late("onnx.helper")
onnx = late("onnx")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return datasets.synthetic(tmp_path_factory.mktemp("set") / "s", persons=6)


@pytest.fixture
def simulated():
    simulator.enable(timing=False)
    yield
    simulator.disable()


@pytest.fixture(scope="module")
def other_model(tmp_path_factory):
    """Made from other weights, and says so."""
    path = tmp_path_factory.mktemp("other") / "other.onnx"
    return write_tiny_model(path, contract=Contract(seed=7), seed=7)


@pytest.fixture(scope="module")
def twice_normalised(tiny_model, tmp_path_factory):
    """The tiny model normalising, as for levels of 0 to 255, what is normalised already."""
    model = onnx.load(tiny_model)
    deviation, mean = np.array(DEVIATION), np.array(MEAN)
    for name, values in (("scale", 1 / (255 * deviation)), ("shift", -mean / deviation)):
        tensor = helper.make_tensor(name, TensorProto.FLOAT, [1, 3, 1, 1], values)
        model.graph.initializer.append(tensor)
    before = [
        helper.make_node("Mul", [INPUT_NAME, "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["normalised"]),
    ]
    model.graph.node[0].input[0] = "normalised"
    for place, node in enumerate(before):
        model.graph.node.insert(place, node)
    path = tmp_path_factory.mktemp("twice") / "twice.onnx"
    onnx.save(model, path)
    return path


def test_twice_normalised_pictures_are_warned_of(tiny_model, twice_normalised, dataset):
    found = verify(tiny_model, twice_normalised, dataset)
    assert found.candidate.median_cosine > 0.99 > found.reference.median_cosine
    (warning,) = found.warnings
    assert warning.startswith("embeddings of different persons hardly differ: median cosine ")
    assert "(candidate); pictures may be normalised twice" in warning
    assert "(reference)" not in warning


def test_where_both_models_hardly_tell_people_apart_agreement_says_little(
    twice_normalised, dataset
):
    (warning,) = verify(twice_normalised, twice_normalised, dataset.root / "query").warnings
    assert "different pictures" in warning
    assert "(reference) and" in warning
    assert "their agreement says little" in warning


def test_models_of_different_weights_are_warned_of(tiny_model, other_model, tmp_path, dataset):
    first = write_tiny_model(tmp_path / "first.onnx", contract=Contract(seed=3))
    (warning,) = verify(first, other_model, dataset.root / "query").warnings
    assert warning == (
        "the models have different weights: random weights of seed 3 and random weights of seed 7"
    )
    # What names no weights may have any.
    assert verify(tiny_model, other_model, dataset.root / "query").warnings == ()


def test_pictures_prepared_in_two_ways_are_warned_of(simulated, tmp_path, own_process):
    foreign, pixels = write_foreign_model(tmp_path / "f.onnx"), foreign_pictures(6)
    other = replace(FOREIGN, mean=(1, 2, 3), colour="RGB")
    words = {"aipp": True, "batch_sizes": (4,), "contract": other}
    path = compile_om(foreign, tmp_path / "f.om", simulate=True, **words)
    found = verify(foreign, path, pixels, contract=FOREIGN)
    (warning,) = found.warnings
    assert warning == (
        "the models are given different pictures: colour RGB instead of BGR, mean 1 2 3 instead of "
        f"100 110.5 120 in the candidate, by {path}.json and, for the reference, the test"
    )
    # It is not AIPP's rounding, and not said to be.
    assert found.drift.left.relative_error_max > 10 * found.drift.explained.relative_error_max
