# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast.errors import ModelError
from mgn_fast.models.contract import METADATA_KEY, Contract
from support.depthwise_network import MOBILE_BLOCKS, write_mobile_network
from support.late import late
from support.small_network import BLOCKS, write_small_network

numpy_helper = late("onnx.numpy_helper")
onnx = late("onnx")
FloatGraph = late("mgn_fast.quantize.blocks.FloatGraph")
onnxruntime = late("onnxruntime")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_small_network(tmp_path_factory.mktemp("graph") / "float.onnx")


@pytest.fixture(scope="module")
def graph(path):
    return FloatGraph(path)


@pytest.fixture(scope="module")
def batch():
    return np.random.default_rng(0).standard_normal((4, 3, 384, 128), np.float32)


@pytest.fixture(scope="module")
def ranges(graph, batch, tmp_path_factory):
    return graph.ranges(iter([batch[:3], batch[3:]]), tmp_path_factory.mktemp("ranges"))


def run(path, batch, names=("features",)):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(list(names), {"image": batch})


def run_all(path, batch):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: batch})


def optimized_kinds(path, folder):
    """The operators that ONNX Runtime runs, after its own fusions."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    options.log_severity_level = 4  # it warns that such a file is for this machine only
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return [node.op_type for node in onnx.load(folder / "optimized.onnx").graph.node]


def test_blocks_are_residual_blocks_and_single_convolutions(graph):
    """The last one's result goes into no integer layer, so it is in no block."""
    assert [block.name for block in graph.blocks] == BLOCKS
    first, plain, projected = graph.blocks
    assert first.nodes == ("first",)
    assert sorted(plain.nodes) == ["plain_1", "plain_2", "plain_3", "plain_add"]
    assert "projected_shortcut" in projected.nodes


def test_work_is_counted_by_hand(graph):
    first, plain, _ = graph.blocks
    assert first.multiplications == (16 * 96 * 32) * (3 * 4 * 4)
    assert first.work == first.multiplications + 300 * 16 * 96 * 32
    assert plain.multiplications == 48 * 16 * (8 * 16 + 8 * 8 * 9 + 16 * 8)
    last = 32 * 8 * 8 * 32
    assert graph.multiplications == sum(b.multiplications for b in graph.blocks) + last


def test_ranges_are_those_of_the_pictures(path, graph, ranges, batch, tmp_path):
    """All of what goes in; of what is computed what 98 % of the pictures stay within."""
    assert ranges["image"] == (batch.min(), batch.max())
    probed = onnx.load(path)
    probed.graph.output.append(onnx.helper.make_empty_tensor_value_info("plain_3"))
    onnx.save(probed, tmp_path / "probed.onnx")
    (values,) = run(tmp_path / "probed.onnx", batch, ["plain_3"])
    least, largest = values.min((1, 2, 3)), values.max((1, 2, 3))
    expected = np.quantile(least, 0.02), np.quantile(largest, 0.98)
    np.testing.assert_allclose(ranges["plain_3"], expected, rtol=1e-4)
    # What only Relu takes is rounded after it.
    assert "plain_1" not in ranges
    assert ranges["plain_1_relu"][0] == 0


def test_the_file_has_uint8_activations_and_int8_weights_per_channel(graph, ranges, tmp_path):
    graph.write(tmp_path / "int8.onnx", ranges, [], {"key": "value"})
    model = onnx.load(tmp_path / "int8.onnx")
    onnx.checker.check_model(model, full_check=True)
    constants = {entry.name: numpy_helper.to_array(entry) for entry in model.graph.initializer}
    convolutions = 0
    makers = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear":
            assert constants[node.input[2]].dtype == np.uint8
        if node.op_type == "Conv" and node.name != "last":
            weight = makers[node.input[1]]
            assert constants[weight.input[0]].dtype == np.int8
            assert constants[weight.input[1]].shape == constants[weight.input[0]].shape[:1]
            assert constants[makers[node.input[2]].input[0]].dtype == np.int32
            convolutions += 1
    assert convolutions == 8
    properties = {entry.key: entry.value for entry in model.metadata_props}
    assert properties == {METADATA_KEY: Contract().to_json(), "key": "value"}
    assert model.opset_import[0].version == 13


