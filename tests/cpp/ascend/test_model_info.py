# SPDX-License-Identifier: Apache-2.0
"""What an .om may look like, and what is refused because its meaning cannot be known."""

import pytest

from mgn_fast import DeviceError, ModelError, _core, simulator
from mgn_fast.simulator import StaticAipp, TensorSpec

IMAGE = TensorSpec("image", "float32", (3, 2, 2), "NCHW")


def output(name, width, dtype="float32"):
    return TensorSpec(name, dtype, (width,))


@pytest.fixture
def info(tiny_om):
    def read(*, wanted="", width=0, **options):
        engine = _core.AscendEngine(
            str(tiny_om(**options)), 0, 1, timed=False, output=wanted, width=width
        )
        found = {
            "shape": engine.input_shape(),
            "dtype": str(engine.input_dtype()),
            "batch_sizes": engine.batch_sizes(),
            "width": engine.embedding_width(),
        }
        engine.close()
        return found

    return read


def test_a_static_model(info):
    assert info(batch_sizes=(4,)) == {
        "shape": [3, 2, 2],
        "dtype": "float32",
        "batch_sizes": [4],
        "width": 16,
    }


def test_gears_are_its_batch_sizes(info):
    assert info(batch_sizes=(1, 8, 4))["batch_sizes"] == [1, 4, 8]


def test_with_static_aipp_the_input_is_the_picture_that_is_fed(info):
    found = info(aipp=StaticAipp())
    assert (found["shape"], found["dtype"]) == ([2, 2, 3], "uint8")


@pytest.mark.parametrize("batch_sizes", [(2,), (1, 2)])
def test_gears_and_aipp_go_together(info, batch_sizes):
    found = info(aipp=StaticAipp(), batch_sizes=batch_sizes)
    assert (found["shape"], found["batch_sizes"]) == ([2, 2, 3], list(batch_sizes))


@pytest.mark.parametrize(
    "outputs",
    [
        [output("a", 7)],  # the only one, whatever its width
        [output("x", 256), output("Concat_9:0:features", 2048), output("z", 751)],
        [output("Concat_1:0:other", 2048), output("Concat_9:0:features", 2048)],
        [output("features", 2048), output("features2", 2048)],
        [TensorSpec("pooled", "float32", (2048, 1, 1))],
    ],
)
def test_the_output_of_embeddings_is_the_only_one_or_the_named_one(info, outputs):
    assert info(outputs=outputs)["width"] == (
        7 if len(outputs) == 1 and outputs[0].name == "a" else 2048
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outputs": [output("a", 256), output("b", 751)]}, "several outputs and does not say"),
        ({"outputs": [output("a", 2048), output("b", 2048)]}, "several outputs and does not say"),
        (
            {"outputs": [output("a:0:features", 2048), output("b:0:features", 2048)]},
            "several outputs and does not say",
        ),
        ({"inputs": [IMAGE, TensorSpec("mask", "float32", (4,))]}, "exactly one input of pictures"),
        ({"inputs": [TensorSpec("image", "int32", (3, 2, 2))]}, "not float32, float16 or uint8"),
        ({"outputs": [output("a", 16, "int32")]}, "not float32 or float16"),
        ({"outputs": [TensorSpec("map", "float32", (16, 4, 2))]}, "not float32 or float16"),
        (
            {"inputs": [IMAGE, TensorSpec("ascend_dynamic_aipp_data", "uint8", (64,))]},
            "has dynamic AIPP, expected static AIPP or none",
        ),
    ],
)
def test_what_is_ambiguous_is_refused_with_what_is_there(info, options, message):
    with pytest.raises(ModelError, match=message) as error:
        info(**options)
    assert "tiny.om" in str(error.value)
    assert "; it has " in str(error.value)


TWELVE = [output("Concat_9:0:features", 2048)]
TWELVE += [output(f"Relu_{place}:0:onnx::Gemm_{place}", 256 + place) for place in range(3)]
TWELVE += [output(f"Gemm_{place}:0:10{place}", 751) for place in range(8)]


@pytest.mark.parametrize(
    ("outputs", "wanted", "width"),
    [
        (TWELVE, "features", 2048),
        (TWELVE, "onnx::Gemm_1", 257),  # a name with colons of its own
        (TWELVE, "Relu_2:0:onnx::Gemm_2", 258),
        ([output("a:0:Gemm_7", 3), output("b:0:onnx::Gemm_7", 4)], "Gemm_7", 3),
        ([output("emb", 3), output("logits", 4)], "emb", 3),
        ([output("Flatten_8:0:emb", 3)], "emb", 3),
        ([output("Flatten_8:0", 3)], "emb", 3),  # the only one, its own name lost
    ],
)
def test_an_output_is_found_by_the_name_that_the_network_gave_it(info, outputs, wanted, width):
    assert info(outputs=outputs, wanted=wanted)["width"] == width


@pytest.mark.parametrize(
    ("outputs", "wanted", "width"),
    [
        (TWELVE, "feature", 2048),
        (TWELVE, "Gemm_1", 2048),  # the end of a tensor's name is not its name
        (TWELVE, "eatures", 0),
        ([output("Flatten_8:0:emb", 3)], "out", 3),  # the only one, and it has another name
        ([output("emb", 3)], "out", 3),
        ([output("a:0:emb", 3), output("b:1:emb", 3)], "emb", 0),
    ],
)
def test_a_name_that_no_output_has_is_refused_by_name(info, outputs, wanted, width):
    with pytest.raises(ModelError, match=f"has no output '{wanted}'; it has "):
        info(outputs=outputs, wanted=wanted, width=width)


LOST = [output("Concat_9:0", 2048), output("Relu_1:0", 256), output("Gemm_2:0", 751)]


@pytest.mark.parametrize("wanted", ["", "features", "emb"])
def test_where_names_are_lost_the_width_tells(info, wanted):
    for width in (2048, 256, 751):
        assert info(outputs=LOST, wanted=wanted, width=width)["width"] == width


@pytest.mark.parametrize(
    ("outputs", "width"),
    [(LOST, 0), (LOST, 512), ([*LOST, output("Relu_3:0", 256)], 256)],
)
def test_a_width_that_none_or_two_have_tells_nothing(info, outputs, width):
    with pytest.raises(ModelError, match="has no output 'emb'"):
        info(outputs=outputs, wanted="emb", width=width)
    with pytest.raises(ModelError, match="several outputs and does not say"):
        info(outputs=outputs, width=width)


def test_inputs_and_outputs_of_half_precision_are_taken(info):
    found = info(dtype="float16", outputs=[TensorSpec("a:0:emb", "float16", (5, 1, 1))])
    assert (found["shape"], found["dtype"], found["width"]) == ([3, 2, 2], "float16", 5)


@pytest.mark.parametrize(
    "call",
    [
        "aclmdlGetNumInputs",
        "aclmdlGetNumOutputs",
        "aclmdlGetInputNameByIndex",
        "aclmdlGetInputDataType",
        "aclmdlGetInputDimsV2",
        "aclmdlGetOutputDims",
        "aclmdlGetInputSizeByIndex",
        "aclmdlGetOutputSizeByIndex",
        "aclmdlGetDynamicBatch",
        "aclmdlGetDynamicHW",
        "aclmdlGetInputDynamicGearCount",
    ],
)
def test_a_description_that_cannot_be_read_names_the_call(info, call):
    simulator.fail(call, 1, 500001)
    with pytest.raises(DeviceError) as error:
        info()
    assert error.value.call == call
    assert error.value.code == 500001
