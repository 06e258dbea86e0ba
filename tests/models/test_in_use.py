# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from mgn_fast import InvalidInputError
from mgn_fast.models.contract import MGN, Contract
from mgn_fast.models.in_use import (
    as_used,
    differences,
    in_one_line,
    kept_contract,
    weights_differ,
    weights_in_words,
)
from mgn_fast.models.presets import PRESETS

OSNET = Contract(
    height=256,
    width=128,
    interpolation="opencv-bilinear",
    embedding_width=512,
    mirror="none",
    origin="preset 'torchreid'",
)


def test_a_line_says_how_pictures_are_prepared_and_what_comes_out():
    assert in_one_line(OSNET) == (
        "256x128 RGB, opencv-bilinear, scale 255, mean 0.485 0.456 0.406, "
        "deviation 0.229 0.224 0.225, mirror none, 512 wide"
    )
    assert in_one_line(MGN).endswith("mirror add, 2048 wide, 8 parts")


def test_a_line_says_what_is_unusual():
    contract = replace(
        OSNET, input="uint8", layout="NHWC", output="feat", normalise=False, parts=(("all", 512),)
    )
    said = in_one_line(contract)
    assert ", input uint8, mirror none, output 'feat', 512 wide, 1 part, not normalised" in said
    assert "wide" not in in_one_line(PRESETS["bot"])
    assert in_one_line(replace(OSNET, exif="apply")).endswith("512 wide, turned by EXIF")


def test_the_mirror_is_told_as_it_was_taken():
    assert as_used(MGN, mirror=True) is MGN
    without = as_used(replace(MGN, origin="m.onnx"), mirror=False)
    assert (without.mirror, without.origin) == ("none", "m.onnx with mirror given")
    inside = replace(MGN, mirror="inside")
    assert as_used(inside, mirror=True) is inside
    assert as_used(OSNET, mirror=True).mirror == "add"


@pytest.mark.parametrize("form", [Contract.to_dict, Contract.to_json], ids=["dict", "text"])
def test_a_contract_is_kept_with_where_it_was_from(form):
    kept = {"contract": form(OSNET), "mirror": False, "contract_origin": OSNET.origin}
    got = kept_contract(kept, where="q.json")
    assert got == OSNET
    assert got.origin == "q.json (there from preset 'torchreid')"
    assert kept_contract(kept | {"mirror": True}, where="q.json").mirror == "add"


def test_files_of_earlier_versions_say_less():
    old = MGN.to_dict()
    for name in ("parts", "embedding_width", "mirror", "normalise", "scale", "output"):
        del old[name]
    got = kept_contract({"contract": old | {"fuse_mirror": False}}, where="a.json")
    assert got == MGN
    assert got.origin == "a.json"
    assert kept_contract({"contract": None}, where="a.json") is None
    assert kept_contract({}, where="a.json") is None


@pytest.mark.parametrize("held", ["{", "[" * 100_000, '{"height": 0}', {"hight": 3}, 5])
def test_what_is_no_contract_is_refused_with_where_it_stands(held):
    with pytest.raises(InvalidInputError, match=r"^a\.json"):
        kept_contract({"contract": held}, where="a.json")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"colour": "BGR"}, "colour BGR instead of RGB"),
        ({"height": 128, "width": 64}, "height 128 instead of 256, width 64 instead of 128"),
        ({"scale": 1.0}, "scale 1 instead of 255"),
        ({"mean": (0, 0.5, 0)}, "mean 0 0.5 0 instead of 0.485 0.456 0.406"),
        ({"deviation": (1, 1, 1)}, "deviation 1 1 1 instead of 0.229 0.224 0.225"),
        ({"interpolation": "opencv-area"}, "interpolation opencv-area instead of opencv-bilinear"),
        ({"embedding_width": 256}, "embedding_width 256 instead of 512"),
        ({"normalise": False}, "normalise False instead of True"),
        ({"mirror": "inside"}, "mirror inside instead of none"),
        ({"exif": "apply"}, "exif apply instead of ignore"),
        # What says how a file takes its pictures, and whose weights they are, changes no number.
        ({"input": "uint8", "layout": "NHWC"}, ""),
        ({"checkpoint_sha256": "ab", "seed": 3, "outputs": "all"}, ""),
        ({"parts": (("a", 512),)}, ""),
        ({"output": "features"}, ""),  # the other has one output, which needs no name
    ],
)
def test_contracts_differ_in_what_changes_an_embedding(changes, said):
    assert differences(replace(OSNET, **changes), OSNET) == said


def test_who_adds_the_mirror_makes_no_difference():
    assert differences(replace(MGN, mirror="inside"), MGN) == ""


def test_two_named_outputs_are_different_embeddings():
    ours, theirs = replace(OSNET, output="a"), replace(OSNET, output="b")
    assert differences(ours, theirs) == "output a instead of b"


FILE, WEIGHTS = {"checkpoint_sha256": "ab" * 32}, {"checkpoint_sha256": "weights:" + "cd" * 32}


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ({"seed": 1}, {"seed": 1}, False),
        ({"seed": 1}, {"seed": 2}, True),
        ({"seed": 1}, FILE, True),
        ({"seed": 1}, {}, False),
        ({}, {}, False),
        (FILE, FILE, False),
        (FILE, WEIGHTS, False),  # the same checkpoint by an earlier version and by this one
        (WEIGHTS, {"checkpoint_sha256": "weights:" + "ef" * 32}, True),
    ],
)
def test_weights_differ_where_both_name_them_in_one_kind(one, other, differ):
    assert weights_differ(Contract(**one), Contract(**other)) is differ
    assert weights_differ(Contract(**other), Contract(**one)) is differ


def test_weights_in_words():
    assert weights_in_words(Contract(seed=3)) == "random weights of seed 3"
    assert weights_in_words(Contract(**FILE)) == "the checkpoint with SHA-256 abababababababab..."
    assert weights_in_words(Contract(**WEIGHTS)) == "weights with SHA-256 cdcdcdcdcdcdcdcd..."
    assert weights_in_words(Contract()) == "weights of an unnamed origin"
