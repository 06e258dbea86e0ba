# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast import Gallery, Ranking
from mgn_fast.cli.galleries.found import Queries, QueryPicture, Search, entries
from mgn_fast.gallery import join_galleries
from mgn_fast.gallery.finding.refining import Refinement

ONE = (QueryPicture("q"),)


def search_of(gallery, places, distances, *, left_out=None, pictures=ONE):
    queries = Queries(["q"], np.zeros((1, 4), np.float32), [tuple(pictures)])
    ranking = Ranking(np.array([places], np.int32), np.array([distances], np.float32))
    return Search(gallery, queries, ranking, False, None, None, Refinement(left_out=left_out))


@pytest.fixture
def gallery():
    names = [f"{number}.jpg" for number in range(6)]
    return Gallery.of(np.eye(6, 4), names, {"4.jpg": {"person": "ann", "age": 3}})


def test_places_that_nothing_was_found_for_are_left_out(gallery):
    search = search_of(gallery, [4, 2, -1], [0.5, 0.75, np.inf])
    assert search.places(0) == [4, 2]
    nothing = {"gallery": None, "person": None, "camera": None}
    assert list(entries(search, 0)) == [
        nothing | {"rank": 1, "place": 4, "name": "4.jpg", "distance": 0.5, "person": "ann"},
        nothing | {"rank": 2, "place": 2, "name": "2.jpg", "distance": 0.75},
    ]


def test_a_place_is_that_in_its_own_gallery(gallery, tmp_path):
    gallery.save(tmp_path / "a.gallery")
    joined = join_galleries([gallery, Gallery.load(tmp_path / "a.gallery")])
    found = list(entries(search_of(joined, [10, 4], [0.5, 0.5]), 0))
    assert [entry["place"] for entry in found] == [4, 4]
    assert [entry["gallery"] for entry in found] == [str(tmp_path / "a.gallery"), None]
    assert [entry["person"] for entry in found] == ["ann", "ann"]


def test_a_query_leaves_out_its_own(gallery):
    assert search_of(gallery, [1], [0.5]).left_out(0) == ()
    assert search_of(gallery, [1], [0.5], left_out=[{5, 3}]).left_out(0) == [3, 5]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([{}], {}),
        ([{"person": "ann", "camera": "1"}], {"person": "ann", "camera": "1"}),
        ([{"person": "ann"}, {}, {"person": "ann"}], {"person": "ann"}),
        ([{"person": "ann"}, {"person": "bob"}], {}),
        ([{"person": "ann", "camera": "1"}, {"person": "ann", "camera": "2"}], {"person": "ann"}),
    ],
)
def test_a_query_is_known_where_its_pictures_agree(gallery, known, expected):
    pictures = [QueryPicture(str(number), known=one) for number, one in enumerate(known)]
    search = search_of(gallery, [0], [0.5], pictures=pictures)
    assert search.queries.known(0) == expected
