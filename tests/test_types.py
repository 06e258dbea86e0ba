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
        ([1], ["a"], "camera is <U1"),
        ([2**31], [1], "person has values from 2147483648"),
    ],
)
def test_other_identities_are_refused(person, camera, message):
    with pytest.raises(InvalidInputError, match=message):
        Identities(person, camera)


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
