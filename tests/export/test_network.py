# SPDX-License-Identifier: Apache-2.0
"""The network takes ReID-MGN's checkpoints, gives its outputs, and its seeded weights are calm."""

import socket
import warnings
from dataclasses import replace

import numpy as np
import pytest

from mgn_fast import Embedder, ModelError, compile_om, simulator
from mgn_fast.datasets.scenes import draw_pictures
from mgn_fast.export.families import LEVYFAN, MGN_PYTORCH, REID_MGN
from mgn_fast.models.contract import DEVIATION
from mgn_fast.pictures.pixels import resize_pack
from mgn_fast.verification.run import verify
from oracles import other_networks, recipe_network
from support.late import late
from support.rows import cosine

DESIGNS = {
    "seathiefwang": MGN_PYTORCH,
    "levyfan": LEVYFAN,
}

torch = late("torch")
MGN = late("mgn_fast.export.network.MGN")
network_with = late("mgn_fast.export.network.network_with")
parameter_shapes = late("mgn_fast.export.network.parameter_shapes")
seeded_state_dict = late("mgn_fast.export.network.seeded_state_dict")


@pytest.fixture(scope="module")
def seeded(full_size_network):
    return seeded_state_dict(0)


@pytest.fixture(scope="module")
def network(seeded):
    return network_with(seeded)


@pytest.fixture(scope="module")
def plain(network):
    """Features of pictures that the calibration did not see."""
    return features(network, pictures(8, seed=77))


def pictures(count, seed):
    planes = np.empty((count, 3, 384, 128), np.float32)
    for plane, drawing in zip(planes, draw_pictures(count, seed), strict=True):
        resize_pack(drawing, plane)
    return planes


def features(network, planes):
    with torch.no_grad():
        return network(torch.from_numpy(planes))[0].numpy()


@pytest.mark.parametrize("num_identities", [1, 751, 1041])
def test_names_and_shapes_are_those_of_the_recipes_checkpoint(num_identities):
    ours = parameter_shapes(replace(REID_MGN, num_identities=num_identities))
    assert ours == recipe_network.shapes(num_identities)
    assert len(ours) == 640


@pytest.mark.parametrize("family", other_networks.FAMILIES)
def test_names_and_shapes_of_other_families_are_theirs(family):
    design = DESIGNS[family]
    ours = {design.in_file(name): shape for name, shape in parameter_shapes(design).items()}
    assert ours == other_networks.shapes(family)
    assert len(ours) == 682


def test_a_network_without_classifiers_has_no_logits(seeded):
    bare = {name: array for name, array in seeded.items() if not name.startswith("fc_id_")}
    design = replace(REID_MGN, num_identities=None)
    assert parameter_shapes(design).keys() == bare.keys()
    with torch.no_grad():
        got = network_with(bare, design)(torch.zeros(1, 3, 384, 128))
    assert [values.shape[1] for values in got] == [2048, 256, 256, 256]


@pytest.mark.parametrize(
    ("family", "pool"), [("seathiefwang", "avg"), ("seathiefwang", "max"), ("levyfan", "max")]
)
@pytest.mark.usefixtures("full_size_network")
def test_other_families_give_their_outputs(family, pool):
    state = other_networks.random_state(family, 1, 751, thin=1)
    images = pictures(2, seed=5)
    design = replace(DESIGNS[family], pool=pool)
    parameters = {name.replace("backone.", "backbone."): array for name, array in state.items()}
    with torch.no_grad():
        got = network_with(parameters, design)(torch.from_numpy(images))
    expected = other_networks.forward(family, state, images, pool)
    # Same library, same kernels, other order of operations: a few float32 roundings.
    for values, (name, wanted) in zip(got, expected.items(), strict=True):
        assert recipe_network.relative_error(values.numpy(), wanted) < 1e-5, name


def test_a_checkpoint_loads_strictly_and_one_without_a_parameter_does_not():
    state = {
        name: torch.empty(shape, device="meta") for name, shape in recipe_network.shapes(3).items()
    }
    with torch.device("meta"):
        network = MGN(replace(REID_MGN, num_identities=3))
    network.load_state_dict(state, strict=True, assign=True)
    del state["p3.1.2.bn3.running_var"]
    with pytest.raises(RuntimeError, match=r"p3\.1\.2\.bn3\.running_var"):
        network.load_state_dict(state, strict=True, assign=True)


def test_all_twelve_outputs_are_those_of_the_recipe(seeded, network):
    images = pictures(2, seed=5)
    with torch.no_grad():
        got = network(torch.from_numpy(images))
    expected = recipe_network.forward(seeded, images)
    assert len(got) == len(expected)
    # Same library, same kernels, other order of operations: a few float32 roundings.
    for values, (name, wanted) in zip(got, expected.items(), strict=True):
        assert recipe_network.relative_error(values.numpy(), wanted) < 1e-5, name


