# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from mgn_fast import InvalidInputError
from mgn_fast.gallery.editing.selection import Selection, require_there

PICTURES = [
    (0, "a/1.jpg", "ann"),
    (2, "a/2.jpg", "bob"),
    (3, "b[1].jpg", None),
    (4, "a/1.jpg", "7"),
]


def chosen(names=(), match=None, person=None):
    return Selection.of(names, match, person).chosen(PICTURES)


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"names": "a/2.jpg"}, [2]),
        ({"names": ["a/1.jpg"]}, [0, 4]),
        ({"names": [Path("a/2.jpg"), "b[1].jpg"]}, [2, 3]),
        ({"match": "a/*"}, [0, 2, 4]),
        ({"match": "*1*"}, [0, 3, 4]),
        ({"match": "A/*.JPG"}, []),
        ({"match": "?/2.jpg"}, [2]),
        ({"person": "ann"}, [0]),
        ({"person": 7}, [4]),
        ({"names": "b[1].jpg", "person": "bob"}, [2, 3]),
    ],
    ids=str,
)
def test_pictures_are_meant_by_name_by_pattern_and_by_person(asked, numbers):
    assert chosen(**asked)[0] == numbers


def test_what_is_not_there_is_told():
    _, missing = chosen(["a/1.jpg", "x.jpg", "x.jpg"], "c/*", "eve")
    assert missing == ["'x.jpg'", "match 'c/*'", "person 'eve'"]
    with pytest.raises(InvalidInputError, match=r"'x\.jpg', match 'c/\*', .* gallery 'a\.gallery'"):
        require_there(missing, "a.gallery")
    require_there([], "a.gallery")


def test_long_lists_of_what_is_missing_are_cut():
    with pytest.raises(InvalidInputError, match=r"^0, 1, 2, 3, 4 and 1,995 more: not in gallery"):
        require_there([str(n) for n in range(2000)], "a.gallery")


def test_nothing_asked_for_is_refused():
    with pytest.raises(InvalidInputError, match="expected names, match or person"):
        chosen([])
