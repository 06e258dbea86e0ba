# SPDX-License-Identifier: Apache-2.0
import dataclasses

import pytest

from mgn_fast.cann.job import atc_arguments, checked_job
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
}


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
        with pytest.raises(
            InvalidInputError, match="fixed batch size 4; export with batch_size=No"
        ):
            atc_arguments(job(batch_sizes=sizes), found)


def test_aipp_is_refused_where_the_graph_normalises(tmp_path):
    path = write_tiny_model(tmp_path / "u.onnx", contract=Contract(input="uint8"))
    with pytest.raises(InvalidInputError, match="a model with uint8 input normalises itself"):
        atc_arguments(job(aipp=True), onnx_file.read_onnx(path))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "image:0"},
        {"name": "$(touch x)"},
        {"name": "a\nb"},
        {"shape": ("batch", 3, "height", 128)},
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
    "paths", [("m.onnx", "m.onnx"), ("m.onnx", "m"), (3, "m.om"), ("a\0", "m.om")]
)
def test_other_paths_are_refused(paths):
    with pytest.raises(InvalidInputError, match=r"expected '\.om'|expected a path"):
        checked_job(*paths, OPTIONS)


def test_the_chip_is_detected_for_atc_and_assumed_for_the_simulator(monkeypatch):
    monkeypatch.setattr("mgn_fast.cann.job.detect_soc_version", lambda: "Ascend310B4")
    assert job(soc_version=None).soc_version == "Ascend310B4"
    assert job(soc_version=None, simulate=True).soc_version == "Ascend310P3"


def test_the_sidecar_stands_beside_the_model():
    found = checked_job("m.onnx", "some/where/m.om", OPTIONS)
    assert str(found.sidecar) == "some/where/m.om.json"