def test_onnx_runtime_computes_it_in_integers(graph, ranges, tmp_path):
    graph.write(tmp_path / "int8.onnx", ranges, [], {})
    kinds = optimized_kinds(tmp_path / "int8.onnx", tmp_path)
    assert kinds.count("QLinearConv") == 8
    assert kinds.count("QLinearAdd") == 2
    assert kinds.count("QuantizeLinear") == 1
    assert "Relu" not in kinds


def test_a_kept_block_keeps_its_weights_and_nothing_is_rounded_inside_it(graph, ranges, tmp_path):
    kept = graph.blocks[1:2]
    graph.write(tmp_path / "int8.onnx", ranges, kept, {})
    kinds = optimized_kinds(tmp_path / "int8.onnx", tmp_path)
    assert kinds.count("QLinearConv") == 5
    assert kinds.count("QLinearAdd") == 1
    names = {entry.name for entry in onnx.load(tmp_path / "int8.onnx").graph.initializer}
    assert {"plain_1.weight", "plain_3.bias"} <= names
    assert not {"first.weight", "projected_1.weight"} & names


def test_with_every_block_kept_nothing_changes(path, graph, ranges, batch, tmp_path):
    graph.write(tmp_path / "same.onnx", ranges, graph.blocks, {})
    np.testing.assert_array_equal(run(tmp_path / "same.onnx", batch)[0], run(path, batch)[0])


def test_int8_embeddings_are_near(path, graph, ranges, batch, tmp_path):
    graph.write(tmp_path / "int8.onnx", ranges, [], {})
    got, expected = run(tmp_path / "int8.onnx", batch)[0], run(path, batch)[0]
    cosine = (got * expected).sum(1) / np.linalg.norm(got, axis=1)
    assert (cosine / np.linalg.norm(expected, axis=1)).min() > 0.98


def test_pooling_is_rounded_as_what_it_pools(graph, ranges, tmp_path):
    other = ranges | {"pool": (-9.0, 99.0)}  # of use only where what it pools is float32
    graph.write(tmp_path / "int8.onnx", other, [], {})
    model = onnx.load(tmp_path / "int8.onnx")
    constants = {entry.name: numpy_helper.to_array(entry) for entry in model.graph.initializer}
    assert constants["pool.scale"] == constants["first_relu.scale"]
    assert constants["last_pool.zero"] == constants["projected_add_relu.zero"]


def test_what_others_networks_have_is_rounded_where_it_pays(tmp_path):
    """Norms and cuts belong to their convolutions, and a gate of one value a channel stays."""
    path = write_mobile_network(tmp_path / "theirs.onnx")
    graph = FloatGraph(path)
    assert [block.name for block in graph.blocks] == MOBILE_BLOCKS
    batch = np.random.default_rng(0).standard_normal((4, 3, 64, 32), np.float32)
    expected = run_all(path, batch)
    graph.equalise([batch], tmp_path)
    ranges = graph.ranges([batch], tmp_path)
    assert ranges["cut"] == (0, 6)
    assert "stem_norm" not in ranges
    graph.write(tmp_path / "int8.onnx", ranges, [], {})
    for got, wanted in zip(run_all(tmp_path / "int8.onnx", batch), expected, strict=True):
        assert (got * wanted).sum() / np.linalg.norm(got) / np.linalg.norm(wanted) > 0.99
    kinds = optimized_kinds(tmp_path / "int8.onnx", tmp_path)
    assert kinds.count("QLinearConv") == 3
    assert kinds.count("QLinearAdd") == 1
    assert "BatchNormalization" not in kinds


def test_channels_before_a_depthwise_convolution_become_alike(tmp_path):
    path = write_mobile_network(tmp_path / "theirs.onnx")
    batch = np.random.default_rng(0).standard_normal((4, 3, 64, 32), np.float32)
    errors = []
    for alike in (False, True):
        graph = FloatGraph(path)
        if alike:
            graph.equalise([batch], tmp_path)
        narrow = next(block for block in graph.blocks if block.name == "narrow")
        others = [block for block in graph.blocks if block is not narrow]
        graph.write(tmp_path / "int8.onnx", graph.ranges([batch], tmp_path), others, {})
        got, wanted = (run_all(p, batch)[1] for p in (tmp_path / "int8.onnx", path))
        errors.append(np.abs(got - wanted).mean())
    assert errors[1] < 0.7 * errors[0]


