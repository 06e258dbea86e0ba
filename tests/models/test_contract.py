# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace

import numpy as np
import pytest

from mgn_fast import InvalidInputError, ModelError
from mgn_fast.models.contract import MGN, MGN_PARTS, Contract, contract_from
from support.late import late

hypothesis = late("hypothesis")
st = late("hypothesis.strategies")

OSNET = Contract(
    height=256, width=128, interpolation="opencv-bilinear", embedding_width=512, mirror="none"
)
CONTRACTS = [
    Contract(),
    Contract(input="uint8", mirror="inside", seed=3),
    Contract(outputs="all", output="features", checkpoint_sha256="ab" * 32),
    OSNET,
    Contract(
        layout="NHWC", colour="BGR", scale=1, mean=(1, 2, 3), deviation=(4, 5, 6), normalise=False
    ),
    Contract(embedding_width=5, parts=(("upper", 2), ("lower", 3))),
    Contract(embedding_width=None, parts=None),
    Contract(exif="apply"),
]


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
def test_a_contract_survives_its_file(contract):
    read = Contract.from_json(contract.to_json(), source="a.onnx")
    assert (read, read.origin) == (contract, "a.onnx")


def test_exif_is_stored_where_it_is_applied_alone():
    assert "exif" not in Contract().to_dict()  # so earlier versions read the file
    assert Contract(exif="apply").to_dict()["exif"] == "apply"
    with pytest.raises(InvalidInputError, match="exif is 'turn', expected one of 'ignore', 'app"):
        Contract(exif="turn")


def test_every_default_is_mgns_own():
    assert (MGN.picture_shape, MGN.dtype, MGN.embedding_width) == ((3, 384, 128), np.float32, 2048)
    assert (MGN.colour, MGN.scale, MGN.mirror, MGN.normalise) == ("RGB", 255, "add", True)
    assert MGN.parts == MGN_PARTS
    assert sum(width for _, width in MGN_PARTS) == 2048


@pytest.mark.parametrize(
    ("contract", "layout", "shape"),
    [
        (Contract(), "NCHW", (3, 384, 128)),
        (Contract(input="float16"), "NCHW", (3, 384, 128)),
        (Contract(input="uint8"), "NHWC", (384, 128, 3)),
        (Contract(input="uint8", layout="NCHW"), "NCHW", (3, 384, 128)),
        (Contract(layout="NHWC", height=2, width=5), "NHWC", (2, 5, 3)),
    ],
)
def test_the_shape_of_a_picture_follows_layout_and_size(contract, layout, shape):
    assert (contract.layout, contract.picture_shape) == (layout, shape)


def test_parts_that_nobody_stated_are_mgns_alone():
    assert OSNET.parts is None
    assert Contract(embedding_width=512).parts is None
    assert replace(MGN, height=256).parts is None
    assert Contract(height=256, parts=MGN_PARTS).parts == MGN_PARTS


def test_a_file_of_an_earlier_version_says_what_it_said():
    before = {
        "input": "uint8", "outputs": "embedding", "fuse_mirror": True, "checkpoint_sha256": "",
        "seed": 0, "height": 384, "width": 128, "colour": "RGB", "mean": [0.485, 0.456, 0.406],
        "deviation": [0.229, 0.224, 0.225], "interpolation": "pillow-bicubic",
    }  # fmt: skip
    read = Contract.from_json(json.dumps(before), source="a.onnx")
    assert read == Contract(input="uint8", layout="NHWC", mirror="inside", seed=0)
    assert (
        Contract.from_json(json.dumps(before | {"fuse_mirror": False}), source="a").mirror == "add"
    )