def test_making_a_network_needs_no_connection(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("went online")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    MGN()


def test_half_a_grey_level_of_noise_hardly_moves_an_embedding(network, plain):
    planes = pictures(8, seed=77)
    noise = np.random.default_rng(77).uniform(-0.5, 0.5, planes.shape) / 255
    noisy = planes + (noise / np.array(DEVIATION)[:, None, None]).astype(np.float32)
    # Random weights that are not damped give 0.83; a trained network about 0.998.
    assert cosine(plain, features(network, noisy)).min() >= 0.995


def test_different_pictures_have_different_embeddings(plain):
    rows = plain / np.linalg.norm(plain, axis=1, keepdims=True)
    assert (rows @ rows.T)[np.triu_indices(len(rows), 1)].max() < 0.95


def test_batch_norms_hold_the_statistics_of_the_synthetic_pictures(seeded):
    first = torch.nn.functional.conv2d(
        torch.from_numpy(pictures(16, seed=0)),
        torch.from_numpy(seeded["backbone.0.weight"]),
        stride=2,
        padding=3,
    )
    mean, variance = first.mean((0, 2, 3)), first.var((0, 2, 3))
    np.testing.assert_allclose(seeded["backbone.1.running_mean"], mean, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(seeded["backbone.1.running_var"], variance, rtol=1e-3)
    # The average over its eight uses makes about half of the features active.
    assert seeded["reduction.1.num_batches_tracked"] == 8
    assert seeded["p3.1.2.bn3.num_batches_tracked"] == 1


def test_pictures_keep_about_half_of_their_features_in_every_part(plain):
    active = (plain.reshape(-1, 8, 256) > 0).mean((0, 2))
    assert active.min() > 0.35
    assert active.max() < 0.65


def test_another_seed_gives_other_weights_and_any_number_of_identities(seeded, monkeypatch):
    monkeypatch.setattr("mgn_fast.export.network._calibrate", lambda *_: None)
    other = seeded_state_dict(1, num_identities=5)
    assert other["fc_id_256_2_2.weight"].shape == (5, 256)
    assert {name: array.dtype for name, array in other.items()} == {
        name: array.dtype for name, array in seeded.items()
    }
    assert not np.array_equal(other["p1.0.0.conv1.weight"], seeded["p1.0.0.conv1.weight"])


# From here on the network as the recipe exports it, with torch's older exporter.


@pytest.fixture(scope="module")
def recipe_onnx(network, tmp_path_factory):
    """Twelve outputs of which only the first is named, a batch axis called "-1", no metadata."""
    path = tmp_path_factory.mktemp("recipe") / "mgn.onnx"
    names = {"input_names": ["image"], "output_names": ["features"]}
    axes = {"image": {0: "-1"}, "features": {0: "-1"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, and says so in several ways
        torch.onnx.export(
            network,
            torch.zeros(1, 3, 384, 128),
            path,
            opset_version=11,
            dynamic_axes=axes,
            dynamo=False,
            **names,
        )
    return path


@pytest.fixture(scope="module")
def drawn():
    return list(draw_pictures(2, seed=78))


@pytest.fixture(scope="module")
def by_our_export(mgn_model, drawn):
    with Embedder(mgn_model) as embedder:
        return embedder(drawn)


@pytest.fixture
def npu():
    simulator.enable(timing=False)
    yield
    simulator.disable()


def require_the_same(model, drawn, expected, **options):
    """To 1e-5 of an embedding's length: the order of float32 sums, and no more."""
    with Embedder(model, **options) as embedder:
        assert len(embedder.session.output_widths) == 12
        got = embedder(drawn)
    lengths = np.linalg.norm(got.astype(np.float64) - expected, axis=1)
    assert lengths.max() < 1e-5  # of rows of length 1


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_the_recipes_own_onnx_embeds_as_our_export(
    recipe_onnx, drawn, by_our_export, second_runtime, backend
):
    with pytest.raises(ModelError, match="those of the published recipe: contract 'recipe'"):
        Embedder(recipe_onnx)
    require_the_same(recipe_onnx, drawn, by_our_export, backend=backend, contract="recipe")


def test_the_recipes_own_onnx_compiled_embeds_as_our_export(
    recipe_onnx, drawn, by_our_export, npu, own_process, tmp_path
):
    words = {"batch_sizes": (1, 2), "contract": "recipe", "precision": "origin"}
    path = compile_om(recipe_onnx, tmp_path / "mgn.om", simulate=True, **words)
    require_the_same(path, drawn, by_our_export)


def test_aipp_on_the_recipes_own_onnx_is_explained(recipe_onnx, drawn, npu, own_process, tmp_path):
    words = {"batch_sizes": (4,), "contract": "recipe", "aipp": True, "precision": "origin"}
    path = compile_om(recipe_onnx, tmp_path / "mgn.om", simulate=True, **words)
    found = verify(recipe_onnx, path, drawn, contract="recipe")
    assert found.agreement.cosine_min > 0.9999
    assert found.drift.measured.relative_error_max > 3e-4
    assert found.drift.left.relative_error_max < 1e-5
    assert found.reference.contract.origin == "preset 'recipe'"
