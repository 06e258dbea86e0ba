# SPDX-License-Identifier: Apache-2.0
"""What a network takes and gives where the file says it, and where it has to be run for it."""

from dataclasses import replace

import numpy as np
import pytest

from mgn_fast import Embedder, InvalidInputError, ModelError, compile_om, open_session, simulator
from mgn_fast.models.contract import MGN, Contract
from mgn_fast.simulator import TensorSpec
from mgn_fast.simulator.network import describe, open_network, outputs_of
from support.foreign_model import (
    FOREIGN,
    TWELVE,
    foreign_embeddings,
    foreign_pictures,
    write_foreign_model,
    write_twelve_outputs,
)
from support.late import late
from support.tiny_model import write_tiny_model

TensorProto = late("onnx.TensorProto")
helper = late("onnx.helper")
onnx = late("onnx")

PICTURE = TensorSpec("image", "float32", (3, 6, 4), "NCHW")


def write_open_network(path, *, batch="batch", half=False):
    """Height and width are left open, and so are the sizes of its two outputs."""
    kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("ReduceMean", ["image"], ["means"], axes=[2, 3], keepdims=1),
    ]
    ends = [
        helper.make_tensor_value_info("image", kind, [batch, 3, "height", "width"]),
        helper.make_tensor_value_info("flat", kind, [batch, "cells"]),
        helper.make_tensor_value_info("means", kind, [batch, 3, 1, 1]),
    ]
    graph = helper.make_graph(nodes, "open", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    onnx.save(model, path)
    return path.read_bytes()


def test_a_file_says_its_ends_and_its_contract(tmp_path):
    contract = Contract(height=64, width=32, embedding_width=5, input="float16")
    path = write_tiny_model(tmp_path / "m.onnx", contract=contract, batch_size=2)
    found = describe(path.read_bytes(), path, None, None)
    assert found.inputs == (TensorSpec("image", "float16", (3, 64, 32), "NCHW"),)
    assert found.outputs == (TensorSpec("features", "float32", (5,)),)
    assert (found.batch_size, found.contract) == (2, contract)
    assert found.contract.origin == str(path)


def test_ends_that_are_given_go_before_the_files(tmp_path):
    path = write_tiny_model(tmp_path / "m.onnx")
    outputs = [TensorSpec("features", "float16", (2048,))]
    found = describe(path.read_bytes(), path, [PICTURE], outputs)
    assert (found.inputs, found.outputs) == ((PICTURE,), tuple(outputs))


@pytest.mark.parametrize(("batch", "size"), [("batch", None), (2, 2)])
@pytest.mark.parametrize("half", [False, True])
def test_open_sizes_are_those_of_a_run_on_the_inputs_given(tmp_path, batch, size, half):
    network = write_open_network(tmp_path / "o.onnx", batch=batch, half=half)
    dtype = "float16" if half else "float32"
    found = describe(network, None, [PICTURE], None)
    assert found.outputs == (
        TensorSpec("flat", dtype, (72,)),
        TensorSpec("means", dtype, (3, 1, 1), "NCHW"),
    )
    assert found.batch_size == size


def test_open_sizes_that_nobody_gives_are_refused(tmp_path):
    network = write_open_network(tmp_path / "o.onnx")
    with pytest.raises(ModelError, match=r"the ONNX has image .* fixed other sizes"):
        describe(network, None, None, None)
    session = open_network(network, "it")
    with pytest.raises(ModelError, match="it does not run"):
        outputs_of(session, [TensorSpec("image", "float32", (2, 6, 4), "NCHW")], "it")


def test_an_output_of_one_number_has_no_batch(tmp_path):
    model = onnx.load_from_string(write_open_network(tmp_path / "o.onnx"))
    model.graph.node[1].CopyFrom(helper.make_node("Size", ["image"], ["means"]))
    kind = helper.make_tensor_value_info("means", TensorProto.INT64, [])
    model.graph.output[1].CopyFrom(kind)
    session = open_network(model.SerializeToString(), "it")
    with pytest.raises(ModelError, match="it has means of one number, expected a batch axis"):
        outputs_of(session, [PICTURE], "it")


def test_what_is_no_onnx_is_refused():
    with pytest.raises(ModelError, match="it cannot be opened"):
        open_network(b"\x08\x07", "it")


def test_without_a_network_the_ends_are_mgns(tmp_path):
    found = describe(b"", None, None, None)
    assert found.inputs[0].shape == (3, 384, 128)
    assert found.outputs == (TensorSpec("features", "float32", (2048,)),)
    assert describe(b"", None, [PICTURE], None).inputs == (PICTURE,)


@pytest.mark.parametrize(
    "fields",
    [
        ("", "float32", (1,)),
        ("x", "float8", (1,)),
        ("x", "float32", (0,)),
        ("x", "float32", (1,) * 8),
        ("x", "float32", (1,), "CHW"),
    ],
)
def test_tensors_are_checked(fields):
    with pytest.raises(InvalidInputError, match=r"expected a name"):
        TensorSpec(*fields)


# From here on what was compiled is run, in float32: what float16 does to it, test_float16.py asks.
FLOAT32 = {"simulate": True, "precision": "origin"}


@pytest.fixture
def npu(tmp_path, monkeypatch):
    """A simulated one, and a working directory for models."""
    monkeypatch.chdir(tmp_path)
    simulator.enable("Ascend310P3", timing=False)
    yield
    ledger = simulator.ledger()
    simulator.disable()
    assert ledger["violations"] == []


FORMS = {
    "as it is": (FOREIGN, {}),
    "two outputs": (replace(FOREIGN, output="embedding"), {"logits": True}),
    "a map of one cell": (FOREIGN, {"shape": (1, 1)}),
    "half precision": (replace(FOREIGN, input="float16"), {"half": True}),
    "rows of channels": (replace(FOREIGN, layout="NHWC"), {}),
    "open sizes": (FOREIGN, {"free": True}),
    "open sizes and one cell": (FOREIGN, {"free": True, "shape": (1, 1), "logits": True}),
    "wider, RGB": (replace(FOREIGN, width=48, colour="RGB", embedding_width=6), {}),
}


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize(("contract", "form"), FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("batch_sizes", [(4,), (1, 4)], ids=["static", "gears"])
def test_models_of_others_embed_by_a_stated_contract(npu, contract, form, batch_sizes):
    onnx_path = write_foreign_model("f.onnx", contract, **form)
    pixels = foreign_pictures(7, contract)
    path = compile_om(onnx_path, "f.om", **FLOAT32, batch_sizes=batch_sizes, contract=contract)
    with Embedder(path) as embedder:
        assert embedder.session.embedding_width == contract.embedding_width
        got = embedder(pixels)
    # Rounding to half precision, of the picture and of the output, is 2^-11 of each number.
    tolerance = 5e-3 if "half" in form else 1e-5
    np.testing.assert_allclose(got, foreign_embeddings(pixels, contract), atol=tolerance)
    with Embedder(onnx_path, contract=contract) as embedder:
        np.testing.assert_allclose(got, embedder(pixels), atol=1e-3 if "half" in form else 1e-6)


@pytest.mark.usefixtures("own_process")
def test_a_fixed_batch_is_compiled_and_embeds(npu):
    onnx_path = write_foreign_model("f.onnx", batch_size=3)
    path = compile_om(onnx_path, "f.om", **FLOAT32, batch_sizes=(3,), contract=FOREIGN)
    pixels = foreign_pictures(4)
    with Embedder(path) as embedder:
        np.testing.assert_allclose(embedder(pixels), foreign_embeddings(pixels), atol=1e-5)


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize("stated", ["when compiled", "when opened"])
def test_the_recipes_twelve_outputs_embed_by_its_preset(npu, stated):
    onnx_path = write_twelve_outputs("recipe.onnx")
    early, late_ = ({"contract": "recipe"}, {})[:: 1 if stated == "when compiled" else -1]
    path = compile_om(onnx_path, "r.om", **FLOAT32, batch_sizes=(1, 4), **early)
    write_tiny_model("m.onnx")
    pixels = foreign_pictures(3, MGN)
    with Embedder(path, **late_) as embedder, Embedder("m.onnx") as ours:
        assert sorted(embedder.session.output_widths) == [9] * 8 + [256] * 3 + [2048]
        np.testing.assert_allclose(embedder(pixels), ours(pixels), atol=1e-6)
    if late_:
        with pytest.raises(ModelError, match=r"no contract in r\.om\.json beside it"):
            Embedder(path)


@pytest.mark.usefixtures("own_process")
def test_any_of_the_outputs_can_be_meant(npu):
    onnx_path = write_twelve_outputs("recipe.onnx")
    whole, part = (
        compile_om(
            onnx_path,
            f"{place}.om",
            simulate=True,
            batch_sizes=(4,),
            contract={"embedding_width": None, "parts": None},
            output=name,
        )
        for place, name in enumerate((TWELVE[0], TWELVE[2]))
    )
    images = np.random.default_rng(0).standard_normal((3, 3, 384, 128), np.float32)
    with open_session(whole) as one, open_session(part) as other:
        assert np.array_equal(one.run(images)[:, 256:512], other.run(images))
