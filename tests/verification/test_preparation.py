# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest

from mgn_fast import DecodeError, Embedder, InvalidInputError, ModelError
from mgn_fast.models.contract import MGN, Contract
from mgn_fast.models.presets import contract_of
from mgn_fast.verification import preparation
from mgn_fast.verification.preparation import PreparationCheck, check_preparation
from support.tiny_model import seeded_weights, write_tiny_model

SAID = Contract(height=64, width=32, embedding_width=24, mirror="none")
CELLS = (64 // 16) * (32 // 16)


@pytest.fixture
def red_pictures(random):
    """Red tells the pictures apart, whichever corner is cut off; blue is noise, green nothing."""
    pictures = []
    for _ in range(12):
        red = random.integers(0, 256, (4, 2)).repeat(32, 0).repeat(32, 1)
        blue = random.integers(0, 256, (128, 64))
        pictures.append(np.stack([red, np.full_like(red, 128), blue], 2).astype(np.uint8))
    return pictures


@pytest.fixture
def red_model(tmp_path):
    """Reads red alone, as a network does that was trained on what red tells."""
    weights = seeded_weights(24, 0, 3 * CELLS).copy()
    weights[CELLS:] = 0
    return write_tiny_model(tmp_path / "red.onnx", contract=SAID, weights=weights, stored=False)


def test_the_right_preparation_raises_no_doubt(red_model, red_pictures):
    found = check_preparation(red_model, red_pictures, contract=SAID)
    assert not [doubt for doubt in found.doubts if "told apart better" in doubt]
    assert found.num_pictures == 12
    assert found.contract == SAID
    assert found.separations["as stated"] > 1.2 * found.separations["red and blue exchanged"]
    assert list(found.separations) == [
        "as stated",
        "red and blue exchanged",
        "0..255 as they are",
        "0..1",
        "mean and deviation 0.5",
    ]


def test_exchanged_colours_are_named(red_model, red_pictures):
    found = check_preparation(red_model, red_pictures, contract=replace(SAID, colour="BGR"))
    assert "told apart better: red and blue exchanged" in found.doubts[0]
    assert "the network wants RGB" in found.doubts[0]


def test_the_cosines_are_those_of_the_embeddings(red_model, red_pictures):
    found = check_preparation(red_model, red_pictures, contract=SAID)
    mirrored = [np.ascontiguousarray(picture[:, ::-1]) for picture in red_pictures]
    with Embedder(red_model, contract=SAID) as embedder:
        rows, mirrors = embedder(red_pictures), embedder(mirrored)
    with Embedder(red_model, contract=replace(SAID, colour="BGR")) as embedder:
        exchanged = embedder(red_pictures)
    between = (rows @ rows.T)[np.triu_indices(len(rows), 1)]
    assert found.cosines == pytest.approx(np.quantile(between, (0.05, 0.5, 0.95)), abs=1e-6)
    assert found.mirror_cosine == pytest.approx((rows * mirrors).sum(1).mean(), abs=1e-6)
    assert found.swapped_cosine == pytest.approx((rows * exchanged).sum(1).mean(), abs=1e-6)


def test_findings_become_json(red_model, red_pictures):
    found = check_preparation(red_model, red_pictures, contract=SAID).to_dict()
    assert found["contract"] == SAID.to_dict()
    assert found["contract_origin"] == "the contract given"
    assert found["model"] == str(red_model)


@pytest.mark.parametrize(
    ("preset", "tried"),
    [
        ("bot", ["0..255 as they are", "0..1", "mean and deviation 0.5"]),
        ("transreid", ["0..255 as they are", "0..1", "ImageNet's statistics"]),
        ("openvino-retail", ["0..1", "ImageNet's statistics", "mean and deviation 0.5"]),
    ],
)
def test_the_usual_mistakes_are_tried_but_for_the_one_that_is_stated(preset, tried):
    contract = contract_of(preset)
    mistakes = preparation._mistakes(contract)
    assert list(mistakes) == ["red and blue exchanged", *tried]
    assert mistakes["red and blue exchanged"].colour != contract.colour
    if preset == "openvino-retail":  # blue comes first, and its statistics with it
        assert mistakes["ImageNet's statistics"].mean == (0.406, 0.456, 0.485)


def test_a_graph_that_normalises_is_tried_with_exchanged_colours_only():
    assert list(preparation._mistakes(Contract(input="uint8"))) == ["red and blue exchanged"]


def test_separation_by_hand():
    """Views at cosine 1; three pictures at cosines 0, 0 and 0.6: mean 0.2, deviation 0.2828."""
    rows = np.array([[1, 0, 0], [0, 1, 0], [0, 0.6, 0.8]], np.float32)
    assert preparation._separation((rows, rows)) == pytest.approx(0.8 / np.std([0, 0, 0.6]))
    assert preparation._separation((rows, rows * np.float32(np.nan))) == 0
    assert preparation._separation((np.ones((3, 2), np.float32),) * 2) == 0


def found(**changes):
    usual = {
        "model": "m.onnx",
        "contract": MGN,
        "num_pictures": 9,
        "skipped": (),
        "cosines": (0.1, 0.3, 0.5),
        "mirror_cosine": 0.95,
        "swapped_cosine": 0.6,
        "separations": {"as stated": 5.0},
    }
    return preparation._doubts(PreparationCheck(**usual | changes))


def test_doubts_say_what_is_wrong():
    assert found() == ()
    assert found(separations={"as stated": 5.0, "0..1": 5.2}) == ()
    twice = {"as stated": 1.2, "0..255 as they are": 6.0}
    assert "normalised twice" in found(separations=twice)[0]
    (raw,) = found(contract=replace(MGN, scale=1), separations={"as stated": 1.0, "0..1": 3.5})
    assert "wants normalised pictures, not 0..255" in raw
    assert "hardly differ: median cosine 0.9500" in found(cosines=(0.9, 0.95, 0.99))[0]
    assert "no nearer (cosine 0.4000)" in found(mirror_cosine=0.4)[0]
    assert found(mirror_cosine=None) == ()


def test_outputs_that_say_nothing_are_refused(tmp_path, red_pictures):
    for value, message in [
        (np.nan, "NaN, infinite or all zeros for 12 of 12"),
        (0, "for 12 of 12"),
    ]:
        path = write_tiny_model(
            tmp_path / "m.onnx", contract=SAID, weights=np.full((3 * CELLS, 24), value)
        )
        with pytest.raises(ModelError, match=message):
            check_preparation(path, red_pictures)
    with pytest.raises(ModelError, match="one and the same embedding"):
        preparation._require_usable(np.ones((8, 3), np.float32), "m.onnx")


def test_pictures_that_cannot_be_decoded_are_listed(red_model, red_pictures):
    found = check_preparation(red_model, [*red_pictures, b"no picture"], contract=SAID)
    assert [name for name, _ in found.skipped] == ["#12"]
    with pytest.raises(InvalidInputError, match="pictures has 3 entries, expected at least 8"):
        check_preparation(red_model, red_pictures[:3], contract=SAID)
    with pytest.raises(DecodeError, match="3 of the pictures can be decoded, expected at least 8"):
        check_preparation(red_model, [*red_pictures[:3], *[b"x"] * 9], contract=SAID)
    with pytest.raises(ModelError, match=r"has no metadata mgn_fast\.contract"):
        check_preparation(red_model, red_pictures)


def test_a_graph_that_mirrors_itself_has_no_mirror_to_compare(tmp_path, red_pictures):
    said = replace(SAID, mirror="inside")
    path = write_tiny_model(tmp_path / "m.onnx", contract=said)
    assert check_preparation(path, red_pictures).mirror_cosine is None


def test_of_many_pictures_some_are_looked_at(red_model, red_pictures, monkeypatch):
    monkeypatch.setattr(preparation, "MAX_PICTURES", 9)
    told = []
    found = check_preparation(
        red_model, red_pictures, contract=SAID, progress=lambda *steps: told.append(steps)
    )
    assert found.num_pictures == 9
    assert told[0] == ("preparations", 0, 5)
