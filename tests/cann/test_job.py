# SPDX-License-Identifier: Apache-2.0
import dataclasses

import pytest

from mgn_fast.cann.job import (
    atc_arguments,
    checked_job,
    contract_of_om,
    with_contract_in_force,
)
from mgn_fast.errors import InvalidInputError, ModelError
from mgn_fast.models import onnx_file
from mgn_fast.models.contract import Contract
from support.tiny_model import write_tiny_model

OPTIONS = {
    "soc_version": "Ascend310P3",
    "batch_sizes": (8,),
    "aipp": False,
    "precision": None,
    "atc": None,
    "simulate": False,
    "extra_args": (),
    "timeout_s": 3600,
    "log_path": None,
    "contract": None,
    "output": None,
}
FOREIGN = Contract(
    height=64,
    width=32,
    colour="BGR",
    scale=1.0,
    mean=(1, 2, 3),
    deviation=(4, 5, 6),
    embedding_width=5,
    mirror="none",
    origin="a test",
)


def job(**options):
    return checked_job("m.onnx", "m.om", OPTIONS | options)


@pytest.fixture
def described(tmp_path):
    return onnx_file.read_onnx(write_tiny_model(tmp_path / "m.onnx"))


def test_one_batch_size_is_a_static_model(described):
    assert atc_arguments(job(), described) == [
        "--mode=0",
        "--framework=5",
        "--model=model.onnx",
        "--output=model",
        "--soc_version=Ascend310P3",
        "--input_format=NCHW",
        "--input_shape=image:8,3,384,128",
    ]


def test_several_are_gears_in_ascending_order(described):
    words = atc_arguments(job(batch_sizes=[8, 1, 4]), described)
    assert words[-2:] == ["--input_shape=image:-1,3,384,128", "--dynamic_batch_size=1,4,8"]


@pytest.mark.parametrize(
    ("word", "mode"),
    [
        ("float16", "force_fp16"),
        ("mixed", "allow_mix_precision"),
        ("origin", "must_keep_origin_dtype"),
    ],
)
def test_precision_and_aipp_are_options_and_other_words_follow(described, word, mode):
    extra = ["--output_type=FP16", "--log=error"]
    words = atc_arguments(job(precision=word, aipp=True, extra_args=extra), described)
    assert words[-4:] == ["--insert_op_conf=aipp.cfg", f"--precision_mode={mode}", *extra]


def test_pixels_have_no_layout_that_atc_takes(tmp_path):
    path = write_tiny_model(tmp_path / "u.onnx", contract=Contract(input="uint8"))
    words = atc_arguments(job(), onnx_file.read_onnx(path))
    assert words[-2:] == ["--input_format=ND", "--input_shape=image:8,384,128,3"]


def test_a_fixed_batch_takes_that_batch_only(tmp_path):
    path = write_tiny_model(tmp_path / "f.onnx", batch_size=4)
    found = onnx_file.read_onnx(path)
    assert "--input_shape=image:4,3,384,128" in atc_arguments(job(batch_sizes=(4,)), found)
    for sizes in ((8,), (1, 4)):
        with pytest.raises(InvalidInputError, match=r"fixed batch size 4; expected \(4,\), or a"):
            atc_arguments(job(batch_sizes=sizes), found)


@pytest.mark.parametrize(
    ("contract", "message"),
    [
        (Contract(input="uint8"), "takes uint8 NHWC; .* a model with uint8 input normalises itse"),
        (Contract(input="float16"), "takes float16 NCHW; AIPP feeds float32 NCHW"),
        (dataclasses.replace(FOREIGN, layout="NHWC"), "takes float32 NHWC; AIPP feeds float32 NC"),
        (dataclasses.replace(FOREIGN, mean=(1e6, 0, 0)), "in float16, expected numbers from"),
    ],
)
def test_aipp_is_refused_where_it_cannot_feed_the_network(tmp_path, contract, message):
    path = write_tiny_model(tmp_path / "u.onnx", contract=contract)
    with pytest.raises(InvalidInputError, match=message):
        with_contract_in_force(job(aipp=True), onnx_file.read_onnx(path))
    assert with_contract_in_force(job(), onnx_file.read_onnx(path)).contract == contract


def in_force(tmp_path, model, **options):
    """The contracts of network and .om, and ATC's arguments, for a model without a contract."""
    asked = job(**options)
    found = with_contract_in_force(asked, onnx_file.read_onnx(model(tmp_path / "m.onnx")))
    return found.contract, contract_of_om(asked, found), atc_arguments(asked, found)


def foreign(path, contract=FOREIGN):
    return write_tiny_model(path, contract=contract, stored=False)


def test_a_contract_that_is_stated_goes_before_the_files_own(tmp_path, described):
    network, om, words = in_force(tmp_path, foreign, contract=FOREIGN, aipp=True)
    assert network == FOREIGN
    assert om == dataclasses.replace(FOREIGN, input="uint8", layout="NHWC")
    assert words[-2:] == ["--input_shape=image:8,3,64,32", "--insert_op_conf=aipp.cfg"]
    stated = Contract(seed=3)
    assert with_contract_in_force(job(contract=stated), described).contract.seed == 3
    assert with_contract_in_force(job(), described).contract == Contract()


