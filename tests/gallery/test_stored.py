# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import DatasetError, InvalidInputError
from mgn_fast.gallery.model import described
from mgn_fast.gallery.stored import Stored
from mgn_fast.models.contract import Contract
from support import galleries

PARTS = [galleries.batch(0, 3, folder="a"), galleries.batch(3, 0), galleries.batch(3, 2)]


@pytest.fixture
def stored():
    return Stored(PARTS, described("float32", 4, model="m.onnx"), Path("there/a.gallery"))


def test_pictures_are_numbered_over_all_batches(stored):
    assert len(stored) == 5
    for place in range(5):
        assert stored.name(place) == f"{place}.jpg"
        assert stored.sha256(place) == f"{place:064x}"
        assert stored.embedding(place)[0] == place
    assert [len(segment) for segment in stored.segments] == [3, 0, 2]


def test_labels_are_those_of_the_place():
    parts = [galleries.batch(0, 2), galleries.batch(2, 2, labels=[{}, {"person": "ann", "age": 3}])]
    stored = Stored(parts, described("float32", 4), None)
    assert [stored.label(place) for place in range(4)] == [{}, {}, {}, {"person": "ann", "age": 3}]
    stored.label(3).clear()
    assert stored.label(3)


def test_pictures_are_found_by_their_content(stored):
    digest = [f"{number:064x}" for number in range(9)]
    assert stored.places_of(digest[2:]) == {digest[2]: [2], digest[3]: [3], digest[4]: [4]}
    assert stored.places_of(set()) == {}
    twice = Stored([PARTS[0], PARTS[0]], described("float32", 4), None)
    assert twice.places_of({digest[1]}) == {digest[1]: [1, 4]}


def test_a_gallery_is_where_its_pictures_are(stored):
    assert stored.files == (Path("there/a.gallery"),)
    assert stored.origin(4) == (stored, 4)
    with pytest.raises(InvalidInputError, match="place is 5"):
        stored.origin(5)
    assert Stored([], described("float32", 4), None).files == ()


@pytest.mark.parametrize("place", [-1, 5])
def test_a_place_beyond_the_last_is_refused(stored, place):
    with pytest.raises(InvalidInputError, match=f"place is {place}, expected 0 to 4"):
        stored.name(place)


def test_files_lie_where_they_lay_relative_to_the_gallery(stored):
    assert stored.picture_path(0) == Path("there/a/0.jpg")
    assert stored.picture_path(4) == Path("there/pictures/4.jpg")


def test_the_model_may_be_unknown(stored):
    assert stored.model == "m.onnx"
    assert stored.model_path is None
    known = Stored([], described("float16", 4, model_path="../m.onnx"), Path("there/a.gallery"))
    assert known.model_path == Path("there/../m.onnx")
    assert known.dtype == np.float16
    assert len(known) == 0


def test_the_contract_is_told_as_it_was_used():
    kept = {"contract": Contract().to_json(), "contract_origin": "preset 'x'", "mirror": False}
    stored = Stored([], described("float32", 4, **kept), Path("there/a.gallery"))
    assert stored.contract == Contract(mirror="none")
    assert stored.contract.origin == "gallery 'there/a.gallery' (there from preset 'x')"
    in_memory = Stored([], described("float32", 4, **kept), None)
    assert in_memory.contract.origin == "the gallery (there from preset 'x')"


def test_the_contract_may_be_unknown(stored):
    assert stored.contract is None


def test_a_contract_that_no_model_has_is_damage():
    stored = Stored([], described("float32", 4, contract='{"height": 0}'), Path("a.gallery"))
    with pytest.raises(DatasetError, match=r"gallery 'a\.gallery': height is 0.* from a copy"):
        _ = stored.contract
