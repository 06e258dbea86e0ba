# SPDX-License-Identifier: Apache-2.0
"""The sheet, read back as a picture."""

import re
import sys

import cv2
import numpy as np
import pytest

from mgn_fast import InvalidInputError, RuntimeUnavailableError
from mgn_fast.models.parts import PARTS, body_parts
from mgn_fast.report import RankedList, Tile, sheet, write_sheet
from support.late import late
from support.report_runs import HOSTILE, lists_of, write_pictures

pytestmark = pytest.mark.usefixtures("plots")

matplotlib = late("matplotlib")

COLOURS = {
    verdict: tuple(int(look[0][at : at + 2], 16) for at in (1, 3, 5))
    for verdict, look in sheet._LOOKS.items()
}


@pytest.fixture
def paths(tmp_path):
    return write_pictures(tmp_path, 6)


def drawn(tmp_path, lists, **options):
    """The sheet as RGB pixels."""
    path = write_sheet(tmp_path / "sheet.png", lists, **options)
    return cv2.imread(str(path))[..., ::-1]


def share_of(pixels, verdict):
    return np.mean(np.abs(pixels.astype(int) - COLOURS[verdict]).max(axis=2) < 12)


def one_list(path, verdict, **options):
    query = Tile("q.jpg", path, "query", 1, 1)
    return RankedList(query, {"plain": [Tile("g.jpg", path, verdict, 1, 2, 0.5, **options)]})


def test_frames_tell_the_verdict(tmp_path, paths):
    for verdict in ("match", "other", "junk"):
        pixels = drawn(tmp_path, [one_list(paths[0], verdict)])
        cells = pixels[64 + 24 :, 14 + 92 : 14 + 184]
        shares = {name: share_of(cells, name) for name in ("match", "other", "junk")}
        assert max(shares, key=shares.get) == verdict
    assert share_of(pixels[88:, 14:106], "query") > 0.01


def test_there_is_a_row_for_each_list_and_the_limits_are_said(tmp_path, paths, monkeypatch):
    two, three = (drawn(tmp_path, lists_of(paths, n, depth=3)).shape[0] for n in (2, 3))
    assert three - two == sheet._Box().row
    monkeypatch.setattr(sheet, "MOST_LISTS", 2)
    monkeypatch.setattr(sheet, "MOST_TILES", 4)
    said, write = [], sheet.write_text
    monkeypatch.setattr(sheet, "write_text", lambda *a, **k: said.append(a[3]) or write(*a, **k))
    drawn(tmp_path, lists_of(paths, 5, depth=6), title="A", notes=["a note"])
    assert said[0] == "A · plain"
    assert {"a note", "The first 2 of 5 lists."} <= set(said)
    assert "The first 4 of up to 6 pictures of each." in said
    assert sum(text.startswith("query-") for text in said) == 2


def test_parts_are_drawn_beside_the_pictures(tmp_path, paths):
    plain = drawn(tmp_path, lists_of(paths, 2, depth=3))
    with_parts = drawn(tmp_path, lists_of(paths, 2, depth=3, parts=PARTS))
    assert with_parts.shape == plain.shape
    look = lists_of(paths, 2, depth=3, parts=PARTS)[0].tiles["plain"][0].parts
    low_first = sheet._Scale([look])
    assert low_first.colour(min(look.cosines)) == pytest.approx(
        [level / 255 for level in sheet.PART_COLOURS[0]]
    )
    assert low_first.colour(max(look.cosines)) == pytest.approx(
        [level / 255 for level in sheet.PART_COLOURS[-1]]
    )


def test_stripes_lie_at_their_height_whatever_their_order():
    bands = sheet._bands(PARTS, 120)
    assert bands[:3] == [(0, 0, 4, 120), (4, 0, 4, 120), (8, 0, 4, 120)]
    assert bands[3:5] == [(14, 0, 12, 60), (14, 60, 12, 60)]
    assert [band[:3] for band in bands[5:]] == [(28, 0, 12), (28, 40, 12), (28, 80, 12)]
    order = [7, 0, 4, 3, 1, 2, 6, 5]
    moved = sheet._bands([PARTS[place] for place in order], 120)
    assert [moved[order.index(place)] for place in range(3, 8)] == bands[3:]
    assert sheet._bands((PARTS[6],), 120) == [(0, pytest.approx(40), 12, pytest.approx(40))]


def test_parts_without_a_stripe_are_squares_of_one_size():
    """Nine squares of 10 and a gap of 3 stand in 120; after the stripes, one below the other."""
    names = body_parts([(f"part {number}", 1) for number in range(11)])
    bands = sheet._bands([PARTS[3], *names], 120)
    assert bands[0] == (0, 0, 12, 60)
    assert bands[1:10] == [(14, 13 * place, 10, 10) for place in range(9)]
    assert bands[10:] == [(28, 0, 10, 10), (28, 13, 10, 10)]


def test_a_sheet_is_as_wide_as_its_parts_need(tmp_path, paths):
    widths = [
        drawn(tmp_path, lists_of(paths, 1, depth=12, parts=named)).shape[1]
        for named in ((), body_parts([("a", 4)]), PARTS)
    ]
    assert widths == [28 + 13 * 92, 28 + 13 * (92 + 16), 28 + 13 * (92 + 46)]


def test_a_picture_that_cannot_be_read_leaves_its_place(tmp_path, paths, monkeypatch):
    lists = [one_list(paths[0], "match"), one_list(paths[1], "other")]
    whole = drawn(tmp_path, lists)
    paths[0].unlink()
    said, write = [], sheet.write_text
    monkeypatch.setattr(sheet, "write_text", lambda *a, **k: said.append(a[3]) or write(*a, **k))
    without = drawn(tmp_path, lists)
    assert said.count("cannot\nbe read") == 2  # the query and its match are one file
    assert without.shape == whole.shape
    second = sheet._HEAD + sheet._Box().row
    assert (without[:second] != whole[:second]).any()
    np.testing.assert_array_equal(without[second:], whole[second:])


