# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from pathlib import Path

import pytest

from mgn_fast import Embedder, Gallery, InvalidInputError
from mgn_fast.cli.galleries import contract_in_use
from mgn_fast.cli.galleries.contract_in_use import (
    options_for,
    required_parts,
    say_differences,
    say_unlike_gallery,
    used_contract,
)
from mgn_fast.cli.program import build_parser
from mgn_fast.models.contract import MGN_PARTS, Contract
from support import galleries
from support.tiny_model import FOREIGN, OWN_PARTS, write_tiny_model


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr(contract_in_use, "say", lines.append)
    return lines


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A model that says nothing, and a gallery that it made by the contract that was stated."""
    place = tmp_path_factory.mktemp("foreign")
    model = write_tiny_model(place / "m.onnx", contract=FOREIGN, stored=False)
    with Embedder(model, contract=FOREIGN) as embedder:
        pictures = galleries.write_pictures(place / "pictures", 3)
        Gallery.add(place / "a.gallery", embedder, pictures)
    return place


@pytest.fixture
def gallery(place):
    return Gallery.load(place / "a.gallery")


def parsed(model, *words):
    words = ["search", "a.gallery", "q.jpg", "--model", model, *words]
    return build_parser().parse_args(list(map(str, words)))


def test_a_gallery_says_how_to_open_a_model_that_does_not(place, gallery, said):
    options = options_for(parsed(place / "m.onnx"), gallery)
    assert options["contract"] == FOREIGN
    assert said == [
        f"note: the contract of {place / 'm.onnx'} is from gallery '{place / 'a.gallery'}' (there "
        "from the contract given): 64x32 BGR, pillow-bilinear, scale 128, mean 0.485 0.456 0.406, "
        "deviation 0.229 0.224 0.225, mirror none, 48 wide"
    ]


def test_a_stated_contract_comes_first(place, gallery, said):
    options = options_for(parsed(place / "m.onnx", "--contract", "bot"), gallery)
    assert (options["contract"].height, options["contract"].colour) == (256, "RGB")
    assert said == []


def test_a_stated_output_goes_with_the_gallerys_contract(place, gallery, said):
    options = options_for(parsed(place / "m.onnx", "--output-name", "feat"), gallery)
    assert (options["contract"], options["output"]) == (FOREIGN, "feat")


def test_a_model_that_says_it_is_opened_by_its_own(place, gallery, tmp_path, said):
    model = write_tiny_model(tmp_path / "own.onnx", contract=replace(FOREIGN, colour="RGB"))
    assert "contract" not in options_for(parsed(model), gallery)
    assert said == []


def test_the_gallerys_own_model_is_known_under_any_path(place, gallery, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        contract_in_use, "contract_for", lambda *_, is_own: asked.append(is_own) or None
    )
    (tmp_path / "link.onnx").symlink_to(place / "m.onnx")
    (tmp_path / "copy.onnx").write_bytes((place / "m.onnx").read_bytes())
    for model in (place / "m.onnx", tmp_path / "link.onnx", tmp_path / "copy.onnx"):
        options_for(parsed(model), gallery)
    options_for(parsed(place / "m.onnx"), Gallery.of(FOREIGN_ROWS, ["a"]))
    assert asked == [True, True, False, False]


FOREIGN_ROWS = galleries.batch(1, 1, width=48).rows


def test_a_passed_test_with_another_contract_is_told_of(place, gallery, said):
    with Embedder(place / "m.onnx", contract=FOREIGN) as embedder:
        say_unlike_gallery(gallery, embedder)
        assert said == []
    other = replace(FOREIGN, interpolation="pillow-bicubic")
    with Embedder(place / "m.onnx", contract=other, mirror=True) as embedder:
        assert used_contract(embedder).mirror == "add"
        say_unlike_gallery(gallery, embedder)
        say_unlike_gallery(Gallery.of(FOREIGN_ROWS, ["a"]), embedder)
    assert said == [
        f"warning: {place / 'm.onnx'} has interpolation pillow-bicubic instead of pillow-bilinear, "
        f"mirror add instead of none of {place / 'a.gallery'}; a test picture comes out alike, and "
        "others may not"
    ]


def test_embeddings_of_which_nobody_knows_are_not_compared(said):
    for pair in ((None, FOREIGN), (FOREIGN, None), (FOREIGN, FOREIGN)):
        say_differences(*pair, names=("a", "b"), remark="")
    assert said == []


def test_parts_are_those_of_the_contract():
    assert required_parts(Contract(), "it", remedy="") == MGN_PARTS
    assert required_parts(OWN_PARTS, "it", remedy="") == (("upper", 32), ("f1_p2", 16))


@pytest.mark.parametrize(
    ("contract", "message"),
    [
        (None, "--parts is given, and 'q.npy' has no contract that would say .*; embed again$"),
        (
            replace(FOREIGN, origin="a.json"),
            "--parts is given, and 'q.npy' has no parts by its contract, from a.json; leave "
            "--parts out$",
        ),
    ],
    ids=["unknown", "none"],
)
def test_parts_that_are_not_there_are_refused(contract, message):
    with pytest.raises(InvalidInputError, match=message):
        required_parts(contract, repr(str(Path("q.npy"))), remedy="embed again")
