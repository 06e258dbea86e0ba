# SPDX-License-Identifier: Apache-2.0
import os

import numpy as np
import pytest

from mgn_fast import DatasetError, DecodeError, Embedder, Gallery, InvalidInputError, ModelError
from mgn_fast.evaluation.reranking import RerankSettings
from mgn_fast.gallery import expand_queries
from support import galleries
from support.tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def embedder(tiny_model):
    with Embedder(tiny_model) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    return galleries.write_pictures(tmp_path / "pictures", 9)


@pytest.fixture
def built(embedder, folder):
    return Gallery.build(embedder, folder)


def test_a_built_gallery_holds_what_the_embedder_makes(built, embedder, folder):
    assert len(built) == 9
    np.testing.assert_array_equal(np.concatenate(built.segments), embedder(folder))
    assert [built.name(place) for place in range(9)] == [f"{n:03}.jpg" for n in range(9)]
    assert built.picture_path(3) == folder / "003.jpg"
    assert built.path is None


def test_a_picture_finds_itself_first(built, folder):
    found = built.search(folder / "004.jpg", depth=3)
    assert found.names[0][0] == "004.jpg"
    assert found.indices[0, 0] == 4
    assert found.distances[0, 0] == 0
    assert (np.diff(found.distances[0]) >= 0).all()


def test_pictures_and_their_embeddings_find_the_same(built, embedder, folder):
    by_pictures = built.search(folder, depth=20)
    by_embeddings = built.search(embedder(folder), depth=20)
    assert by_pictures.names == by_embeddings.names
    assert by_pictures.indices.shape == (9, 9)
    one = built.search(embedder(folder)[2], depth=20)
    np.testing.assert_array_equal(one.indices[0], by_embeddings.indices[2])


def test_re_ranking_is_done_on_request(built, embedder, folder):
    rows = embedder(folder)
    plain = built.search(rows, 5)
    again = built.search(rows, 5, rerank=RerankSettings(4, 2))
    assert not np.array_equal(plain.distances, again.distances)
    among = built.search(rows, 5, rerank=True, candidates=7)
    assert among.indices.shape == (9, 5)


def test_saved_and_loaded_it_finds_the_same(built, embedder, folder, tmp_path):
    path = built.save(tmp_path / "a.gallery")
    loaded = Gallery.load(path, embedder=embedder)
    assert loaded.search(folder, 4).names == built.search(folder, 4).names
    assert loaded.model == "tiny.onnx"
    assert loaded.model_path.resolve() == embedder.session.model_path.resolve()
    assert loaded.checkpoints[-1][0] == 9


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_embeddings_of_any_width_make_a_gallery(random, tmp_path, dtype):
    rows = random.standard_normal((40, 7))
    gallery = Gallery.of(rows, [f"person {n}" for n in range(40)], dtype=dtype)
    found = Gallery.load(gallery.save(tmp_path / "a.gallery")).search(rows[:3], 1)
    assert found.names == (("person 0",), ("person 1",), ("person 2",))


def test_labels_come_with_the_names_and_are_kept_in_the_file(tmp_path):
    labels = {"b": {"person": 7, "camera": "door", "seen": [1, None]}, "c": {"person": None}}
    gallery = Gallery.of(np.eye(3), list("abc"), labels)
    loaded = Gallery.load(gallery.save(tmp_path / "a.gallery"))
    for found in (gallery, loaded):
        assert found.label(0) == found.label(2) == {}
        assert found.label(1) == {"person": "7", "camera": "door", "seen": [1, None]}


def test_labels_of_a_name_that_is_not_there_are_refused():
    with pytest.raises(InvalidInputError, match="labels are given of 'x', which is none of the 1"):
        Gallery.of(np.eye(1), ["a"], {"x": {}})


def test_pictures_are_added_with_labels_by_name_or_by_path(embedder, folder, tmp_path):
    path = tmp_path / "a.gallery"
    labels = {"001.jpg": {"person": "ann"}, str(folder / "002.jpg"): {"camera": 4}}
    Gallery.add(path, embedder, folder, labels=labels | {"elsewhere.jpg": {"person": "bob"}})
    gallery = Gallery.load(path)
    assert [gallery.label(place) for place in range(4)] == [
        {},
        {"person": "ann"},
        {"camera": "4"},
        {},
    ]


def test_files_are_found_again_when_gallery_and_pictures_move_together(built, tmp_path):
    (tmp_path / "deep").mkdir()
    built.save(tmp_path / "deep" / "a.gallery")
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("deep", "pictures"):
        (tmp_path / name).rename(moved / name)
    gallery = Gallery.load(moved / "deep" / "a.gallery")
    assert gallery.picture_path(3).resolve() == moved / "pictures" / "003.jpg"
    gallery.save(moved / "b.gallery")
    assert Gallery.load(moved / "b.gallery").picture_path(3).exists()


def test_adding_makes_a_gallery_and_then_adds_what_is_new(embedder, folder, tmp_path):
    path = tmp_path / "a.gallery"
    assert Gallery.add(path, embedder, folder, dtype="float16").num_added == 9
    before = Gallery.load(path)
    galleries.write_pictures(folder, 3, seed=1, first=50)
    done = Gallery.add(path, embedder, folder)
    assert (done.num_added, done.num_known) == (3, 9)
    after = Gallery.load(path, embedder=embedder)
    assert (len(before), len(after)) == (9, 12)
    assert after.search(folder / "051.jpg", 1).names == (("051.jpg",),)
    assert after.checkpoints[: len(before.checkpoints)] == before.checkpoints


