# SPDX-License-Identifier: Apache-2.0
"""Where float16 loses inside a network, against arithmetic by hand."""

import numpy as np
import pytest

from mgn_fast import compile_om, open_session, simulator
from mgn_fast.cann import aipp
from mgn_fast.simulator import write_om
from mgn_fast.simulator.float16 import rounded
from mgn_fast.verification.float16_layers import predict
from mgn_fast.verification.run import verify
from support.small_network import write_small_network
from support.tiny_model import seeded_weights

pytestmark = pytest.mark.usefixtures("own_process")


@pytest.fixture(scope="module")
def pictures():
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (4, 8, 4, 3), dtype=np.uint8)
    return list(np.ascontiguousarray(coarse.repeat(48, 1).repeat(32, 2)))


@pytest.fixture
def simulated():
    simulator.enable(timing=False)
    yield
    simulator.disable()


def predicted(path, pictures):
    with open_session(path) as session:
        return predict(session, pictures)


def relative(got, exact):
    return np.linalg.norm(got.astype(float) - exact) / np.linalg.norm(exact)


def test_errors_are_those_worked_out_in_numpy(simulated, tiny_model, tmp_path, pictures):
    path = compile_om(tiny_model, tmp_path / "t.om", simulate=True, aipp=True)
    found = predicted(path, pictures)
    assert (found.mode, found.saturates, found.num_pictures) == ("float16", True, 4)
    told = {layer.kind: layer for layer in found.layers}
    given = aipp.normalise(np.stack(pictures)).astype(np.float32)
    cells = given.reshape(4, 3, 24, 16, 8, 16).mean((3, 5), dtype=np.float64).reshape(4, -1)
    half = rounded(cells.astype(np.float32))
    assert told["AveragePool"].error == pytest.approx(relative(half, cells), rel=1e-2)
    weights = seeded_weights(2048, 0)
    exact = np.maximum(cells @ weights.astype(float), 0)
    got = np.maximum(half.astype(float) @ rounded(weights), 0).astype(np.float32)
    # A sum that lies between two float16 numbers goes to the other one now and then.
    assert told["MatMul"].error == pytest.approx(relative(rounded(got), exact), rel=1e-2)
    assert told["MatMul"].added == pytest.approx(told["MatMul"].error - told["Flatten"].error)
    assert told["Transpose"].error == 0  # AIPP's numbers are float16 already


def test_the_layers_that_lose_most_come_first(simulated, tmp_path, pictures):
    onnx = tmp_path / "s.onnx"
    write_small_network(onnx)
    found = predicted(compile_om(onnx, tmp_path / "s.om", simulate=True), pictures)
    worst = found.losing_most(3)
    assert [one.added for one in worst] == sorted(one.added for one in found.layers)[:-4:-1]
    assert all(0 <= one.error < 1e-2 for one in found.layers)
    assert {one.kind for one in found.layers} >= {"Conv", "Add", "MaxPool"}


@pytest.mark.parametrize("batch_size", [None, 4])
def test_an_operator_that_is_spoilt_is_named(simulated, tmp_path, pictures, batch_size):
    onnx, keep = tmp_path / "s.onnx", tmp_path / "keep.cfg"
    write_small_network(onnx, batch_size=batch_size)
    keep.write_text("first\nplain_1\n")
    words = {"batch_sizes": (4,), "extra_args": [f"--keep_dtype={keep}"]}
    found = predicted(compile_om(onnx, tmp_path / "k.om", simulate=True, **words), pictures)
    told = {layer.name: layer for layer in found.layers}
    assert (told["first"].computes, told["plain_2"].computes) == ("float32", "float16")
    assert told["first"].error < 1e-6 < told["plain_2"].error


def test_nothing_is_predicted_of_what_computes_in_float32(
    simulated, tiny_model, tmp_path, pictures
):
    origin = compile_om(tiny_model, tmp_path / "o.om", simulate=True, precision="origin")
    unsaid = write_om(tmp_path / "u.om", onnx=tiny_model)
    for path in (origin, unsaid, tiny_model):
        assert predicted(path, pictures) is None


def test_verify_says_that_it_is_a_prediction(simulated, tiny_model, tmp_path, pictures):
    path = compile_om(tiny_model, tmp_path / "t.om", simulate=True)
    found = verify(tiny_model, path, pictures)
    told = found.to_dict()["prediction"]
    assert told["simulated"] is True
    assert told["cosine_mean"] == found.agreement.cosine_mean < 1
    assert told["layers_losing_most"][0] == found.prediction.losing_most(1)[0].name
    assert verify(tiny_model, tiny_model, pictures).to_dict()["prediction"] is None
