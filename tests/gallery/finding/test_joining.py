# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast import Embedder, Gallery, InvalidInputError, ModelError
from mgn_fast.gallery import JoinedGallery, join_galleries
from support import galleries
from support.tiny_model import write_tiny_model


@pytest.fixture
def three(random, tmp_path):
    """Rows, and three galleries of them: one from a file, one empty, one in float16."""
    rows = random.standard_normal((30, 16)).astype(np.float16).astype(np.float32)
    names = [f"{number}.jpg" for number in range(30)]
    labels = {"3.jpg": {"person": "ann"}, "25.jpg": {"person": "bob", "camera": "2"}}

    def part(begin, end, **options):
        own = {name: labels[name] for name in names[begin:end] if name in labels}
        return Gallery.of(rows[begin:end], names[begin:end], own, **options)

    part(0, 12).save(tmp_path / "a.gallery")
    first = Gallery.load(tmp_path / "a.gallery")
    return rows, names, [first, part(12, 12), part(12, 30, dtype="float16")]


def test_joined_they_find_what_one_gallery_of_all_finds(three, random):
    rows, names, parts = three
    whole, joined = Gallery.of(rows, names), join_galleries(parts)
    assert isinstance(joined, JoinedGallery)
    assert len(joined) == 30
    queries = random.standard_normal((5, 16))
    for options in ({}, {"rerank": True}, {"rerank": True, "candidates": 9}, {"expand": 3}):
        expected, got = (gallery.search(queries, 7, **options) for gallery in (whole, joined))
        np.testing.assert_array_equal(got.indices, expected.indices)
        np.testing.assert_array_equal(got.distances, expected.distances)
        assert got.names == expected.names


def test_equal_distances_keep_the_order_given(random):
    row = random.standard_normal((1, 8))
    parts = [Gallery.of(row, [name]) for name in "abc"]
    assert join_galleries(parts).search(row, 3).names == (("a", "b", "c"),)
    assert join_galleries(parts[::-1]).search(row, 3).names == (("c", "b", "a"),)


def test_every_place_tells_where_it_is_from(three, tmp_path):
    rows, names, parts = three
    joined = join_galleries(parts)
    for place in range(30):
        gallery, own = joined.origin(place)
        assert gallery is parts[0 if place < 12 else 2]
        assert joined.name(place) == gallery.name(own) == names[place]
        assert joined.sha256(place) == gallery.sha256(own)
        assert joined.label(place) == gallery.label(own)
        assert joined.picture_path(place) == gallery.picture_path(own)
        np.testing.assert_array_equal(joined.embedding(place), rows[place])
    assert joined.label(25) == {"person": "bob", "camera": "2"}
    assert joined.files == (tmp_path / "a.gallery",)
    with pytest.raises(InvalidInputError, match="place is 30, expected 0 to 29"):
        joined.name(30)
    with pytest.raises(InvalidInputError, match="place is -1"):
        joined.origin(-1)


def test_a_picture_that_two_hold_is_found_in_both(random):
    row = random.standard_normal((1, 8))
    joined = join_galleries([Gallery.of(row, ["a"]), Gallery.of(row, ["b"])])
    assert joined.places_of({joined.sha256(0), "no such"}) == {joined.sha256(0): [0, 1]}


def test_one_gallery_is_itself_and_none_is_refused(three):
    assert join_galleries(three[2][:1]) is three[2][0]
    with pytest.raises(InvalidInputError, match="galleries is empty"):
        join_galleries([])


def test_joined_galleries_are_not_saved(three, tmp_path):
    with pytest.raises(InvalidInputError, match="`mgn-fast gallery merge` makes one gallery"):
        join_galleries(three[2]).save(tmp_path / "b.gallery")
    assert not (tmp_path / "b.gallery").exists()


def test_one_file_twice_is_refused(three, tmp_path):
    (tmp_path / "link.gallery").symlink_to(tmp_path / "a.gallery")
    again = Gallery.load(tmp_path / "link.gallery")
    with pytest.raises(InvalidInputError, match=r"a.gallery' is given twice"):
        join_galleries([three[2][0], again])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Galleries by the same model, by another, without the mirror, and of embeddings alone."""
    place = tmp_path_factory.mktemp("joined")
    galleries.write_pictures(place / "pictures", 3)
    models = {
        name: write_tiny_model(place / f"{name}.onnx", seed=seed)
        for seed, name in enumerate(("one", "other"))
    }
    for name, model, mirror in (
        ("a", "one", True),
        ("b", "one", True),
        ("other", "other", True),
        ("plain", "one", False),
    ):
        with Embedder(models[model], mirror=mirror) as embedder:
            Gallery.add(place / f"{name}.gallery", embedder, place / "pictures")
    Gallery.of(np.eye(2, 2048), ["x", "y"]).save(place / "rows.gallery")
    Gallery.of(np.eye(2, 5), ["x", "y"]).save(place / "narrow.gallery")
    return place


def load(place, *names):
    return [Gallery.load(place / f"{name}.gallery") for name in names]


def test_galleries_of_one_model_are_searched_by_pictures_too(made):
    joined = join_galleries(load(made, "a", "b"))
    with Embedder(made / "one.onnx") as embedder:
        found = joined.searched_with(embedder).search(made / "pictures" / "001.jpg", 2)
    assert found.indices.tolist() == [[1, 4]]
    assert joined.model_path.samefile(made / "one.onnx")
    assert joined.contract == Gallery.load(made / "a.gallery").contract


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("a", "other"), r"a.gallery' and .*other.gallery' have embeddings .* with cosine"),
        (("a", "plain"), "plain.gallery' have mirror True and False, expected the same"),
        (("a", "rows"), "the model is known of one only"),
        (("rows", "a"), "the model is known of one only"),
        (("rows", "narrow"), r"narrow.gallery' have width 2048 and 5"),
    ],
)
def test_galleries_of_several_models_are_refused_by_name(made, names, message):
    with pytest.raises(ModelError, match=message):
        join_galleries(load(made, *names))


@pytest.mark.parametrize("told", [None, False, True, "yes"])
def test_joined_they_are_simulated_where_one_is(three, told):
    three[2][1].description["simulated"] = told
    parts = [Gallery((), part.description, part.probe) for part in three[2]]
    assert join_galleries(parts).simulated is (told is True)
