# SPDX-License-Identifier: Apache-2.0
"""The model of a compiled model's float16 ends, against arithmetic by hand and the simulator."""

import functools
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from mgn_fast import Embedder, ModelError, compile_om, simulator
from mgn_fast.cann import aipp
from mgn_fast.models.contract import HEIGHT, WIDTH, Contract
from mgn_fast.pictures.pixels import pack, resize
from mgn_fast.verification.findings import Float16Ends
from mgn_fast.verification.float16_ends import explain, find_float16_ends, modelled
from support.foreign_model import FOREIGN, foreign_pictures, write_foreign_model
from support.tiny_model import tiny_embedding, write_tiny_model

HALF_OUTPUT = "--output_type=FP16"


@pytest.fixture(scope="module")
def pictures():
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (5, 8, 4, 3), dtype=np.uint8)
    return list(np.ascontiguousarray(coarse.repeat(16, 1).repeat(16, 2)))


@pytest.fixture
def simulated():
    simulator.enable(timing=False)
    yield
    simulator.disable()


@pytest.fixture(scope="module")
def compiled(tiny_model, tmp_path_factory):
    """Models by the simulated ATC, each compiled once; copied where a test would write to it."""
    folder = tmp_path_factory.mktemp("compiled")

    @functools.cache
    def compile_with(onnx=tiny_model, *, aipp=False, half=False):
        path = folder / f"{onnx.stem}-{aipp}-{half}.om"
        extra_args = [HALF_OUTPUT] if half else []
        # The network between the ends computes in float32, so that they are all there is.
        words = {"simulate": True, "precision": "origin", "aipp": aipp}
        return compile_om(onnx, path, extra_args=extra_args, **words)

    return compile_with


def exact(resized):
    """float32 planes as they are fed outside a model that normalises itself."""
    planes = np.empty((3, HEIGHT, WIDTH), np.float32)
    pack(resized, planes)
    return planes


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize(
    "ends", [Float16Ends(True, False), Float16Ends(False, True)], ids=["in", "out"]
)
def test_modelled_embeddings_are_those_worked_out_in_numpy(tiny_model, pictures, mirror, ends):
    expected = 0
    for swapped in (False, True) if mirror else (False,):
        resized = [resize(picture) for picture in pictures]
        resized = [np.ascontiguousarray(x[:, ::-1]) if swapped else x for x in resized]
        if ends.aipp:
            planes = np.concatenate([aipp.normalise(x[None]) for x in resized])
        else:
            planes = np.stack([exact(x) for x in resized])
        features = tiny_embedding(planes.astype(np.float32))
        if ends.output:
            features = features.astype(np.float16).astype(np.float32)
        expected = expected + features
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    with Embedder(tiny_model, mirror=mirror) as embedder:
        got = modelled(embedder.session, pictures, ends, mirror=mirror)
    # A feature that lies halfway between two float16 values may go either way: 2^-11 of it. The
    # features themselves differ by float32 sums of 768 products.
    np.testing.assert_allclose(got, expected, atol=2e-5 if ends.aipp else 1e-4)


@pytest.mark.parametrize("normalise", [False, True])
def test_lengths_are_left_where_the_contract_leaves_them(tmp_path, normalise):
    contract = replace(FOREIGN, normalise=normalise)
    path = write_foreign_model(tmp_path / "f.onnx")
    pixels = foreign_pictures(5)
    with Embedder(path, contract=contract) as embedder:
        got = modelled(embedder.session, pixels, Float16Ends(False, True), mirror=False)
        exact = embedder(pixels)
    # One rounding to half precision, which is 2^-11 of each number at most.
    np.testing.assert_allclose(got, exact, atol=2.0**-10 * np.abs(exact).max())
    assert np.allclose(np.linalg.norm(got, axis=1), 1, atol=1e-6) is normalise


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("use_aipp", [False, True])
@pytest.mark.parametrize("half", [False, True])
def test_the_simulators_drift_is_the_modelled_one(
    simulated, compiled, tiny_model, pictures, mirror, use_aipp, half
):
    path = compiled(aipp=use_aipp, half=half)
    with Embedder(tiny_model, mirror=mirror) as ours, Embedder(path, mirror=mirror) as theirs:
        ends = find_float16_ends(ours.session, theirs.session)
        assert ends == Float16Ends(use_aipp, half)
        drift = explain(
            ours.session, pictures, ends, ours(pictures), theirs(pictures), mirror=ours.mirror
        )
    # Sums of 768 float32 products in another order, and nothing of float16.
    assert drift.left.relative_error_max < 2e-6
    least = 3e-4 if use_aipp else 1e-4 if half else 0
    assert least <= drift.measured.relative_error_max < 5e-3
    np.testing.assert_allclose(
        drift.explained.relative_error_max, drift.measured.relative_error_max, atol=2e-6
    )
    assert drift.worst_input_errors == (aipp.worst_errors() if use_aipp else None)


