# SPDX-License-Identifier: Apache-2.0
"""The written graph gives the recipe's outputs in every form and at every opset."""

import collections
from dataclasses import replace

import numpy as np
import pytest

from mgn_fast.export.families import LEVYFAN, MGN_PYTORCH
from mgn_fast.pictures.pixels import pack
from oracles import other_networks, recipe_network
from support.late import late

graph = late("mgn_fast.export.graph")
onnx = late("onnx")
onnxruntime = late("onnxruntime")
torch = late("torch")

# As Ascend's operator list for ONNX names them.
KNOWN_TO_ATC = {
    "Add", "AveragePool", "Cast", "Concat", "Conv", "Div", "Flatten", "Gather", "Gemm", "Max",
    "MaxPool", "Mul", "ReduceMax", "ReduceSum", "Relu", "Reshape", "Split", "Sqrt", "Sub",
    "Transpose",
}  # fmt: skip
# Against float64: roundings of float32 through fifty layers, seen up to 3e-6.
CLOSE = 3e-5


@pytest.fixture(scope="module")
def state(full_size_network):
    return recipe_network.random_state(0)


@pytest.fixture(scope="module")
def pixels():
    coarse = np.random.default_rng(4).integers(0, 256, (3, 24, 8, 3), np.uint8)
    return coarse.repeat(16, axis=1).repeat(16, axis=2)


@pytest.fixture(scope="module")
def planes(pixels):
    planes = np.empty((len(pixels), 3, 384, 128), np.float32)
    for plane, picture in zip(planes, pixels, strict=True):
        pack(picture, plane)
    return planes


@pytest.fixture(scope="module")
def expected(state, planes):
    return recipe_network.forward(state, planes, "float64")


@pytest.fixture(scope="module")
def expected_fused(state, planes):
    return recipe_network.fused(state, planes, "float64")


def run(model, images):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": images}), strict=True))


def build(state, **options):
    return graph.build_model(state, graph.GraphForm(**{"opset": 11, **options}), {}, "0")


def test_every_opset_is_valid_and_gives_the_recipes_outputs(
    state, pixels, planes, expected, expected_fused
):
    for opset in range(graph.OLDEST_OPSET, graph.newest_opset() + 1):
        check_outputs(opset, state, planes, expected)
        model = build(state, opset=opset, input="uint8", fuse_mirror=True)
        onnx.checker.check_model(model, full_check=True)
        got = run(model, pixels)["features"]
        assert recipe_network.relative_error(got, expected_fused) < CLOSE, opset


def check_outputs(opset, state, planes, expected):
    model = build(state, opset=opset, outputs="all")
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", opset)]
    got = run(model, planes)
    assert list(got) == recipe_network.OUTPUTS
    for name, wanted in expected.items():
        assert recipe_network.relative_error(got[name], wanted) < CLOSE, (opset, name)


# Every pool, order and kind of classifier, at opsets before and after Split changed.
@pytest.mark.parametrize("opset", [11, 13])
@pytest.mark.parametrize(
    ("family", "design"),
    [
        ("seathiefwang", replace(MGN_PYTORCH, pool="avg")),
        ("seathiefwang", replace(MGN_PYTORCH, pool="max")),
        ("levyfan", LEVYFAN),
    ],
    ids=["avg", "max", "levyfan"],
)
def test_other_families_give_their_outputs(family, design, opset, planes):
    state = other_networks.random_state(family, 2)
    wanted = other_networks.forward(family, state, planes, design.pool, "float64")
    ours = {name.replace("backone.", "backbone."): array for name, array in state.items()}
    model = build(ours, opset=opset, outputs="all", design=design)
    onnx.checker.check_model(model, full_check=True)
    assert {node.op_type for node in model.graph.node} <= KNOWN_TO_ATC
    got = run(model, planes)
    assert list(got) == recipe_network.OUTPUTS
    for name, values in wanted.items():
        assert recipe_network.relative_error(got[name], values) < CLOSE, name
    alone = run(build(ours, opset=opset, design=design), planes)
    assert list(alone) == ["features"]
    assert recipe_network.relative_error(alone["features"], wanted["features"]) < CLOSE


def test_another_familys_mirror_is_added_inside(planes):
    state = other_networks.random_state("levyfan", 2)
    both = sum(
        other_networks.forward("levyfan", state, images, dtype="float64")["features"]
        for images in (planes, planes[..., ::-1].copy())
    )
    got = run(build(state, fuse_mirror=True, design=LEVYFAN), planes)["features"]
    expected = both / np.linalg.norm(both, axis=1, keepdims=True)
    assert recipe_network.relative_error(got, expected) < CLOSE


