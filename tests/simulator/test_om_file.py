# SPDX-License-Identifier: Apache-2.0
"""What `write_om` puts into a file; that the library reads it is in tests/cpp/simulator/models."""

import json
import struct

import numpy as np
import pytest

from mgn_fast import InvalidInputError, ModelError
from mgn_fast.models.contract import DEVIATION, MEAN, Contract
from mgn_fast.simulator import StaticAipp, TensorSpec, write_om
from support.late import late
from support.tiny_model import CONTRACT, write_tiny_model

TensorProto = late("onnx.TensorProto")
helper = late("onnx.helper")
onnx = late("onnx")


def description(path):
    payload = path.read_bytes()[256:]
    return payload[: payload.index(b"end\n")].decode().splitlines()


def test_the_header_is_the_real_containers(tmp_path):
    path = write_om(tmp_path / "resnet.om")
    content = path.read_bytes()
    magic, header_bytes, version = struct.unpack_from("<3I", content)
    assert (magic, header_bytes, version) == (0x444F4D49, 256, 0x20000000)
    assert content[:4] == b"IMOD"
    assert struct.unpack_from("<I", content, 76)[0] == len(content) - 256
    assert struct.unpack_from("<Q", content, 184)[0] == len(content) - 256
    assert content[84:116] == b"resnet".ljust(32, b"\0")
    assert content[12:76] == bytes(64)


def test_mgn_is_the_default(tmp_path):
    assert description(write_om(tmp_path / "m.om")) == [
        "mgn-fast-simulated-om 1",
        "soc_version Ascend310P3",
        "batch 8",
        "input image 0 0 4 8 3 384 128",
        "output features 0 2 2 8 2048",
        "weight_bytes 512",
        f"work_bytes {(3 * 384 * 128 + 2048) * 4 * 8}",
        "onnx_bytes 0",
    ]


def test_gears_are_ascending_and_inputs_open(tmp_path):
    lines = description(write_om(tmp_path / "m.om", batch_sizes=(8, 1, 4)))
    assert lines[2:5] == [
        "gears 1 4 8",
        "input image 0 0 4 -1 3 384 128",
        "output features 0 2 2 8 2048",
    ]


def test_names_with_blanks_are_encoded(tmp_path):
    inputs = [TensorSpec("a b%\n#模", "uint8", ())]
    lines = description(write_om(tmp_path / "m.om", inputs=inputs))
    assert lines[3] == "input a%20b%25%0A%23%E6%A8%A1 4 2 1 8"


@pytest.mark.parametrize("as_bytes", [False, True])
@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_an_onnx_brings_its_tensors_and_its_contract(tmp_path, as_bytes, kind):
    contract = Contract(input=kind)
    onnx_path = write_tiny_model(tmp_path / "m.onnx", contract=contract)
    network = onnx_path.read_bytes()
    path = write_om(tmp_path / "m.om", onnx=network if as_bytes else onnx_path, batch_sizes=(2, 4))
    lines = description(path)
    wanted = "0 0 4 -1 3 384 128" if kind == "float32" else "4 1 4 -1 384 128 3"
    assert lines[3] == f"input image {wanted}"
    assert lines[4] == "output features 0 2 2 4 2048"
    assert f"onnx_bytes {len(network)}" in lines
    assert path.read_bytes().endswith(b"end\n" + network)
    assert f"weight_bytes {-(-len(network) // 2 // 512) * 512}" in lines
    sidecar = json.loads((tmp_path / "m.om.json").read_text())
    text = json.dumps(sidecar["contract"])
    assert Contract.from_json(text, source="sidecar") == contract


def test_with_aipp_the_client_feeds_uint8(tmp_path):
    onnx_path = write_tiny_model(tmp_path / "m.onnx", contract=CONTRACT)
    path = write_om(tmp_path / "m.om", onnx=onnx_path, aipp=StaticAipp())
    line = next(line for line in description(path) if line.startswith("aipp "))
    kind, num_dims, *rest = line.split()[1:]
    assert (kind, num_dims, rest[:4]) == ("4", "4", ["8", "384", "128", "3"])
    numbers = [float(x) for x in rest[4:]]
    np.testing.assert_allclose(numbers[:3], 255 * np.array(MEAN), rtol=1e-12)
    np.testing.assert_allclose(numbers[3:], 1 / (255 * np.array(DEVIATION)), rtol=1e-12)
    contract = json.loads((tmp_path / "m.om.json").read_text())["contract"]
    assert contract["input"] == "uint8"