@pytest.mark.usefixtures("own_process")
def test_a_graph_that_mirrors_itself_is_fed_once(simulated, compiled, tmp_path, pictures):
    fused = write_tiny_model(tmp_path / "g.onnx", contract=Contract(mirror="inside"))
    path = compiled(fused, aipp=True, half=True)
    with Embedder(fused) as ours, Embedder(path) as theirs:
        ends = find_float16_ends(ours.session, theirs.session)
        assert ends == Float16Ends(aipp=True, output=True)
        drift = explain(
            ours.session, pictures, ends, ours(pictures), theirs(pictures), mirror=ours.mirror
        )
    assert drift.left.relative_error_max < 2e-6
    assert drift.measured.relative_error_max > 3e-4


@pytest.mark.usefixtures("own_process")
def test_another_fault_is_left_over(simulated, compiled, tiny_model, pictures):
    """What the ends do not explain is not explained away."""
    path = compiled(aipp=True)
    with Embedder(tiny_model) as ours, Embedder(path) as theirs:
        wrong = theirs(pictures)
        wrong[:, :64] += 0.01
        drift = explain(
            ours.session,
            pictures,
            find_float16_ends(ours.session, theirs.session),
            ours(pictures),
            wrong,
            mirror=ours.mirror,
        )
    assert drift.left.relative_error_max > 0.05
    assert drift.explained.relative_error_max < 5e-3


def test_an_onnx_has_no_such_ends(tiny_model):
    with Embedder(tiny_model) as ours, Embedder(tiny_model) as theirs:
        assert not find_float16_ends(ours.session, theirs.session)


@pytest.mark.usefixtures("own_process")
def test_a_reference_that_takes_pixels_cannot_be_fed_aipps(simulated, compiled, tmp_path):
    pixels = write_tiny_model(tmp_path / "u.onnx", contract=Contract(input="uint8"))
    path = compiled(aipp=True)
    with Embedder(pixels) as ours, Embedder(path) as theirs:
        assert not find_float16_ends(ours.session, theirs.session)


@pytest.mark.usefixtures("own_process")
def test_pixels_normalised_inside_the_graph_are_not_aipps(simulated, compiled, tmp_path):
    pixels = write_tiny_model(tmp_path / "u.onnx", contract=Contract(input="uint8"))
    path = compiled(pixels)
    with Embedder(pixels) as ours, Embedder(path) as theirs:
        assert not find_float16_ends(ours.session, theirs.session)


@pytest.mark.usefixtures("own_process")
def test_an_output_rounded_elsewhere_in_the_sum_is_not_modelled(simulated, compiled, tmp_path):
    fused = write_tiny_model(tmp_path / "f.onnx", contract=Contract(mirror="inside"))
    path = compiled(aipp=True, half=True)
    with Embedder(fused) as ours, Embedder(path) as theirs:
        assert find_float16_ends(ours.session, theirs.session) == Float16Ends(
            aipp=True, output=False
        )


@pytest.mark.usefixtures("own_process")
def test_a_sidecar_without_these_facts_says_nothing(simulated, compiled, tiny_model, tmp_path):
    made = compiled(aipp=True)
    path = tmp_path / "m.om"
    shutil.copy(made, path)
    contract = json.loads(made.with_name(made.name + ".json").read_text())["contract"]
    sidecar = tmp_path / "m.om.json"
    sidecar.write_text(json.dumps({"contract": contract}))
    with Embedder(tiny_model) as ours, Embedder(path) as theirs:
        assert not find_float16_ends(ours.session, theirs.session)
        sidecar.write_text("{")
        with pytest.raises(ModelError, match=r"m\.om\.json does not hold"):
            find_float16_ends(ours.session, theirs.session)