@pytest.mark.parametrize("count", range(1, 4))
def test_a_row_does_not_depend_on_its_batch(count, state, planes, expected):
    got = run(build(state), planes[:count])["features"]
    assert got.shape == (count, len(expected["features"][0]))
    assert recipe_network.relative_error(got, expected["features"][:count]) < CLOSE


def test_uint8_input_is_normalised_to_the_bit_as_outside(state, pixels, planes):
    inside = run(build(state, input="uint8"), pixels)["features"]
    outside = run(build(state), planes)["features"]
    np.testing.assert_array_equal(inside, outside)


def test_fused_rows_are_the_same_for_a_picture_and_its_mirror(state, planes):
    model = build(state, fuse_mirror=True)
    plain = run(model, planes)["features"]
    mirrored = run(model, planes[..., ::-1].copy())["features"]
    np.testing.assert_allclose(plain, mirrored, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(plain, axis=1), 1, atol=1e-6)


def with_reduction(state, gamma, beta):
    width = len(state["reduction.1.bias"])
    return state | {
        "reduction.1.weight": np.full(width, gamma, np.float32),
        "reduction.1.bias": np.full(width, beta, np.float32),
    }


def test_a_fused_sum_of_zero_stays_zero(state, planes):
    dead = with_reduction(state, 0, -1)
    assert not run(build(dead, fuse_mirror=True), planes)["features"].any()


@pytest.mark.parametrize("gamma", [1e-9, 1e25])
def test_fusing_survives_features_whose_squares_leave_float32(state, planes, gamma):
    scaled = with_reduction(state, gamma, 0)
    got = run(build(scaled, fuse_mirror=True), planes)["features"]
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("fuse_mirror", [False, True])
@pytest.mark.parametrize("kind", ["float32", "uint8"])
@pytest.mark.parametrize(("batch_size", "axis"), [(None, "batch"), (3, 3)])
def test_input_and_output_say_their_shapes(state, kind, batch_size, axis, fuse_mirror):
    model = build(state, input=kind, batch_size=batch_size, fuse_mirror=fuse_mirror)
    shapes = [
        [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (model.graph.input[0], model.graph.output[0])
    ]
    image = [3, 384, 128] if kind == "float32" else [384, 128, 3]
    assert shapes == [[axis, *image], [axis, 128]]
    assert [value.name for value in model.graph.input] == ["image"]
    assert [value.name for value in model.graph.output] == ["features"]


@pytest.mark.parametrize("fuse_mirror", [False, True])
def test_a_fixed_batch_runs(state, pixels, expected, expected_fused, fuse_mirror):
    got = run(build(state, input="uint8", batch_size=3, fuse_mirror=fuse_mirror), pixels)
    wanted = expected_fused if fuse_mirror else expected["features"]
    assert recipe_network.relative_error(got["features"], wanted) < CLOSE


@pytest.mark.parametrize(
    "form",
    [{"outputs": "all"}, {"input": "uint8", "fuse_mirror": True}],
    ids=["all", "uint8 fused"],
)
@pytest.mark.parametrize("opset", [11, 18])
def test_only_operators_that_atc_knows_are_used(state, opset, form):
    model = build(state, opset=opset, **form)
    assert {node.op_type for node in model.graph.node} <= KNOWN_TO_ATC


def test_the_reduction_is_written_once_and_batch_norms_are_folded(state):
    model = build(state)
    kinds = collections.Counter(node.op_type for node in model.graph.node)
    # 1 + 10 + 13 + 4 before the branches, 25 in each, and the reduction.
    assert kinds["Conv"] == 28 + 3 * 25 + 1
    assert kinds["MaxPool"] == 6
    assert kinds["BatchNormalization"] == 0
    names = [entry.name for entry in model.graph.initializer]
    assert names.count("reduction.0.weight") == 1
    assert not any(name.startswith("fc_id") for name in names)


@pytest.mark.parametrize(("opset", "ir_version"), [(11, 6), (13, 7), (17, 8), (21, 10)])
def test_the_ir_version_is_the_oldest_of_the_opset(state, opset, ir_version):
    assert build(state, opset=opset).ir_version == ir_version


def test_the_same_arguments_give_the_same_bytes(state):
    first, second = (build(state, outputs="all").SerializeToString() for _ in range(2))
    assert first == second


def test_metadata_and_producer_are_in_the_model(state):
    model = graph.build_model(state, graph.GraphForm(11), {"key": "value"}, "1.2.3")
    assert [(entry.key, entry.value) for entry in model.metadata_props] == [("key", "value")]
    assert (model.producer_name, model.producer_version) == ("mgn_fast", "1.2.3")
