# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from mgn_fast import Gallery, InvalidInputError, RuntimeUnavailableError
from mgn_fast.evaluation.reranking import RerankSettings
from mgn_fast.gallery import index as index_module
from mgn_fast.gallery.editing.changes import compact, label, remove, rename
from mgn_fast.gallery.file import Batch
from mgn_fast.gallery.index import open_index, usual_kind
from mgn_fast.gallery.writer import writing

COUNT, WIDTH = 1200, 32


@pytest.fixture(scope="module")
def rows():
    """Groups of ten near each other, as the pictures of a person are."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((COUNT // 10, WIDTH))
    found = np.repeat(centres, 10, 0) + 0.5 * random.standard_normal((COUNT, WIDTH))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def gallery(rows, tmp_path, faiss_index):
    path = tmp_path / "a.gallery"
    Gallery.of(rows, [str(n) for n in range(COUNT)], dtype="float16").save(path)
    return Gallery.load(path)


def true_recall(index, gallery, rows, depth):
    found, truth = index.search(rows, depth).indices, gallery.search(rows, depth).indices
    return np.mean([len(set(a) & set(b)) / depth for a, b in zip(found, truth, strict=True)])


def test_it_finds_as_much_as_it_says(gallery, rows, tmp_path):
    index = open_index(tmp_path / "a.faiss", gallery, kind="IVF64,SQ4", least_recall=0.9, depth=5)
    assert 0.9 <= index.settings.recall < 1
    # Measured on 200 pictures with 5 neighbours each: one standard error is below 0.01.
    assert true_recall(index, gallery, rows, 6) == pytest.approx(index.settings.recall, abs=0.04)


def test_more_is_asked_of_it_where_more_recall_is_wanted(gallery, tmp_path):
    low = open_index(tmp_path / "low", gallery, kind="IVF64,SQ4", least_recall=0.3).settings
    high = open_index(tmp_path / "high", gallery, kind="IVF64,SQ4", least_recall=0.99).settings
    assert (low.num_probes, low.proposals) < (high.num_probes, high.proposals)
    assert low.recall < high.recall


def test_recall_leaves_a_picture_out_of_its_own_neighbours():
    """Of picture 0's neighbours 5 and 6 one is found; of picture 1's neighbour 2, none."""
    truth = np.array([[0, 5, 6], [1, 1, 2]])
    found = np.array([[0, 6, 9], [1, 7, -1]])
    assert index_module._recall(np.array([0, 1]), truth, found) == pytest.approx(1 / 3)


def test_equal_pictures_are_listed_in_the_gallerys_order_however_they_are_proposed():
    segments = [np.ones((6, 4), np.float32)]
    proposed = np.array([5, 2, 4])
    places, distances = index_module._settled(np.zeros(4, np.float32), proposed, segments, 4)
    assert places.tolist() == [2, 4, 5, -1]
    assert distances.tolist() == [2, 2, 2, np.inf]


def test_what_it_lists_is_in_exact_order_with_exact_distances(gallery, rows, tmp_path):
    index = open_index(tmp_path / "a.faiss", gallery, kind="IVF8,SQ4")
    found = index.search(rows[:50], 8)
    exact = gallery.search(rows[:50], COUNT)
    for places, distances, all_places, all_distances in zip(
        found.indices, found.distances, exact.indices, exact.distances, strict=True
    ):
        order = {place: rank for rank, place in enumerate(all_places.tolist())}
        ranks = [order[place] for place in places.tolist()]
        assert ranks == sorted(ranks)
        np.testing.assert_array_equal(distances, all_distances[ranks])


def test_few_pictures_are_compared_all(rows, tmp_path):
    path = tmp_path / "a.gallery"
    Gallery.of(rows[:30], [str(n) for n in range(30)]).save(path)
    gallery = Gallery.load(path)
    index = open_index(tmp_path / "a.faiss", gallery)
    assert index.settings.kind == "Flat"
    assert index.settings.recall == 1
    np.testing.assert_array_equal(
        index.search(rows[:5], 30).indices, gallery.search(rows[:5], 30).indices
    )


def test_places_that_nothing_is_proposed_for_stay_empty(gallery, rows, tmp_path):
    index = open_index(tmp_path / "a.faiss", gallery, kind="IVF64,Flat", least_recall=0.01, depth=1)
    found = index.search(rows[:1], COUNT)
    assert (found.indices[0] >= 0).sum() < COUNT
    assert (np.isinf(found.distances) == (found.indices == -1)).all()


@pytest.mark.parametrize(
    ("num_rows", "kind"),
    [
        (1, "Flat"),
        (399, "Flat"),
        (1200, "IVF30,SQ8"),
        (9_999, "IVF249,SQ8"),
        (19_732, "IVF493,PQ64"),
        (1_000_000, "IVF4000,PQ64"),
    ],
)
def test_the_kind_follows_the_number_of_pictures(num_rows, kind):
    assert usual_kind(num_rows) == kind


def test_an_index_is_used_again_and_brought_up_to_date(gallery, rows, tmp_path, monkeypatch):
    path = tmp_path / "a.faiss"
    first = open_index(path, gallery, kind="IVF8,SQ8").settings
    trained = []
    train = index_module._trained
    monkeypatch.setattr(index_module, "_trained", lambda *words: trained.append(1) or train(*words))
    assert open_index(path, gallery).settings == first
    with writing(gallery.path) as writer:
        new = np.eye(3, WIDTH, dtype=np.float16)
        writer.append(Batch.of(new, ["x", "y", "z"], ["x", "y", "z"]))
    grown = Gallery.load(gallery.path)
    index = open_index(path, grown)
    assert index.index.ntotal == COUNT + 3
    assert index.search(np.eye(3, WIDTH), 1).indices[:, 0].tolist() == [COUNT, COUNT + 1, COUNT + 2]
    assert trained == []
    # Another gallery, or another kind: made again.
    Gallery.of(rows[::-1], ["a"] * COUNT, dtype="float16").save(gallery.path)
    assert open_index(path, Gallery.load(gallery.path)).settings.num_rows == COUNT
    open_index(path, Gallery.load(gallery.path), kind="IVF4,SQ8")
    assert len(trained) == 2


@pytest.fixture
def trained(monkeypatch):
    """Grows by one with every index that is trained."""
    times = []
    train = index_module._trained
    monkeypatch.setattr(index_module, "_trained", lambda *words: times.append(1) or train(*words))
    return times


def found_by(path, gallery, rows):
    """Names of the nearest by the index and by exact search, for some rows."""
    index = open_index(path, gallery, kind="IVF8,Flat", least_recall=1.0)
    places = index.search(rows, 3).indices
    assert (places < len(gallery)).all()
    names = [[gallery.name(place) for place in row] for row in places.tolist()]
    return names, [list(row) for row in gallery.search(rows, 3).names]


def test_an_index_never_proposes_what_was_removed_since(gallery, rows, tmp_path, trained):
    path = tmp_path / "a.faiss"
    assert len(trained) == 0
    by_index, exact = found_by(path, gallery, rows[:20])
    assert by_index == exact
    assert by_index[3][0] == "3"
    remove(gallery.path, [str(n) for n in range(20)])
    edited = Gallery.load(gallery.path)
    by_index, exact = found_by(path, edited, rows[:20])
    assert by_index == exact
    assert not {name for row in by_index for name in row} & {str(n) for n in range(20)}
    assert len(trained) == 2
    compact(gallery.path)
    by_index, exact = found_by(path, Gallery.load(gallery.path), rows[:20])
    assert by_index == exact
    assert len(trained) == 3


def test_an_index_stays_when_names_and_labels_change(gallery, rows, tmp_path, trained):
    path = tmp_path / "a.faiss"
    found_by(path, gallery, rows[:20])
    rename(gallery.path, "3", "new")
    label(gallery.path, {"new": {"person": "ann"}})
    by_index, exact = found_by(path, Gallery.load(gallery.path), rows[:20])
    assert by_index == exact
    assert by_index[3][0] == "new"
    assert len(trained) == 1


def test_an_index_of_an_edited_gallery_is_brought_up_to_date(gallery, rows, tmp_path, trained):
    path = tmp_path / "a.faiss"
    remove(gallery.path, [str(n) for n in range(0, 600, 7)])
    found_by(path, Gallery.load(gallery.path), rows[:20])
    with writing(gallery.path) as writer:
        writer.append(Batch.of(np.eye(2, WIDTH, dtype=np.float16), ["x", "y"], ["x", "y"]))
    queries = np.concatenate([rows[:20], np.eye(2, WIDTH, dtype=np.float32)])
    by_index, exact = found_by(path, Gallery.load(gallery.path), queries)
    assert by_index == exact
    assert [row[0] for row in by_index[20:]] == ["x", "y"]
    assert len(trained) == 1
    # Removed from what came last: the index of before has none of it, but is one removal behind.
    remove(gallery.path, "y")
    by_index, exact = found_by(path, Gallery.load(gallery.path), queries)
    assert by_index == exact
    assert len(trained) == 2


def test_a_gallery_of_which_all_was_removed_has_no_index(gallery, tmp_path):
    remove(gallery.path, match="*")
    with pytest.raises(InvalidInputError, match="a gallery with pictures"):
        open_index(tmp_path / "a.faiss", Gallery.load(gallery.path))


def test_recall_is_measured_again_for_another_depth(gallery, tmp_path):
    path = tmp_path / "a.faiss"
    open_index(path, gallery, kind="IVF8,SQ8", depth=10)
    assert open_index(path, gallery, depth=3).settings.depth == 3
    assert json.loads((tmp_path / "a.faiss.json").read_text())["depth"] == 3


def test_re_ranking_is_done_among_what_it_finds(gallery, rows, tmp_path):
    index = open_index(tmp_path / "a.faiss", gallery, kind="IVF8,Flat", least_recall=1.0)
    settings = RerankSettings(5, 3)
    found = index.search_reranked(rows[:4], 5, settings, 20)
    expected = gallery.search(rows[:4], 5, rerank=settings, candidates=20)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_array_equal(found.distances, expected.distances)
    with pytest.raises(InvalidInputError, match="candidates is 3, expected at least depth, 5"):
        index.search_reranked(rows[:4], 5, settings, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "nonsense"}, "kind is 'nonsense', which FAISS does not take"),
        ({"kind": "IVF5000,SQ8"}, "kind is 'IVF5000,SQ8', which 1200 pictures cannot train"),
        ({"least_recall": 0.0}, "least_recall is 0.0"),
        ({"least_recall": 1.5}, "least_recall is 1.5"),
        ({"depth": 0}, "depth is 0"),
    ],
    ids=str,
)
def test_options_outside_their_range_are_refused(gallery, tmp_path, options, message):
    with pytest.raises(InvalidInputError, match=message):
        open_index(tmp_path / "a.faiss", gallery, **options)
    assert not (tmp_path / "a.faiss").exists()


def test_a_gallery_in_memory_has_no_index(rows, tmp_path):
    with pytest.raises(InvalidInputError, match="loaded from its file"):
        open_index(tmp_path / "a.faiss", Gallery.of(rows, ["a"] * COUNT))


def test_without_faiss_the_extra_is_named(gallery, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    with pytest.raises(RuntimeUnavailableError, match=r"pip install 'mgn-fast\[search\]'"):
        open_index(tmp_path / "a.faiss", gallery)
