# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast import Gallery, InvalidInputError, Ranking
from mgn_fast.cli import main
from mgn_fast.cli.galleries import searching
from mgn_fast.cli.galleries.searching import Queries, Search, entries, queries_of
from mgn_fast.cli.program import build_parser


def parsed(place, *words):
    return build_parser().parse_args(["search", str(place / "a.gallery"), *map(str, words)])


@pytest.fixture
def gallery(searched):
    return Gallery.load(searched / "a.gallery")


def test_embeddings_come_first_then_pictures_in_order(searched, gallery):
    pictures = [searched / "pictures" / name for name in ("007.jpg", "002.jpg")]
    queries = queries_of(parsed(searched, *pictures, searched / "rows.npy"), gallery)
    assert queries.names[0] == f"{searched / 'rows.npy'}#0"
    assert queries.names[12:] == [str(path) for path in pictures]
    assert queries.paths[11:] == [None, *pictures]
    rows = np.load(searched / "rows.npy")
    np.testing.assert_allclose(queries.rows[12:], rows[[7, 2]], atol=1e-6)


def test_embeddings_with_names_keep_them(searched, gallery, tmp_path):
    words = ["embed", searched / "pictures", "--model", searched / "tiny.onnx"]
    assert main([*map(str, words), "-o", str(tmp_path / "named.npy")]) == 0
    queries = queries_of(parsed(searched, tmp_path / "named.npy"), gallery)
    assert queries.names == [f"{number:03}.jpg" for number in range(12)]


def test_embeddings_of_another_width_are_refused(searched, gallery, tmp_path):
    np.save(tmp_path / "narrow.npy", np.ones((2, 5)))
    with pytest.raises(InvalidInputError, match="is 5 wide and the gallery 2048"):
        queries_of(parsed(searched, tmp_path / "narrow.npy"), gallery)


def test_places_that_nothing_was_found_for_are_left_out(gallery):
    ranking = Ranking(np.array([[4, -1]], np.int32), np.array([[0.5, np.inf]], np.float32))
    queries = Queries(["q"], np.zeros((1, 2048), np.float32), [None])
    search = Search(gallery, queries, ranking, False, None, None)
    assert search.places(0) == [4]
    assert list(entries(search, 0)) == [{"rank": 1, "place": 4, "name": "004.jpg", "distance": 0.5}]


def test_settings_reach_the_re_ranking(searched, gallery):
    queries = queries_of(parsed(searched, searched / "rows.npy"), gallery)
    words = ["--rerank", "--depth", "5", "--k1", "3", "--k2", "2", "--original-weight", "0.1"]
    found = searched_with(searched, gallery, queries, words)
    usual = searched_with(searched, gallery, queries, ["--rerank", "--depth", "5"])
    assert not np.array_equal(found.ranking.distances, usual.ranking.distances)
    assert found.reranked


def searched_with(place, gallery, queries, words):
    return searching.searched(parsed(place, place / "rows.npy", *words), gallery, queries, None)