def test_sizes_that_the_file_leaves_open_are_those_given(tmp_path):
    path = write_mobile_network(tmp_path / "theirs.onnx", free=True)
    fixed = FloatGraph(write_mobile_network(tmp_path / "fixed.onnx"))
    graph = FloatGraph(path, (3, 64, 32))
    assert graph.blocks == fixed.blocks
    assert graph.multiplications == fixed.multiplications
    batch = np.ones((1, 3, 64, 32), np.float32)
    graph.write(tmp_path / "int8.onnx", graph.ranges([batch], tmp_path), [], {})
    shape = onnx.load(tmp_path / "int8.onnx").graph.input[0].type.tensor_type.shape.dim
    assert [size.dim_param for size in shape] == ["batch", "", "size1", "size2"]


def test_weights_in_halves_are_no_blocks(tmp_path):
    path = write_mobile_network(tmp_path / "theirs.onnx")
    model = onnx.load(path)
    for node in model.graph.node:
        for entry in node.attribute:
            if node.name == "narrow_weight" and entry.name == "value":
                values = numpy_helper.to_array(entry.t).astype(np.float16)
                entry.t.CopyFrom(numpy_helper.from_array(values))
    onnx.save(model, path)
    names = [block.name for block in FloatGraph(path).blocks]
    assert "narrow" not in names


def test_operators_that_onnx_cannot_bring_to_a_recent_form_are_told(tmp_path):
    path = write_mobile_network(tmp_path / "theirs.onnx")
    model = onnx.load(path)
    model.graph.node[0].op_type = "NoSuchOperator"
    onnx.save(model, path)
    with pytest.raises(ModelError, match="is of opset 12, which onnx cannot turn into 13: "):
        FloatGraph(path)


@pytest.mark.parametrize("what", ["weight", "bias"])
def test_a_convolution_whose_weights_are_computed_stays_float32(path, tmp_path, what):
    model = onnx.load(path)
    place = {"weight": 1, "bias": 2}[what]
    node = next(node for node in model.graph.node if node.name == "plain_2")
    model.graph.node.insert(
        0, onnx.helper.make_node("Identity", [node.input[place]], ["computed"], name="computes")
    )
    next(n for n in model.graph.node if n.name == "plain_2").input[place] = "computed"
    onnx.save(model, tmp_path / "computed.onnx")
    blocks = FloatGraph(tmp_path / "computed.onnx").blocks
    assert not any("plain_2" in block.nodes for block in blocks)


def test_a_sum_with_a_constant_ends_no_block(path, tmp_path):
    model = onnx.load(path)
    model.graph.initializer.append(numpy_helper.from_array(np.ones(1, np.float32), "one"))
    next(n for n in model.graph.node if n.name == "plain_add").input[1] = "one"
    onnx.save(model, tmp_path / "constant.onnx")
    names = [block.name for block in FloatGraph(tmp_path / "constant.onnx").blocks]
    assert "plain_add" not in names


def test_nodes_without_names_and_weights_among_the_inputs_are_taken(batch, tmp_path):
    path = write_small_network(tmp_path / "old.onnx", named=False)
    model = onnx.load(path)
    for entry in model.graph.initializer:
        info = onnx.helper.make_tensor_value_info(entry.name, entry.data_type, entry.dims)
        model.graph.input.append(info)
    onnx.save(model, path)
    graph = FloatGraph(path)
    assert len(graph.blocks) == 3
    ranges = graph.ranges(iter([batch]), tmp_path)
    graph.write(tmp_path / "int8.onnx", ranges, [], {})
    assert [entry.name for entry in onnx.load(tmp_path / "int8.onnx").graph.input] == ["image"]
    assert run(tmp_path / "int8.onnx", batch)[0].shape == (4, 2048)


@pytest.mark.parametrize("opset", [17, 18, 21])
def test_ranges_do_not_depend_on_the_opset(ranges, batch, tmp_path, opset):
    write_small_network(tmp_path / "newer.onnx", opset=opset)
    graph = FloatGraph(tmp_path / "newer.onnx")
    found = graph.ranges(iter([batch]), tmp_path)
    assert found.keys() == ranges.keys()
    for name, ends in found.items():
        np.testing.assert_allclose(ends, ranges[name], rtol=1e-5, atol=1e-6)
    graph.write(tmp_path / "int8.onnx", found, [], {})
    assert run(tmp_path / "int8.onnx", batch)[0].shape == (4, 2048)
