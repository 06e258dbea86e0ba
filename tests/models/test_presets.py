# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace
from pathlib import Path

import pytest

from mgn_fast import InvalidInputError
from mgn_fast.models.contract import MGN, MGN_PARTS, Contract
from mgn_fast.models.presets import (
    NOTHING_SAID,
    PRESETS,
    Statement,
    contract_of,
    no_contract,
    proposal,
    with_changes,
)

RECIPE_WIDTHS = [2048, 256, 256, 256, *[751] * 8]


@pytest.mark.parametrize(
    ("name", "picture", "values", "interpolation", "mirror"),
    [
        # (pixel / scale - mean) / deviation of the first channel at 0 and 255, by hand.
        ("recipe", ("RGB", 384, 128), (-2.117904, 2.248908), "pillow-bicubic", "add"),
        ("fast-reid-mgn", ("RGB", 384, 128), (0, 255), "pillow-bicubic", "none"),
        ("torchreid", ("RGB", 256, 128), (-2.117904, 2.248908), "pillow-bilinear", "none"),
        ("transreid", ("RGB", 256, 128), (-1, 1), "pillow-bilinear", "none"),
        ("openvino-retail", ("BGR", 256, 128), (0, 255), "opencv-bilinear", "none"),
        ("bot", ("RGB", 256, 128), (-2.117904, 2.248908), "pillow-bilinear", "none"),
    ],
)
def test_presets_say_what_their_repositories_do(name, picture, values, interpolation, mirror):
    preset = contract_of(name)
    assert (preset.colour, preset.height, preset.width) == picture
    found = [(x / preset.scale - preset.mean[0]) / preset.deviation[0] for x in (0, 255)]
    assert found == pytest.approx(values, abs=1e-6)
    assert (preset.interpolation, preset.mirror) == (interpolation, mirror)
    assert (preset.input, preset.layout, preset.normalise) == ("float32", "NCHW", True)
    assert preset.origin == f"preset {name!r}"


def test_only_mgns_have_parts():
    assert [name for name, preset in PRESETS.items() if preset.parts == MGN_PARTS] == [
        "recipe",
        "fast-reid-mgn",
    ]


def test_a_contract_is_taken_from_whatever_states_it(tmp_path):
    alone, sidecar = tmp_path / "a.json", tmp_path / "m.om.json"
    alone.write_text(json.dumps({"height": 256}), encoding="utf-8")
    sidecar.write_text(json.dumps({"contract": {"height": 256}, "more": 1}), encoding="utf-8")
    wanted = Contract(height=256)
    assert contract_of({"height": 256}) == wanted
    for path in (alone, str(alone), sidecar):
        assert contract_of(path) == wanted
        assert contract_of(path).origin == str(path)
    assert contract_of(wanted) == wanted
    assert contract_of(wanted).origin == "the contract given"


@pytest.mark.parametrize("given", ["torchried", "", 3, None, Path("bot"), "a.yaml"])
def test_what_states_no_contract_is_refused_with_the_presets(given):
    with pytest.raises(InvalidInputError, match=r"contract is .*, expected one of 'recipe', "):
        contract_of(given)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is no JSON"),
        (b"\xff", "is no JSON"),
        (b"[" * 200_000, "is no JSON"),
        (b"[]", r"expected the fields of a contract"),
        (b'{"contract": null}', "expected the fields of a contract"),
        (b'{"scale": 0}', r"c\.json: scale is 0"),
        (b'{"sise": 0}', r"c\.json: 'sise' is no field of a contract, expected some of input"),
    ],
)
def test_a_file_without_a_contract_is_refused(tmp_path, content, message):
    (tmp_path / "c.json").write_bytes(content)
    with pytest.raises(InvalidInputError, match=message):
        contract_of(tmp_path / "c.json")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match=r"none\.json"):
        contract_of(tmp_path / "none.json")


def test_changes_are_said_in_the_origin():
    changed = with_changes(contract_of("bot"), {"height": 384, "colour": "BGR"})
    assert (changed.height, changed.colour) == (384, "BGR")
    assert changed.origin == "preset 'bot' with height, colour given"
    assert with_changes(changed, {}) is changed
    with pytest.raises(InvalidInputError, match="colour is 'GBR'"):
        with_changes(changed, {"colour": "GBR"})


def test_only_the_recipes_twelve_outputs_are_recognised():
    assert proposal((3, 384, 128), RECIPE_WIDTHS) == "recipe"
    assert proposal((3, 384, 128), RECIPE_WIDTHS[::-1]) == "recipe"
    for shape, widths in [
        ((3, 256, 128), RECIPE_WIDTHS),
        ((384, 128, 3), RECIPE_WIDTHS),
        ((3, 384, 128), RECIPE_WIDTHS[:-1]),
        ((3, 384, 128), [*RECIPE_WIDTHS[:-1], 702]),
        ((3, 384, 128), [2048]),
        ((), ()),
    ]:
        assert proposal(shape, widths) is None


def test_the_refusal_says_what_to_state():
    error = str(no_contract(Path("m.onnx"), (3, 384, 128), RECIPE_WIDTHS))
    assert "no metadata mgn_fast.contract" in error
    assert "those of the published recipe: contract 'recipe'" in error
    assert "torchreid" in error
    assert "mgn-fast adopt" in error
    assert "no contract in m.om.json beside it" in str(
        no_contract(Path("m.om"), (3, 384, 128), [2048])
    )
    assert "published recipe" not in str(no_contract(Path("m.om"), (3, 384, 128), [2048]))


def test_a_contract_given_is_mgns_but_for_what_it_says():
    assert contract_of({}) == MGN


def stored():
    return Contract(output="stored")


def never():
    raise AssertionError("the file's contract is read though one is stated")


def test_what_the_caller_states_goes_before_what_the_file_says():
    assert NOTHING_SAID.completed(lambda: None) == (None, "")
    assert NOTHING_SAID.completed(stored) == (stored(), "stored")
    assert Statement(MGN).completed(never) == (MGN, "")
    assert Statement(MGN, "a").completed(never) == (replace(MGN, output="a"), "a")
    assert Statement(None, "a").completed(stored) == (Contract(output="a"), "a")
    assert Statement(None, "a").completed(lambda: None) == (None, "a")
