# SPDX-License-Identifier: Apache-2.0
import base64
import json
import math

import pytest
import simplejpeg

from mgn_fast import InvalidInputError
from mgn_fast.evaluation.body_parts import PartComparison
from mgn_fast.models.parts import PARTS, body_parts
from mgn_fast.report import RankedList, Tile
from mgn_fast.report.page.script_data import CHUNK, ScriptData
from mgn_fast.report.thumbnails import thumbnails_of, tiles_of
from support.report_runs import HOSTILE, lists_of, write_pictures


def data_of(lists):
    return ScriptData(lists, thumbnails_of(tiles_of(lists)))


def test_each_picture_is_stored_once(tmp_path):
    paths = write_pictures(tmp_path, CHUNK + 6)
    lists = lists_of(paths, 40)
    data = data_of(lists)
    shown = {tile.path for tile in tiles_of(lists)}
    lines = [line for chunk in data.chunks() for line in chunk.split("\n")]
    assert len(lines) == len(shown) == len(set(lines))
    assert [len(chunk.split("\n")) for chunk in data.chunks()] == [CHUNK, len(lines) - CHUNK]
    told = json.loads(data.json())
    rows = {(tile.name, tile.person, tile.camera, tile.path) for tile in tiles_of(lists)}
    assert len(told["pictures"]) == len(rows)
    for tile, index in zip(lists[3].tiles["plain"], told["lists"][3]["t"][0], strict=True):
        name, person, camera, file, width, height = told["pictures"][index[0]]
        assert (name, person, camera, width, height) == (
            tile.name,
            str(tile.person),
            str(tile.camera),
            16,
            32,
        )
        got = simplejpeg.decode_jpeg(base64.b64decode(lines[file]))
        assert abs(got.astype(int) - simplejpeg.decode_jpeg(tile.path.read_bytes())).mean() < 8
        assert told["verdicts"][index[1]] == tile.verdict


def test_names_cannot_end_the_data(tmp_path):
    lists = [RankedList(Tile(HOSTILE, None, "query", note=HOSTILE), {HOSTILE: []})]
    text = data_of(lists).json()
    assert "<" not in text
    assert text.isascii()
    assert "\x00" not in text
    (row,) = json.loads(text)["pictures"]
    assert row[0].startswith("</script><script>alert(1)</script>")
    assert "\\u202e\\x00\\x1b[2J" in row[0]
    assert row[3:] == [-1, "no picture was kept"]


def test_numbers_are_short_and_what_is_none_is_null():
    look = PartComparison((0.1,) * 8, (0.123456,) * 8, PARTS)
    tiles = [
        Tile("a", None, "match", distance=0.123456789, parts=look),
        Tile("b", None, "other", distance=math.inf),
        Tile("c", None, "junk", note="x"),
    ]
    entry = RankedList(Tile("q", None, "query"), {"plain": tiles}, {"plain": math.nan}, {})
    (told,) = json.loads(data_of([entry]).json())["lists"]
    assert [row[1:] for row in told["t"][0]] == [
        [1, 0.12346, [100] * 8 + [123] * 8],
        [3],
        [2, None, None, "x"],
    ]
    assert (told["ap"], told["first"]) == ([None], [None])


def test_a_ranking_that_a_list_lacks_is_empty():
    tile = Tile("a", None, "match")
    lists = [RankedList(tile, {"plain": [tile]}), RankedList(tile, {"re-ranked": [tile]})]
    told = json.loads(data_of(lists).json())
    assert told["rankings"] == ["plain", "re-ranked"]
    assert [list(map(len, entry["t"])) for entry in told["lists"]] == [[1, 0], [0, 1]]


def told_of(*parts):
    """The data of a list whose tiles tell of such parts."""
    looks = [PartComparison((0.5,) * len(named), (0.5,) * len(named), named) for named in parts]
    tiles = [Tile("a", None, "match", parts=look) for look in looks]
    return data_of([RankedList(Tile("q", None, "query"), {"plain": tiles})])


def test_parts_are_those_that_the_tiles_tell_of():
    named = body_parts((("f1_p2", 4), (HOSTILE, 2)))
    data = told_of(named, named)
    assert data.parts == named
    assert "<" not in data.json()
    known, other = json.loads(data.json())["parts"]
    assert known == ["f1_p2", "half", 0.5, 1.0]
    assert other[1:] == ["unknown", 0.0, 0.0]
    assert "\\u202e" in other[0]


def test_where_no_tile_tells_of_parts_there_are_none():
    data = data_of([RankedList(Tile("q", None, "query"), {"plain": [Tile("a", None, "match")]})])
    assert data.parts == ()
    assert json.loads(data.json())["parts"] == []


def test_tiles_of_different_parts_are_refused():
    with pytest.raises(InvalidInputError, match=r"some tiles tell of parts .* and others of"):
        told_of(PARTS, PARTS[:3])


def test_it_says_whether_names_are_shown_and_whether_there_are_figures(tmp_path):
    lists = lists_of(write_pictures(tmp_path, 3), 2, known=False)
    told = json.loads(data_of(lists).json())
    assert (told["names"], told["rated"]) == (False, False)
    thumbnails = thumbnails_of(tiles_of(lists))
    assert json.loads(ScriptData(lists, thumbnails, names=True).json())["names"] is True
    rated = lists_of(write_pictures(tmp_path, 3), 2)
    assert json.loads(data_of(rated).json())["rated"] is True
