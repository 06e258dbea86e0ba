# SPDX-License-Identifier: Apache-2.0
import hashlib

import numpy as np
import pytest

from mgn_fast.errors import ModelError
from mgn_fast.models.contract import METADATA_KEY
from mgn_fast.models.onnx_file import OnnxTensor, read_onnx
from support.late import late
from support.tiny_model import CONTRACT, write_tiny_model

TensorProto = late("onnx.TensorProto")
helper = late("onnx.helper")
numpy_helper = late("onnx.numpy_helper")
onnx = late("onnx")


def write(path, **changes):
    """A graph with a weight that is listed as an input too, and an operator of another domain."""
    weight = numpy_helper.from_array(np.ones((3, 2), np.float32), "w")
    parts = {
        "nodes": [
            helper.make_node("MatMul", ["x", "w"], ["y"], name="product"),
            helper.make_node("Own", ["y"], ["z", "rest"], name="last", domain="my.domain"),
        ],
        "inputs": [
            helper.make_tensor_value_info("x", TensorProto.FLOAT16, ["-1", 3]),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [3, 2]),
        ],
        "outputs": [helper.make_tensor_value_info("z", TensorProto.INT64, [None, 2])],
        "weights": [weight],
    } | changes
    graph = helper.make_graph(
        parts["nodes"], "g", parts["inputs"], parts["outputs"], parts["weights"]
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("my.domain", 2)]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets).SerializeToString())
    return path


def test_a_graph_is_described_without_its_weights(tmp_path):
    path = write(tmp_path / "m.onnx")
    found = read_onnx(path)
    assert found.inputs == (OnnxTensor("x", "float16", ("-1", 3)),)
    assert found.outputs == (OnnxTensor("z", "int64", ("", 2)),)
    assert [(n.name, n.kind, n.domain, n.outputs) for n in found.nodes] == [
        ("product", "MatMul", "", ("y",)),
        ("last", "Own", "my.domain", ("z", "rest")),
    ]
    assert found.opsets == {"": 13, "my.domain": 2}
    assert found.contract is None
    assert not found.has_external_data
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("batch_size", [None, 4])
def test_it_agrees_with_the_onnx_package_on_a_model_of_ours(tmp_path, batch_size):
    path = write_tiny_model(tmp_path / "tiny.onnx", batch_size=batch_size)
    found = read_onnx(path)
    model = onnx.load(path)
    assert [node.kind for node in found.nodes] == [node.op_type for node in model.graph.node]
    assert found.inputs[0].shape == ("batch" if batch_size is None else 4, 3, 384, 128)
    assert found.contract == CONTRACT


def test_negative_sizes_are_negative(tmp_path):
    entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, [-1, 3])
    found = read_onnx(write(tmp_path / "m.onnx", inputs=[entry]))
    assert found.inputs[0].shape == (-1, 3)


def test_weights_in_other_files_are_noticed(tmp_path):
    weight = numpy_helper.from_array(np.ones(3, np.float32), "w")
    weight.data_location = TensorProto.EXTERNAL
    assert read_onnx(write(tmp_path / "m.onnx", weights=[weight])).has_external_data


def test_a_contract_that_no_model_has_is_refused(tmp_path):
    path = tmp_path / "m.onnx"
    model = onnx.load(write(path))
    helper.set_model_props(model, {METADATA_KEY: '{"height": 5, "mean": [], "deviation": []}'})
    onnx.save(model, path)
    with pytest.raises(ModelError, match=r"metadata of .*m\.onnx.*no contract: .*mean is \[\]"):
        read_onnx(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it has no graph"),
        (b"\x08\x07", "it has no graph"),
        (b"\x3a\x00", "0 nodes, 0 inputs and 0 outputs"),
        (b"\x3a\x05ab", "a field of 5 bytes where 2 are left"),
        (b"\x3a\x80", "it ends inside a number"),
        (b"\xff" * 11, "more than 64 bits"),
        (b"\x0b", "wire type 3"),
        (b"\x38\x05", "the number 5 where a message was expected"),
        (b"\x89PNG\r\n\x1a\n", "no ONNX model"),
    ],
    ids=repr,
)
def test_files_that_are_no_model_are_refused(tmp_path, content, message):
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        read_onnx(path)


def test_a_missing_file_and_a_directory_are_refused(tmp_path):
    with pytest.raises(ModelError, match=r"missing\.onnx' cannot be read"):
        read_onnx(tmp_path / "missing.onnx")
    with pytest.raises(ModelError, match="cannot be read"):
        read_onnx(tmp_path)


@pytest.mark.usefixtures("many_examples")
@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_are_refused_or_read_but_never_crash(tmp_path, seed):
    random = np.random.default_rng(seed)
    path = tmp_path / "m.onnx"
    whole = np.frombuffer(write(path).read_bytes(), np.uint8)
    refused = 0
    for _ in range(300):
        damaged = whole[: random.integers(1, len(whole) + 1)].copy()
        places = random.integers(0, len(damaged), 3)
        damaged[places] = random.integers(0, 256, 3)
        path.write_bytes(damaged.tobytes())
        try:
            read_onnx(path)
        except ModelError:
            refused += 1
    assert refused > 200