def test_any_name_is_drawn_as_text(tmp_path, paths):
    """A `$` would begin a formula, a letter that the font lacks would be a warning."""
    for name in (HOSTILE, "$\\frac{$", "行人", "\U0001f600"):
        entry = RankedList(Tile(name, paths[0], "query"), {"plain": []}, {"plain": None})
        drawn(tmp_path, [entry], title=name, notes=[name])
    assert sheet.legible("é行") == "é\\u884c"


def test_the_callers_matplotlib_is_left_alone(tmp_path, paths):
    with matplotlib.rc_context({"text.usetex": False, "savefig.facecolor": "red"}):
        names = set(matplotlib.rcParams) - {"backend"}  # asking for that one imports pyplot
        before = {name: matplotlib.rcParams[name] for name in names}
        pixels = drawn(tmp_path, [one_list(paths[0], "match")])
        assert {name: matplotlib.rcParams[name] for name in names} == before
    assert pixels[0, 0].tolist() == [255, 255, 255]


def test_another_ranking_can_be_drawn(tmp_path, paths):
    lists = lists_of(paths, 2, depth=3)
    a, b = (drawn(tmp_path, lists, ranking=name) for name in ("plain", "re-ranked"))
    assert (a != b).any()
    with pytest.raises(InvalidInputError, match="ranking is 'best', expected one of"):
        write_sheet(tmp_path / "s.png", lists, ranking="best")


@pytest.mark.parametrize(
    ("name", "message"),
    [("s.pdf", r"ends in '.pdf', expected '.png'"), ("no/s.png", "cannot be written")],
)
def test_a_file_that_cannot_be_written_is_refused(tmp_path, paths, name, message):
    with pytest.raises(InvalidInputError, match=message):
        write_sheet(tmp_path / name, lists_of(paths, 1))
    assert not (tmp_path / name).exists()


def test_nothing_to_draw_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="lists is empty"):
        write_sheet(tmp_path / "s.png", [])


def test_without_the_extra_the_line_that_installs_it_is_said(tmp_path, paths, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(RuntimeUnavailableError, match=r"pip install 'mgn-fast\[report\]'"):
        write_sheet(tmp_path / "s.png", lists_of(paths, 1))


def test_the_page_has_the_same_colours():
    from importlib import resources

    script = (resources.files("mgn_fast.report.page") / "tiles.js").read_text()
    found = re.search(r"SCALE = \[(.*)\];", script)[1]
    numbers = [int(number) for number in re.findall(r"\d+", found)]
    assert numbers == [level for colour in sheet.PART_COLOURS for level in colour]


def test_a_search_has_no_key_of_verdicts(tmp_path, paths, monkeypatch):
    said, write = [], sheet.write_text
    monkeypatch.setattr(sheet, "write_text", lambda *a, **k: said.append(a[3]) or write(*a, **k))
    lists = lists_of(paths, 2, depth=3, known=False, rankings=("plain",))
    pixels = drawn(tmp_path, lists, title="search")
    assert said[0] == "search"
    assert not any("match" in text for text in said)
    assert share_of(pixels, "other") == 0


def test_wide_pictures_have_a_wide_place(tmp_path):
    (tmp_path / "tall").mkdir()
    (tmp_path / "wide").mkdir()
    sizes = {
        name: drawn(tmp_path, lists_of(write_pictures(tmp_path / name, 3, *size), 2, depth=9)).shape
        for name, size in (("tall", (32, 16)), ("wide", (16, 32)))
    }
    assert sizes["wide"][0] < sizes["tall"][0]
    assert sizes["wide"][1] > sizes["tall"][1]


def test_names_and_persons_stand_under_pictures_on_request(tmp_path, paths, monkeypatch):
    long = "set/bounding_box_test/0001_c1s1_000002_00_and_more_of_it.jpg"
    tiles = [
        Tile("in/a.jpg", paths[0], "match", person="ann"),
        Tile(long, paths[1], "unknown"),
    ]
    entry = RankedList(Tile("q.jpg", paths[2], "query", person="ann"), {"plain": tiles})
    without = drawn(tmp_path, [entry, entry])
    said, write = [], sheet.write_text
    monkeypatch.setattr(sheet, "write_text", lambda *a, **k: said.append(a[3]) or write(*a, **k))
    with_names = drawn(tmp_path, [entry, entry], names=True)
    assert with_names.shape[0] - without.shape[0] == 2 * 3 * sheet._NAME_LINE
    assert said.count("person ann") == 2
    assert said.count("in/a.jpg") == 2
    letters = int(sheet._Box().cell / sheet._LETTER)
    lines = [text for text in said if text.startswith("…") or text.endswith("it.jpg")][:2]
    assert "".join(lines) == "…" + long[1 - 2 * letters :]
    assert max(map(len, lines)) == letters


def test_the_key_has_junk_only_where_there_is_some(tmp_path, paths, monkeypatch):
    said, write = [], sheet.write_text
    monkeypatch.setattr(sheet, "write_text", lambda *a, **k: said.append(a[3]) or write(*a, **k))
    drawn(tmp_path, [one_list(paths[0], "match")])
    assert "✓ match" in said
    assert "junk: not counted" not in said
    drawn(tmp_path, [one_list(paths[0], "junk")])
    assert "junk: not counted" in said
