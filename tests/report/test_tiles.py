# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from mgn_fast import InvalidInputError
from mgn_fast.report import Tile


def test_a_verdict_is_one_of_five():
    with pytest.raises(InvalidInputError, match="verdict is 'good', expected one of"):
        Tile("a", None, "good")


def test_a_tile_shows_its_file_or_what_it_was_given():
    assert Tile("a", Path("a.jpg"), "match", picture=b"x").source == Path("a.jpg")
    assert Tile("a", None, "match", picture=b"x").source == b"x"
    assert Tile("a", None, "match").source is None