def test_presets_and_dicts_state_a_contract_and_the_width_is_the_files(tmp_path):
    def model(path):
        return foreign(path, Contract(height=256, embedding_width=7))

    network, om, words = in_force(tmp_path, model, contract="openvino-retail")
    assert (network.colour, network.embedding_width, om) == ("BGR", 7, network)
    assert words[-1] == "--input_shape=image:8,3,256,128"
    given = {"height": 256, "embedding_width": None, "mean": [0, 0, 0]}
    assert in_force(tmp_path, model, contract=given)[0].mean == (0, 0, 0)


def test_float_rows_of_channels_have_no_layout_that_atc_takes(tmp_path):
    contract = dataclasses.replace(FOREIGN, layout="NHWC")

    def model(path):
        return foreign(path, contract)

    words = in_force(tmp_path, model, contract=contract)[2]
    assert words[-2:] == ["--input_format=ND", "--input_shape=image:8,64,32,3"]


@pytest.mark.parametrize("word", ["--input_fp16_nodes=image", "-input-fp16-nodes=a;image"])
def test_an_input_that_atc_makes_float16_is_said_so(tmp_path, word):
    network, om, _ = in_force(tmp_path, foreign, contract=FOREIGN, extra_args=[word])
    assert (network.input, om.input) == ("float32", "float16")
    other = word.replace("image", "images")
    assert in_force(tmp_path, foreign, contract=FOREIGN, extra_args=[other])[1].input == "float32"


def test_free_sizes_are_the_contracts(tmp_path):
    found = onnx_file.read_onnx(foreign(tmp_path / "m.onnx"))
    entry = dataclasses.replace(found.inputs[0], shape=("batch", 3, "height", ""))
    free = dataclasses.replace(found, inputs=(entry,))
    asked = job(contract=FOREIGN)
    words = atc_arguments(asked, with_contract_in_force(asked, free))
    assert words[-1] == "--input_shape=image:8,3,64,32"
    with pytest.raises(ModelError, match="three sizes that are fixed or said by a contract"):
        atc_arguments(job(), free)


def outputs_of(described, *outputs):
    entries = [onnx_file.OnnxTensor(name, kind, shape) for name, kind, shape in outputs]
    return dataclasses.replace(described, contract=None, outputs=tuple(entries))


EMBEDDINGS, LOGITS = ("out", "float32", ("batch", 5)), ("logits", "float32", (1, 751))
MAP = ("map", "float32", ("batch", 8, 4, 4))


@pytest.mark.parametrize(
    ("outputs", "output", "stored"),
    [
        ([EMBEDDINGS], None, None),
        ([EMBEDDINGS, MAP], None, "out"),
        ([EMBEDDINGS, LOGITS], "out", "out"),
        ([LOGITS, ("features", "float32", ("batch", 5, 1, 1))], None, "features"),
        ([("out", "float16", ("batch", "d"))], None, None),
    ],
)
def test_of_several_outputs_the_contract_names_the_one_of_embeddings(
    tmp_path, outputs, output, stored
):
    found = outputs_of(onnx_file.read_onnx(foreign(tmp_path / "m.onnx")), *outputs)
    got = with_contract_in_force(job(contract=FOREIGN, output=output), found).contract
    assert (got.output, got.embedding_width) == (stored, 5)


@pytest.mark.parametrize(
    ("outputs", "output", "message"),
    [
        ([EMBEDDINGS, LOGITS], None, "has 2 outputs: out float32 .* expected the name of the one"),
        ([EMBEDDINGS, LOGITS], "ouch", "has no output 'ouch', expected one of: out float32"),
        ([EMBEDDINGS], "ouch", "has no output 'ouch', expected one of: out float32"),
        ([EMBEDDINGS, LOGITS], "logits", "embeddings 751 wide, .* says embedding_width 5"),
        ([EMBEDDINGS, MAP], "map", r"has output map float32 .*, expected float32 or float16 \(ba"),
        ([("out", "int64", ("batch", 5))], None, "has output out int64"),
    ],
)
def test_outputs_that_the_contract_does_not_fit_are_refused(tmp_path, outputs, output, message):
    found = outputs_of(onnx_file.read_onnx(foreign(tmp_path / "m.onnx")), *outputs)
    with pytest.raises(ModelError, match=message):
        with_contract_in_force(job(contract=FOREIGN, output=output), found)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"height": 128}, r"says float32 \(3, 128, 32\) .*expected layout 'NCHW', height 64 and"),
        ({"layout": "NHWC"}, "expected layout 'NCHW', height 64 and width 32"),
        ({"input": "uint8"}, "expected input 'float32'"),
        ({"embedding_width": 6}, "embeddings 5 wide, .* says embedding_width 6"),
    ],
)
@pytest.mark.parametrize("aipp", [False, True])
def test_a_contract_of_another_model_is_refused(tmp_path, changes, message, aipp):
    stated = dataclasses.replace(FOREIGN, **changes)
    with pytest.raises(ModelError, match=message) as error:
        in_force(tmp_path, foreign, contract=stated, aipp=aipp)
    assert "(a test)" in str(error.value)


