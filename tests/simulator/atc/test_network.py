# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest

from mgn_fast.models.onnx_file import OnnxNode, OnnxTensor, read_onnx
from mgn_fast.simulator import TensorSpec
from mgn_fast.simulator.atc.network import check_operators, fed_inputs, kept_outputs, om_names
from mgn_fast.simulator.atc.texts import AtcError
from support.late import late
from support.tiny_model import write_tiny_model

onnx = late("onnx")
onnxruntime = late("onnxruntime")

SHAPE = {"image": [8, 3, 384, 128]}
FED = [TensorSpec("image", "float32", (3, 384, 128), "NCHW")]


@pytest.fixture
def path(tmp_path):
    return write_tiny_model(tmp_path / "tiny.onnx")


@pytest.fixture
def described(path):
    return read_onnx(path)


def code_of(call, *arguments):
    with pytest.raises(AtcError) as info:
        call(*arguments)
    return info.value.code


def with_node(described, **changes):
    node = dataclasses.replace(OnnxNode("n", "Relu", "", ("t",)), **changes)
    return dataclasses.replace(described, nodes=(*described.nodes, node))


def test_standard_operators_up_to_opset_18_are_known(described):
    check_operators(described)
    check_operators(dataclasses.replace(described, opsets={"ai.onnx": 18}))


def test_newer_opsets_and_other_domains_are_not(described):
    assert code_of(check_operators, dataclasses.replace(described, opsets={"": 23})) == "E19010"
    assert code_of(check_operators, with_node(described, domain="com.microsoft")) == "E19010"


def test_inputs_take_their_sizes_from_the_option(described):
    assert fed_inputs(described, SHAPE, {}, []) == (FED, 8)
    assert fed_inputs(described, {"image": [-1, 3, 384, 128]}, {}, [1, 4]) == (FED, 0)


def test_a_fixed_model_needs_no_option(tmp_path):
    described = read_onnx(write_tiny_model(tmp_path / "f.onnx", batch_size=4))
    assert fed_inputs(described, {}, {}, [])[1] == 4


def test_half_precision_inputs_are_asked_for_by_name(described):
    inputs, _ = fed_inputs(described, SHAPE, {"input_fp16_nodes": "image"}, [])
    assert inputs[0].dtype == "float16"


@pytest.mark.parametrize(
    ("shapes", "options", "code"),
    [
        ({"imag": [8, 3, 384, 128]}, {}, "E10016"),
        (SHAPE, {"input_fp16_nodes": "imag"}, "E10016"),
        (SHAPE, {"input_fp16_nodes": "relu"}, "E10017"),
        ({"image": [8, 3, 384]}, {}, "E10049"),
        ({}, {}, "E10001"),
        ({"image": [8, 3, 284, 128]}, {}, "E10001"),
    ],
)
def test_inputs_that_are_not_the_models_are_refused(described, shapes, options, code):
    described = with_node(described, name="relu")
    assert code_of(fed_inputs, described, shapes, options, []) == code


def test_inputs_of_two_batches_are_not_simulated(described):
    both = (*described.inputs, OnnxTensor("more", "float32", ("batch", 2)))
    described = dataclasses.replace(described, inputs=both)
    shapes = SHAPE | {"more": [4, 2]}
    assert code_of(fed_inputs, described, shapes, {}, []) == "E19999"


def test_without_options_the_file_is_taken_as_it_is(path, described):
    assert kept_outputs(path.read_bytes(), described, {}, FED) == (path.read_bytes(), None)


def test_the_output_type_is_one_for_all_or_one_for_each(path, described):
    content = path.read_bytes()
    for text in ("FP16", "features:FP16"):
        network, outputs = kept_outputs(content, described, {"output_type": text}, FED)
        assert network == content
        assert outputs == [TensorSpec("features", "float16", (2048,))]


def test_a_tensor_inside_becomes_an_output_that_runs(path, described):
    options = {"out_nodes": "product;features", "output_type": "features:FP16"}
    network, outputs = kept_outputs(path.read_bytes(), described, options, FED)
    assert [(out.name, out.dtype) for out in outputs] == [
        ("product", "float32"),
        ("features", "float16"),
    ]
    assert outputs[0].shape == (2048,)
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    image = np.random.default_rng(0).standard_normal((2, 3, 384, 128), np.float32)
    product, features = session.run(["product", "features"], {"image": image})
    assert np.array_equal(np.maximum(product, 0), features)
    assert product.min() < 0


def test_nodes_are_named_with_the_number_of_their_output(path):
    model = onnx.load(path)
    for node in model.graph.node:
        node.name = f"{node.op_type}/a:b"
    onnx.save(model, path)
    options = {"out_nodes": "Relu/a:b:0;MatMul/a:b:0", "output_type": "Relu/a:b:0:FP16"}
    outputs = kept_outputs(path.read_bytes(), read_onnx(path), options, FED)[1]
    assert outputs == [
        TensorSpec("features", "float16", (2048,)),
        TensorSpec("product", "float32", (2048,)),
    ]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"out_nodes": "missing:0"}, "E10016"),
        ({"out_nodes": "missing"}, "E10016"),
        ({"out_nodes": "relu:1"}, "E10016"),
        ({"out_nodes": "relu:x"}, "E10016"),
        ({"output_type": "FP8"}, "E10001"),
        ({"output_type": "features:FP8"}, "E10001"),
        ({"output_type": "other:0:FP16"}, "E10016"),
    ],
    ids=repr,
)
def test_outputs_that_are_not_there_are_refused(path, described, options, code):
    described = with_node(described, name="relu")
    assert code_of(kept_outputs, path.read_bytes(), described, options, FED) == code


def test_a_model_that_does_not_run_cannot_be_simulated(described):
    assert code_of(kept_outputs, b"\x08\x07", described, {"output_type": "FP16"}, FED) == "E19999"


def test_outputs_are_called_by_node_number_and_tensor(described):
    nodes = (
        OnnxNode("/head/Split", "Split", "", ("a", "onnx::Gemm_7")),
        OnnxNode("", "Relu", "", ("features",)),
    )
    found = dataclasses.replace(described, nodes=nodes)
    assert om_names(found, ["features", "onnx::Gemm_7", "image"]) == [
        "Relu_1:0:features",
        "/head/Split:1:onnx::Gemm_7",
        "image",
    ]
