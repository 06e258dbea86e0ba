# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from mgn_fast import Identities, InvalidInputError
from mgn_fast.types import Box, Crop


def test_identities_become_int32():
    identities = Identities([1, 2, 3], np.array([4, 5, 6], np.int64))
    assert identities.person.dtype == identities.camera.dtype == np.int32
    assert len(identities) == 3
    assert len(Identities([], [])) == 0


@pytest.mark.parametrize(
    ("person", "camera", "message"),
    [
        ([1, 2], [1], "person has 2 entries and camera 1"),
        ([1.5], [1], r"person is float64 \(1,\), expected integers"),
        ([[1]], [1], r"person is int64 \(1, 1\)"),
        ([1], ["a", "b"], "person has 1 entries and camera 2"),
        (["a", 1], [1, 1], "person has words, and 1 in row 1"),
        ([None, "a"], [1, 1], "person has words, and None in row 0"),
        ("ann", [1], r"person is <U3 \(\), expected integers or words"),
        ([True], [1], "person is bool"),
        ([2**31], [1], "person has values from 2147483648"),
    ],
)
def test_other_identities_are_refused(person, camera, message):
    with pytest.raises(InvalidInputError, match=message):
        Identities(person, camera)


def test_words_are_numbered_in_order_of_first_appearance():
    who = Identities(["bob", "ann", "bob"], ["door", "door", "yard"])
    assert who.person.tolist() == [0, 1, 0]
    assert who.person_names == ("bob", "ann")
    assert who.camera.tolist() == [0, 0, 1]
    assert [who.person_word(1), who.camera_word(2)] == ["ann", "yard"]
    assert who.label(2) == {"person": "bob", "camera": "yard"}


def test_numbers_stay_and_have_no_names():
    who = Identities([7, 0, 7], None)
    assert (who.person.tolist(), who.person_names, who.camera) == ([7, 0, 7], None, None)
    assert (who.person_word(0), who.camera_word(0)) == ("7", None)
    assert who.label(0) == {"person": "7"}


@pytest.mark.parametrize("column", [np.array(["x", "y"]), np.array(["x", "y"], object), ("x", "y")])
def test_words_come_in_any_kind_of_column(column):
    assert Identities(column).person_names == ("x", "y")


def test_a_part_keeps_the_numbers_and_words_of_all():
    part = Identities(["a", "b", "a"], [1, 2, 3], pictures=["p", "q", "r"]).take([2, 1])
    assert (part.person.tolist(), part.person_names) == ([0, 1], ("a", "b"))
    assert (part.camera.tolist(), part.pictures) == ([3, 2], ("r", "q"))


def test_words_are_numbered_like_another_sets():
    query = Identities(["a", "b"], ["left", "right"])
    gallery = Identities(["b", "c", "a"], ["right", "left", "up"]).numbered_like(query)
    assert gallery.person.tolist() == [1, 2, 0]
    assert gallery.person_names == ("a", "b", "c")
    assert gallery.camera.tolist() == [1, 0, 2]
    numbers = Identities([3, 4], [1, 2])
    assert numbers.numbered_like(Identities([9], [9])) is numbers


def test_words_and_numbers_do_not_compare():
    with pytest.raises(InvalidInputError, match="person is words such as 'a' and the other's is n"):
        Identities(["a"]).numbered_like(Identities([1]))
    with pytest.raises(InvalidInputError, match="camera is words such as 'left'"):
        Identities([1], [1]).numbered_like(Identities([1], ["left"]))


def test_a_repr_counts():
    assert repr(Identities([1, 1, 2])) == "<Identities of 3 pictures: 2 persons, no cameras>"


def test_a_box_has_edges_between_pixels():
    assert Box(10, 20, 30, 60).edges == (10, 20, 40, 80)
    assert Box(0.5, 1.5, 1, 1).edges == (0, 2, 2, 2)  # halves to even numbers, as in Pillow
    assert Box(np.float32(-2.5), np.int64(3), 4.2, 1).edges == (-2, 3, 2, 4)


def test_a_crop_is_called_by_its_frame_and_box():
    assert str(Crop("a/b.jpg", Box(10, 2.50, 30.0, np.int64(60)))) == "a/b.jpg#10,2.5,30,60"
    assert str(Crop(b"...", Box(-1, 0.1, 3, 4))) == "#-1,0.1,3,4"
    assert str(Crop("a/b.jpg", Box(1, 2, 3, 4), name="ann")) == "ann"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e300, "1", None, True, [1]])
def test_a_box_of_what_are_no_numbers_is_refused(value):
    with pytest.raises(InvalidInputError, match=r"width of a box is .*expected a finite number"):
        Box(0, 0, value, 1)