def test_no_contract_no_sidecar(tmp_path):
    onnx_path = write_tiny_model(tmp_path / "m.onnx", contract=None)
    write_om(tmp_path / "m.om", onnx=onnx_path)
    assert not (tmp_path / "m.om.json").exists()


def test_the_outputs_type_can_be_chosen(tmp_path):
    lines = description(write_om(tmp_path / "m.om", output_dtype="float16"))
    assert "output features 1 2 2 8 2048" in lines


def test_outputs_may_be_called_as_atc_calls_them(tmp_path):
    lines = description(write_om(tmp_path / "m.om", output_names=["Concat_9:0:onnx::Gemm 7"]))
    assert "output Concat_9:0:onnx::Gemm%207 0 2 2 8 2048" in lines


def write_graph(path, inputs, output):
    """`inputs`: (name, type, shape) each; the first one is the output."""
    nodes = [helper.make_node("Identity", [inputs[0][0]], [output])]
    kinds = [helper.make_tensor_value_info(*one) for one in inputs]
    result = helper.make_tensor_value_info(output, *inputs[0][1:])
    graph = helper.make_graph(nodes, "g", kinds, [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    onnx.save(model, path)
    return path


FLOAT = 1  # of TensorProto


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ([("x", FLOAT, ["n", "m"])], "fixed other sizes"),
        ([("x", FLOAT, [])], "batch axis"),
        ([("x", TensorProto.STRING, ["n", 2])], "fixed other sizes"),
        ([("x", FLOAT, [2, 3]), ("y", FLOAT, [4, 3])], r"batch sizes \[2, 4\]"),
    ],
)
def test_networks_without_fixed_sizes_are_refused(tmp_path, inputs, reason):
    path = write_graph(tmp_path / "g.onnx", inputs, "out")
    with pytest.raises(ModelError, match=reason):
        write_om(tmp_path / "m.om", onnx=path)


def test_an_onnx_of_fixed_batch_takes_that_batch_only(tmp_path):
    path = write_tiny_model(tmp_path / "m.onnx", batch_size=2)
    write_om(tmp_path / "m.om", onnx=path, batch_sizes=(2,))
    for sizes in ((1,), (1, 2)):
        with pytest.raises(InvalidInputError, match=r"fixed batch size 2"):
            write_om(tmp_path / "m.om", onnx=path, batch_sizes=sizes)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"batch_sizes": ()}, "batch_sizes is"),
        ({"batch_sizes": (0,)}, "batch_sizes is"),
        ({"batch_sizes": (1, 1)}, "batch_sizes is"),
        ({"batch_sizes": (1, 2049)}, "batch_sizes is"),
        ({"batch_sizes": tuple(range(1, 102))}, "batch_sizes is"),
        ({"soc_version": ""}, "soc_version is ''"),
        ({"weight_bytes": -1}, "weight_bytes -1"),
        ({"output_dtype": "int8"}, "output_dtype is 'int8'"),
        ({"output_names": ["a", "b"]}, "expected a name for each of 1 outputs"),
        ({"aipp": StaticAipp(), "inputs": [TensorSpec("x", "float32", (3,))]}, "with AIPP"),
    ],
)
def test_arguments_are_checked(tmp_path, options, reason):
    with pytest.raises(InvalidInputError, match=reason):
        write_om(tmp_path / "m.om", **options)
    assert not (tmp_path / "m.om").exists()


def test_files_that_are_no_onnx_are_refused(tmp_path):
    with pytest.raises(ModelError, match=r"cannot be read"):
        write_om(tmp_path / "m.om", onnx=tmp_path / "none.onnx")
    with pytest.raises(ModelError, match=r"cannot be opened"):
        write_om(tmp_path / "m.om", onnx=b"garbage")
    with pytest.raises(InvalidInputError, match=r"existing directory"):
        write_om(tmp_path / "nowhere" / "m.om")
