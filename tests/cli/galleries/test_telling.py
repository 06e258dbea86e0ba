# SPDX-License-Identifier: Apache-2.0
import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import Gallery, Ranking
from mgn_fast.cli.galleries.found import Queries, QueryPicture, Search
from mgn_fast.cli.galleries.telling import (
    COLUMNS,
    described,
    lines,
    notes,
    query_notes,
    table,
)
from mgn_fast.gallery.finding.refining import Refinement

NAMES = ["a.jpg", 'in, "quotes".jpg', "line\nbreak.jpg", "=1+1.jpg", "\udcff.jpg"]
LABELS = {"a.jpg": {"person": "ann", "camera": "2"}}


@pytest.fixture
def gallery(tmp_path):
    Gallery.of(np.eye(5, 4), NAMES, LABELS).save(tmp_path / "a.gallery")
    return Gallery.load(tmp_path / "a.gallery")


def search_of(gallery, places, *, reranked=False, pictures=None, **refinement):
    """One query for each row of places; distances 0, 0.5, 1, ..."""
    places = np.array(places, np.int32)
    distances = np.where(places < 0, np.inf, np.arange(places.shape[1]) / 2).astype(np.float32)
    pictures = pictures or [(QueryPicture(f"q{n}", Path(f"q{n}")),) for n in range(len(places))]
    names = [some[0].name for some in pictures]
    queries = Queries(names, np.zeros((len(places), 4), np.float32), pictures)
    ranking = Ranking(places, distances)
    return Search(gallery, queries, ranking, reranked, None, None, Refinement(**refinement))


def test_lines_tell_persons_and_what_was_not_found(gallery):
    said = list(lines(search_of(gallery, [[0, 1], [-1, -1]], threshold=1.25)))
    assert said == [
        f"5 pictures in {gallery.path}; rank, distance, name",
        "q0",
        "   1  0.0000  a.jpg  (person ann, camera 2)",
        '   2  0.5000  in, "quotes".jpg',
        "q1",
        "      no picture within 1.25",
    ]
    assert list(lines(search_of(gallery, [[-1]])))[-1] == "      no other picture"


def test_lines_name_the_pictures_of_a_query_and_cannot_command_the_terminal(gallery):
    together = (QueryPicture("x\x1b.jpg", known={"person": "b\nb"}), QueryPicture("y.jpg"))
    said = list(lines(search_of(gallery, [[2]], pictures=[together], reranked=True)))
    assert said[0].endswith("rank, re-ranked distance, name")
    assert said[1:] == [
        r"x\x1b.jpg  (person b\nb)",
        r"      of x\x1b.jpg, y.jpg",
        r"   1  0.0000  line\nbreak.jpg",
    ]


def test_a_table_has_a_line_for_each_find_whatever_its_name(gallery):
    content = table(search_of(gallery, [[0, 1, 2, 3, 4], [-1] * 5, [0, -1, -1, -1, -1]]))
    text = content.decode("utf-8", "surrogateescape")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    where = str(gallery.path)
    assert tuple(rows[0]) == COLUMNS
    assert rows[1] == ["q0", "1", where, "a.jpg", "0.0", "ann", "2"]
    assert [row[3] for row in rows[1:]] == [*NAMES, "a.jpg"]
    assert [row[0] for row in rows[1:]] == ["q0"] * 5 + ["q2"]
    assert rows[2][5:] == ["", ""]
    assert b"\xff.jpg" in content


def test_json_has_the_columns_of_the_table(gallery):
    search = search_of(gallery, [[0, -1]], threshold=0.75, expand=2, left_out=[[3]])
    said = json.loads(json.dumps(described(search)))
    where = str(gallery.path)
    assert (said["gallery"], said["galleries"]) == (where, [where])
    assert (said["threshold"], said["expand"], said["num_pictures"]) == (0.75, 2, 5)
    (query,) = said["queries"]
    assert query["num_left_out"] == 1
    assert query["pictures"] == ["q0"]
    assert query["person"] is None
    (entry,) = query["found"]
    assert set(COLUMNS) - {"query"} <= set(entry)
    assert (entry["person"], entry["camera"], entry["gallery"]) == ("ann", "2", where)


def test_notes_tell_what_a_reader_must_know(gallery):
    assert list(notes(search_of(gallery, [[-1]]))) == []
    two = (QueryPicture("x"), QueryPicture("y"))
    search = search_of(
        gallery,
        [[0], [1], [-1]],
        pictures=[two, two, two[:1]],
        expand=4,
        left_out=[[3, 4], [2], []],
    )
    assert list(notes(search)) == [
        "2 queries are of several pictures: the mean of their directions was searched for",
        "each query was averaged with its 4 nearest and searched for again; distances are from "
        "that mean",
        "2 queries have their own pictures in the gallery: 3 pictures are left out of what was "
        "found (--same-picture keep lists them)",
        "2 queries have a picture at distance 0.0000: the same picture, or an exact copy of it",
    ]
    one = search_of(gallery, [[0]], left_out=[[3]])
    assert [note.split(":")[0] for note in notes(one)] == [
        "1 query has its own picture in the gallery",
        "1 query has a picture at distance 0.0000",
    ]
    assert list(notes(search_of(gallery, [[0]], reranked=True))) == []


def test_under_a_query_stands_what_its_picture_does_not_show(gallery):
    path = Path("x.jpg")
    pictures = [
        (QueryPicture("in/x.jpg", path),),
        (QueryPicture("in/x.jpg", path), QueryPicture("in/y.jpg"), QueryPicture("in/z.jpg")),
        (QueryPicture("rows.npy#0"),),
    ]
    search = search_of(gallery, [[0], [0], [-1]], pictures=pictures, threshold=0.5)
    assert [query_notes(search, query) for query in range(3)] == [
        "",
        "one query with y.jpg, z.jpg",
        "an embedding: no picture; no picture within 0.5",
    ]