def test_what_needs_a_contract_is_refused_without_one(tmp_path):
    assert in_force(tmp_path, foreign)[:2] == (None, None)
    for options in ({"aipp": True}, {"output": "features"}):
        with pytest.raises(ModelError, match=r"how to prepare pictures .* --contract on the comm"):
            in_force(tmp_path, foreign, **options)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "image:0"},
        {"name": "$(touch x)"},
        {"name": "a\nb"},
        {"shape": ("batch", 3, "height", 128, 1)},
        {"shape": ("batch", 2048)},
    ],
    ids=repr,
)
def test_other_inputs_are_refused(described, changes):
    entry = dataclasses.replace(described.inputs[0], **changes)
    with pytest.raises(ModelError, match="expected one with a batch axis"):
        atc_arguments(job(), dataclasses.replace(described, inputs=(entry,)))


def test_two_inputs_and_outside_weights_are_refused(described):
    with pytest.raises(ModelError, match="and 2 inputs"):
        atc_arguments(job(), dataclasses.replace(described, inputs=described.inputs * 2))
    with pytest.raises(ModelError, match="weights in other files"):
        atc_arguments(job(), dataclasses.replace(described, has_external_data=True))


REFUSED = [
    ({"batch_sizes": ()}, "batch_sizes is"),
    ({"batch_sizes": 8}, "batch_sizes is 8"),
    ({"batch_sizes": "8"}, "batch_sizes is '8'"),
    ({"batch_sizes": (0,)}, "from 1 to 1024"),
    ({"batch_sizes": (1025,)}, "from 1 to 1024"),
    ({"batch_sizes": (4, 4)}, "different"),
    ({"batch_sizes": (1.5,)}, "whole numbers"),
    ({"batch_sizes": (True,)}, "batch_sizes is"),
    ({"batch_sizes": range(1, 102)}, "1 to 100 different"),
    ({"precision": "int8"}, "precision is 'int8'"),
    ({"aipp": 1}, "aipp is 1, expected True or False"),
    ({"simulate": None}, "simulate is None"),
    ({"timeout_s": 0}, "timeout_s is 0"),
    ({"timeout_s": float("inf")}, "timeout_s is inf"),
    ({"timeout_s": "1"}, "timeout_s is '1'"),
    ({"soc_version": "310P3"}, "such as 'Ascend310P3'"),
    ({"soc_version": "Ascend310P3; rm -rf /"}, "soc_version is"),
    ({"soc_version": "Ascend310P3\n"}, "soc_version is"),
    ({"soc_version": "Ascend$(x)"}, "soc_version is"),
    ({"soc_version": 310}, "soc_version is 310"),
    ({"extra_args": "--log=error"}, "a list of words"),
    ({"extra_args": 3}, "a list of words"),
    ({"extra_args": [3]}, "a list of words"),
    ({"extra_args": ["log=error"]}, "of the form '--name=value'"),
    ({"extra_args": ["--log=a\0b"]}, "of the form"),
    ({"extra_args": ["--"]}, "of the form"),
    ({"extra_args": ["--output=/etc/x"]}, "compile_om sets --output"),
    ({"extra_args": ["-soc-version=Ascend910"]}, "compile_om sets --soc_version"),
    ({"extra_args": ["--insert-op_conf", "x"]}, "compile_om sets --insert_op_conf"),
    ({"precision": "mixed", "extra_args": ["--precision_mode_v2=fp16"]}, "precision_mode_v2"),
    ({"log_path": "m.om"}, "the model itself"),
    ({"log_path": 3}, "log_path is 3"),
    ({"output": ""}, "output is '', expected the name"),
    ({"output": 3}, "output is 3"),
    ({"contract": "resnet"}, "contract is 'resnet', expected one of 'recipe'"),
    ({"contract": {"scale": 0}}, "scale is 0"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[repr(r[0]) for r in REFUSED])
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        job(**options)


def test_an_option_and_its_value_are_one_word():
    """A value of its own would be taken for an option: it has to follow '='."""
    with pytest.raises(InvalidInputError, match="has 'error'"):
        job(extra_args=["--log", "error"])


@pytest.mark.parametrize(
    "paths",
    [("m.onnx", "m.onnx"), ("m.onnx", "m"), (3, "m.om"), ("a\0", "m.om"), ("m.xml", "m.om")],
)
def test_other_paths_are_refused(paths):
    with pytest.raises(InvalidInputError, match=r"expected '\.om'|expected a path|an \.onnx: ATC"):
        checked_job(*paths, OPTIONS)


def test_the_chip_is_detected_for_atc_and_assumed_for_the_simulator(monkeypatch):
    monkeypatch.setattr("mgn_fast.cann.job.detect_soc_version", lambda: "Ascend310B4")
    assert job(soc_version=None).soc_version == "Ascend310B4"
    assert job(soc_version=None, simulate=True).soc_version == "Ascend310P3"


def test_the_sidecar_stands_beside_the_model():
    found = checked_job("m.onnx", "some/where/m.om", OPTIONS)
    assert str(found.sidecar) == "some/where/m.om.json"
