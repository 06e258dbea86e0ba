# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from mgn_fast import Identities, InvalidInputError
from mgn_fast.datasets.split import Split, labelled
from mgn_fast.types import Box

PATHS = [Path("a.jpg"), Path("b.jpg"), Path("c.jpg")]


def test_junk_is_dropped_from_the_part_that_is_wanted():
    everything = labelled(PATHS, "abc", ["7", "-1", "7"], ["1", "2", "3"])
    part = everything.without_junk([2, 1])
    assert (part.names, part.num_junk) == (("c",), 1)
    assert (part.person.tolist(), part.camera.tolist()) == ([7], [3])
    assert part.identities.pictures == (str(Path("c.jpg").absolute()),)


def test_words_mark_no_junk():
    everything = labelled(PATHS, "abc", ["x", "-1", "-1"], None)
    assert everything.without_junk(range(3)).num_junk == 0


def test_numbers_beyond_nine_digits_are_words():
    who = labelled(PATHS, "abc", ["1", "2", "12345678901"], None).identities
    assert who.person_names == ("1", "2", "12345678901")


def test_sources_are_paths_or_crops():
    assert list(Split(tuple(PATHS[:1]), Identities([1])).sources) == PATHS[:1]
    boxes = (Box(1, 2, 3, 4),)
    (crop,) = Split(tuple(PATHS[:1]), Identities([1]), boxes=boxes, names=("x",)).sources
    assert (crop.frame, crop.box, str(crop)) == (PATHS[0], boxes[0], "a.jpg#1,2,3,4")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"identities": Identities([1])}, "paths has 2 entries and identities 1"),
        ({"boxes": (Box(0, 0, 1, 1),)}, "paths has 2 entries and boxes 1"),
        ({"names": ("a",)}, "paths has 2 entries and names 1"),
    ],
)
def test_parts_of_another_length_are_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        Split(tuple(PATHS[:2]), **{"identities": Identities([1, 1])} | options)
