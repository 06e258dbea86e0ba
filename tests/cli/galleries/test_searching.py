# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import DatasetError, Gallery, InvalidInputError
from mgn_fast.cli.galleries import searching
from mgn_fast.cli.galleries.found import Queries, QueryPicture
from mgn_fast.cli.galleries.searching import galleries_and_queries, opened_galleries, opened_index
from mgn_fast.cli.program import build_parser


def parsed(place, *words):
    return build_parser().parse_args(["search", str(place / "a.gallery"), *map(str, words)])


@pytest.fixture
def gallery(searched):
    return Gallery.load(searched / "a.gallery")


@pytest.fixture
def queries(searched, gallery):
    """Pictures 0, 1 and 2 of the gallery, of which the last is known by its embedding alone."""
    rows = np.load(searched / "rows.npy")[:3]
    pictures = [QueryPicture(str(row), None, gallery.sha256(row)) for row in range(2)]
    pictures.append(QueryPicture("2"))
    return Queries(["0", "1", "2"], rows, [(one,) for one in pictures])


def search(place, gallery, queries, *words, index=None):
    return searching.searched(parsed(place, place / "rows.npy", *words), gallery, queries, index)


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["a.gallery", "x.jpg"], 1),
        (["a", "x.jpg"], 1),
        (["a", "b.gallery", "x.jpg"], 2),
        (["a.gallery", "b.gallery", "c.gallery", "in", "d.gallery"], 3),
    ],
)
def test_galleries_come_first(words, count):
    galleries, queries = galleries_and_queries(list(map(Path, words)))
    assert galleries == list(map(Path, words[:count]))
    assert queries == list(map(Path, words[count:]))


@pytest.mark.parametrize("words", [["a.gallery"], ["a.gallery", "b.gallery"]])
def test_without_a_query_there_is_nothing_to_seek(words):
    with pytest.raises(InvalidInputError, match=f"'{words[-1]}' is the last word, expected"):
        galleries_and_queries(list(map(Path, words)))


def test_galleries_are_opened_as_one(searched, tmp_path):
    path = searched / "a.gallery"
    copy = tmp_path / "b.gallery"
    copy.write_bytes(path.read_bytes())
    first, joined = opened_galleries([path, copy])
    assert first.path == path
    assert len(joined) == 24
    Gallery.of(np.empty((0, 2048)), []).save(tmp_path / "empty.gallery")
    with pytest.raises(DatasetError, match=r"empty.gallery' holds no pictures"):
        opened_galleries([path, tmp_path / "empty.gallery"])


def test_settings_reach_the_re_ranking(searched, gallery, queries):
    words = ["--rerank", "--depth", "5", "--k1", "3", "--k2", "2", "--original-weight", "0.1"]
    found = search(searched, gallery, queries, *words)
    usual = search(searched, gallery, queries, "--rerank", "--depth", "5")
    assert not np.array_equal(found.ranking.distances, usual.ranking.distances)
    assert found.reranked


def test_a_picture_does_not_find_itself_unless_it_is_kept(searched, gallery, queries):
    found = search(searched, gallery, queries, "--depth", "3")
    assert [found.left_out(row) for row in range(3)] == [[0], [1], []]
    assert [found.places(row)[0] == row for row in range(3)] == [False, False, True]
    assert [len(found.places(row)) for row in range(3)] == [3, 3, 3]
    kept = search(searched, gallery, queries, "--depth", "3", "--same-picture", "keep")
    assert [kept.places(row)[0] for row in range(3)] == [0, 1, 2]
    assert kept.refinement.left_out is None
    assert kept.places(0)[1:] == found.places(0)[:2]


@pytest.mark.parametrize("words", [[], ["--rerank", "--candidates", "6"]])
def test_an_index_finds_the_same_under_the_same_conditions(
    searched, gallery, queries, faiss_index, tmp_path, words
):
    words = [*words, "--depth", "4", "--expand", "2", "--index", tmp_path / "a.faiss"]
    index = opened_index(parsed(searched, "x", *words), gallery)
    by_index = search(searched, gallery, queries, *words, index=index)
    exact = search(searched, gallery, queries, *words)
    np.testing.assert_array_equal(by_index.ranking.indices, exact.ranking.indices)
    np.testing.assert_allclose(by_index.ranking.distances, exact.ranking.distances, atol=1e-6)
    assert by_index.index.kind == "Flat"
    assert exact.index is None


def test_a_query_without_finds_has_no_parts(searched, gallery, queries):
    found = search(searched, gallery, queries, "--parts", "--threshold", "0.0")
    assert [len(parts) for parts in found.parts] == [0, 0, 1]


def test_what_a_gallery_says_of_its_own_pictures_is_known_of_queries(searched, gallery, queries):
    labels = {"001.jpg": {"person": "ann", "camera": "4"}, "000.jpg": {"age": 3}}
    names = [gallery.name(place) for place in range(12)]

    class Labelled(Gallery):
        def label(self, place):
            return labels.get(names[place], {})

    other = Labelled.load(gallery.path)
    found = search(searched, other, queries)
    assert [found.queries.known(row) for row in range(3)] == [{}, labels["001.jpg"], {}]
    stated = QueryPicture("1", None, gallery.sha256(1), {"person": "bob"})
    stated = Queries(["1"], queries.rows[1:2], [(stated,)])
    assert search(searched, other, stated).queries.known(0) == {"person": "bob"}