WRONG = [
    ({"height": 0}, "height is 0, expected a whole number from 1 to 8192"),
    ({"height": True}, "height is True, expected a whole number"),
    ({"width": "128"}, "width is '128', expected a whole number"),
    ({"colour": "rgb"}, "colour is 'rgb', expected one of 'RGB', 'BGR'"),
    ({"layout": "CHW"}, "layout is 'CHW', expected one of 'NCHW', 'NHWC'"),
    ({"input": "float64"}, "input is 'float64', expected one of 'float32', 'float16', 'uint8'"),
    ({"interpolation": "bilinear"}, "expected one of 'pillow-bicubic', 'pillow-bilinear'"),
    ({"mirror": True}, "mirror is True, expected one of 'add', 'none', 'inside'"),
    ({"outputs": "logits"}, "outputs is 'logits', expected one of 'embedding', 'all'"),
    ({"mean": [0.5, 0.5]}, r"mean is \[0.5, 0.5\], expected three finite numbers, one a channel"),
    ({"mean": 0.5}, "mean is 0.5, expected three"),
    ({"mean": [0.5, 0.5, float("nan")]}, "mean is .*nan.*, expected three finite"),
    ({"mean": ["a", 0, 0]}, "mean is .*, expected three"),
    ({"deviation": [0.2, 0, 0.2]}, r"expected three finite numbers.* above 0, such as \(0.229"),
    ({"deviation": [0.2, -1, 0.2]}, "deviation is .*, expected three"),
    ({"deviation": [0.2, 1e-60, 0.2]}, "deviation is .*, expected three"),
    ({"scale": 0}, "scale is 0, expected a finite number above 0, such as 255"),
    ({"scale": float("inf")}, "scale is inf, expected a finite number"),
    ({"scale": True}, "scale is True, expected a finite number"),
    ({"embedding_width": 0}, "embedding_width is 0, expected a whole number from 1"),
    ({"normalise": "no"}, "normalise is 'no', expected True or False"),
    ({"output": ""}, "output is '', expected a text"),
    ({"seed": -1}, "seed is -1, expected a whole number from 0"),
    ({"checkpoint_sha256": 3}, "checkpoint_sha256 is 3, expected a text"),
    ({"parts": []}, "parts are named"),
    ({"parts": "upper"}, "parts is 'upper', expected pairs of a name and a width"),
    ({"parts": [["a", 2048, 1]]}, r"parts has \('a', 2048, 1\), expected pairs"),
    ({"parts": [["a", 0]]}, "the width of part 'a' is 0"),
    ({"parts": [["a", 1024], ["a", 1024]]}, "expected different names"),
    ({"parts": [["a", 5]]}, "parts are 5 wide together and embedding_width is 2048"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_what_no_model_has_is_refused_by_name(change, message):
    with pytest.raises(InvalidInputError, match=message):
        Contract(**change)
    with pytest.raises(
        ModelError, match=r"a\.onnx has mgn_fast\.contract = .*, which is no contract"
    ):
        Contract.from_json(json.dumps(MGN.to_dict() | change), source="a.onnx")


@pytest.mark.parametrize("change", [{"fuse_mirror": "no"}, {"size": 3}, {"origin": "me"}])
def test_a_field_that_no_contract_has_is_refused(change):
    with pytest.raises(InvalidInputError, match=r"^mine: "):
        contract_from(change, source="mine")


@pytest.mark.parametrize("text", ["", "[" * 100_000, "{", "[]", "3", "null", '{"mean": 3}'])
def test_what_is_no_contract_is_refused(text):
    with pytest.raises(ModelError, match=r"a\.onnx has mgn_fast\.contract = .* no contract"):
        Contract.from_json(text, source="a.onnx")


def test_numpy_arrays_are_taken_as_numbers():
    contract = Contract(mean=np.zeros(3), deviation=np.ones(3, np.float32), height=np.int64(3))
    assert (contract.mean, contract.deviation, contract.height) == ((0, 0, 0), (1, 1, 1), 3)
    assert contract_from(json.loads(contract.to_json()), source="") == contract


def test_whatever_stands_in_a_file_is_a_contract_or_refused(many_examples):
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
        lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children),
        max_leaves=4,
    )
    names = st.sampled_from([*MGN.to_dict(), "fuse_mirror", "other"])
    given = st.dictionaries(names, values | st.just(10**400), max_size=3)

    @hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
    @hypothesis.given(given)
    def check(fields):
        try:
            contract = contract_from(fields, source="a file")
        except InvalidInputError:
            return
        assert Contract.from_json(contract.to_json(), source="") == contract

    check()
