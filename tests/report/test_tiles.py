# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from mgn_fast import InvalidInputError
from mgn_fast.evaluation.body_parts import PartComparison
from mgn_fast.models.parts import PARTS
from mgn_fast.report import Tile
from mgn_fast.report.tiles import parts_told


def test_a_verdict_is_one_of_five():
    with pytest.raises(InvalidInputError, match="verdict is 'good', expected one of"):
        Tile("a", None, "good")


def test_a_tile_shows_its_file_or_what_it_was_given():
    assert Tile("a", Path("a.jpg"), "match", picture=b"x").source == Path("a.jpg")
    assert Tile("a", None, "match", picture=b"x").source == b"x"
    assert Tile("a", None, "match").source is None


def tile(parts):
    if parts is None:
        return Tile("a", None, "match")
    numbers = (0.5,) * len(parts)
    return Tile("a", None, "match", parts=PartComparison(numbers, numbers, parts))


def test_the_parts_are_those_of_the_tiles_that_tell_of_any():
    assert parts_told([tile(None), tile(PARTS), tile(PARTS)]) == PARTS
    assert parts_told([tile(None)]) == ()


def test_tiles_of_different_parts_do_not_go_together():
    with pytest.raises(InvalidInputError, match="expected the same"):
        parts_told([tile(PARTS[:2]), tile(PARTS[2:])])
