# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from mgn_fast import Ranking
from mgn_fast.models.contract import Contract
from mgn_fast.report import draw_search, search_lists
from support.page_parser import Page
from support.report_runs import Searched, parts_of, write_pictures


@pytest.fixture
def gallery(tmp_path):
    return Searched(write_pictures(tmp_path, 4))


RANKING = Ranking(
    np.array([[2, 0, 3], [1, 2, -1]], np.int32),
    np.array([[0.25, 0.5, 0.75], [0.5, 1.0, np.inf]], np.float32),
)
QUERIES = [("q.jpg", Path("/q.jpg")), ("rows.npy#1", None)]


def test_lists_hold_what_was_found_nearest_first(gallery):
    first, second = search_lists(gallery, RANKING, QUERIES, name="re-ranked")
    tiles = first.tiles["re-ranked"]
    assert [tile.name for tile in tiles] == [gallery.name(place) for place in (2, 0, 3)]
    assert [tile.distance for tile in tiles] == [0.25, 0.5, 0.75]
    assert {tile.verdict for tile in tiles} == {"unknown"}
    assert (first.query.path, first.query.note) == (Path("/q.jpg"), "")
    assert second.query.note == "an embedding: no picture"


def test_places_that_nothing_was_found_for_are_left_out(gallery):
    assert len(search_lists(gallery, RANKING, QUERIES)[1].tiles["plain"]) == 2


def test_a_file_that_changed_says_so_and_one_that_went_does_not(gallery):
    gallery.picture_path(2).write_bytes(gallery.picture_path(3).read_bytes())
    gallery.picture_path(0).unlink()
    tiles = search_lists(gallery, RANKING, QUERIES)[0].tiles["plain"]
    assert [tile.note for tile in tiles] == ["changed since it was embedded", "", ""]


def test_pictures_may_be_somewhere_else(gallery):
    tiles = search_lists(gallery, RANKING, QUERIES, pictures=Path("/there"))[0].tiles["plain"]
    assert tiles[0].path == Path("/there") / gallery.name(2)


def test_parts_stand_beside_their_pictures(gallery, random):
    parts = [[parts_of(random) for _ in range(3)], [parts_of(random) for _ in range(2)]]
    lists = search_lists(gallery, RANKING, QUERIES, parts=parts)
    assert [[tile.parts for tile in entry.tiles["plain"]] for entry in lists] == parts


def test_the_page_and_the_sheet_tell_of_gallery_and_index(gallery, tmp_path):
    lists = search_lists(gallery, RANKING, QUERIES)
    files = {"html": tmp_path / "a.html", "png": tmp_path / "a.png"}
    draw_search(gallery, lists, **files)
    text = Page(files["html"].read_text()).of("main")[0]
    assert "search in a gallery" in text
    assert "4 pictures; nobody says who is on them." in text
    assert "index" not in text
    assert "contract" not in text
    assert cv2.imread(str(files["png"])).shape[2] == 3
    gallery.model, gallery.files = "mgn.onnx", (tmp_path / "people.gallery",)
    gallery.contract = Contract(colour="BGR", origin="people.gallery")
    settings = SimpleNamespace(kind="Flat", recall=0.995, depth=10)
    draw_search(gallery, lists, html=files["html"], index=settings)
    text = Page(files["html"].read_text()).of("main")[0]
    assert "search in people.gallery" in text
    assert "4 pictures embedded with mgn.onnx" in text
    assert "The model's contract, from people.gallery: 384x128 BGR, pillow-bicubic" in text
    assert "index Flat, which finds 99.5% of the truly nearest 10." in text


def test_what_is_not_asked_for_is_not_written(gallery, tmp_path):
    before = sorted(tmp_path.iterdir())
    draw_search(gallery, search_lists(gallery, RANKING, QUERIES))
    assert sorted(tmp_path.iterdir()) == before


def test_where_both_are_known_a_picture_is_a_match_or_none(gallery):
    gallery.labels = {2: {"person": "ann", "camera": "7"}, 0: {"person": "bob"}}
    labels = [{"person": "ann", "camera": "1"}, {}]
    first, second = search_lists(gallery, RANKING, QUERIES, labels=labels)
    tiles = first.tiles["plain"]
    assert [tile.verdict for tile in tiles] == ["match", "other", "unknown"]
    assert [tile.person for tile in tiles] == ["ann", "bob", None]
    assert [tile.camera for tile in tiles] == ["7", None, None]
    assert (first.query.person, first.query.camera) == ("ann", "1")
    assert first.first_match == {"plain": 1}
    assert {tile.verdict for tile in second.tiles["plain"]} == {"unknown"}
    assert second.query.person is None
    assert second.first_match == {}
    labels[0]["person"] = "carl"
    lists = search_lists(gallery, RANKING, QUERIES, labels=labels)
    assert lists[0].first_match == {}
    assert [tile.verdict for tile in lists[0].tiles["plain"]] == ["other", "other", "unknown"]


def test_of_several_galleries_each_picture_says_which(gallery, tmp_path):
    gallery.files = (tmp_path / "a.gallery", tmp_path / "b.gallery")
    tiles = search_lists(gallery, RANKING, QUERIES)[0].tiles["plain"]
    assert [tile.note for tile in tiles] == ["in a.gallery", "in a.gallery", "in b.gallery"]
    gallery.picture_path(2).write_bytes(b"other")
    tiles = search_lists(gallery, RANKING, QUERIES)[0].tiles["plain"]
    assert tiles[0].note == "changed since it was embedded; in a.gallery"


def test_notes_stand_under_queries_and_on_the_page(gallery, tmp_path):
    lists = search_lists(gallery, RANKING, QUERIES, notes=["one query with b.jpg", ""])
    assert [entry.query.note for entry in lists] == ["one query with b.jpg", ""]
    html = tmp_path / "a.html"
    draw_search(gallery, lists, html=html, notes=["Only what is near."])
    assert "Only what is near." in Page(html.read_text()).of("main")[0]


def test_the_page_says_who_knows_persons(gallery, tmp_path):
    def said(labels):
        gallery.labels = labels
        lists = search_lists(gallery, RANKING, QUERIES)
        draw_search(gallery, lists, html=tmp_path / "a.html")
        return Page((tmp_path / "a.html").read_text()).of("main")[0]

    assert "nobody says who is on them" in said({})
    assert "gallery's labels, for 2 of the 5 that were found" in said({2: {"person": "ann"}})
    assert "is said by the gallery's labels." in said({n: {"person": "ann"} for n in range(4)})


@pytest.mark.parametrize(
    ("names", "title"),
    [
        (["a"], "search in a.gallery"),
        (["a", "b", "c"], "search in a.gallery and b.gallery and c.gallery"),
        (["a", "b", "c", "d"], "search in 4 galleries"),
    ],
)
def test_the_title_names_galleries_as_long_as_they_are_few(gallery, tmp_path, names, title):
    gallery.files = tuple(tmp_path / f"{name}.gallery" for name in names)
    draw_search(gallery, [], html=tmp_path / "a.html")
    assert f"<title>{title}</title>" in (tmp_path / "a.html").read_text()