def test_a_picture_with_two_names_is_found_under_both(embedder, folder, tmp_path):
    (folder / "second.jpg").write_bytes((folder / "004.jpg").read_bytes())
    Gallery.add(tmp_path / "a.gallery", embedder, folder)
    for gallery in (Gallery.build(embedder, folder), Gallery.load(tmp_path / "a.gallery")):
        found = gallery.search(embedder([folder / "004.jpg"]), 2)
        assert found.names == (("004.jpg", "second.jpg"),)
        assert found.distances[0].tolist() == [0, 0]
        assert len(gallery) == 10


def test_a_gallery_says_how_much_it_is_of_which_model(built, tmp_path):
    width = built.width
    assert repr(built) == f"<Gallery: 9 pictures, float32 {width} wide, of 'tiny.onnx'>"
    path = built.save(tmp_path / "a.gallery")
    assert repr(Gallery.load(path)).startswith(f"<Gallery in {str(path)!r}: 9 pictures, ")


def test_a_gallery_that_is_searched_stays_what_it_is(built, tmp_path):
    path = built.save(tmp_path / "a.gallery")
    rows = Gallery.load(path).segments[0]
    with pytest.raises(ValueError, match="read-only"):
        rows[0] = 0


def test_another_model_is_refused(built, tmp_path):
    path = built.save(tmp_path / "a.gallery")
    model = write_tiny_model(tmp_path / "other.onnx", seed=1)
    with Embedder(model) as other, pytest.raises(ModelError, match=r"gallery .*a\.gallery"):
        Gallery.load(path, embedder=other)


def test_pictures_need_an_embedder(built, folder, tmp_path):
    gallery = Gallery.load(built.save(tmp_path / "a.gallery"))
    with pytest.raises(InvalidInputError, match="load the gallery with embedder="):
        gallery.search(folder / "000.jpg")


def test_an_empty_gallery_finds_nothing_to_search():
    with pytest.raises(InvalidInputError, match="holds no pictures"):
        Gallery.of(np.empty((0, 4)), []).search(np.ones((1, 4)))


@pytest.mark.parametrize(
    ("rows", "names", "message"),
    [
        (np.ones((2, 4)), ["a"], r"float64 \(2, 4\) with 1 names"),
        (np.ones(4), ["a"] * 4, "expected floating point in two dimensions"),
        (np.ones((1, 4), int), ["a"], "embeddings is int64"),
        (np.full((1, 4), np.inf), ["a"], "not finite in float16"),
        (np.full((1, 4), 1e6), ["a"], "not finite in float16"),
    ],
)
def test_other_embeddings_are_refused(rows, names, message):
    with pytest.raises(InvalidInputError, match=message):
        Gallery.of(rows, names, dtype="float16")


def test_options_that_do_not_fit_are_refused(built, embedder, folder):
    with pytest.raises(InvalidInputError, match="which only re-ranking takes"):
        built.search(embedder(folder), candidates=5)
    with pytest.raises(InvalidInputError, match="depth is 0"):
        built.search(embedder(folder), 0)
    with pytest.raises(DecodeError, match="cannot be read"):
        built.search(folder / "missing.jpg")
    with pytest.raises(InvalidInputError, match=r"expected '\.gallery'"):
        built.save(folder / "a.npy")


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_file_that_somebody_wrote_over_is_not_searched(tmp_path, monkeypatch, when):
    """Its rows would be another gallery's, under the names of the one that was loaded."""
    path = Gallery.of(np.eye(4), list("abcd")).save(tmp_path / "a.gallery")
    other = Gallery.of(np.eye(4)[::-1], list("dcba")).save(tmp_path / "b.gallery")
    gallery = Gallery.load(path)
    assert gallery.search(np.eye(4)[0], 1).names == (("a",),)
    if when == "before":
        path.write_bytes(other.read_bytes())
    else:
        name = gallery.name
        monkeypatch.setattr(
            gallery, "name", lambda n: path.write_bytes(other.read_bytes()) and name(n)
        )
    with pytest.raises(DatasetError, match="was overwritten since it was loaded"):
        gallery.search(np.eye(4)[0], 1)


def test_a_damaged_file_is_refused_by_name(built, tmp_path):
    path = built.save(tmp_path / "a.gallery")
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(DatasetError, match=r"a\.gallery' is cut short"):
        Gallery.load(path)


def test_a_search_leaves_out_ends_at_a_threshold_and_expands(random):
    rows = random.standard_normal((40, 8))
    gallery = Gallery.of(rows, [str(number) for number in range(40)])
    whole = gallery.search(rows[:2], 40)
    assert whole.indices[:, 0].tolist() == [0, 1]
    limit = float(whole.distances[0, 4])
    found = gallery.search(rows[:2], 10, left_out=[[0], [1]], threshold=limit)
    near = [(row <= np.float32(limit)).sum() - 1 for row in whole.distances]
    assert [len(names) for names in found.names] == near
    for row, count in enumerate(near):
        expected = whole.indices[row, 1 : count + 1].tolist() + [-1] * (10 - count)
        assert found.indices[row].tolist() == expected
        assert np.isinf(found.distances[row, count:]).all()
        assert found.names[row] == tuple(map(str, expected[:count]))
    expanded = gallery.search(rows[:1], 5, expand=4)
    mean = expand_queries(rows[:1], [rows[whole.indices[0, :4]]])
    assert expanded.names == gallery.search(mean, 5).names
