# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast import DatasetError, Embedder, Gallery, InvalidInputError, ModelError
from mgn_fast.gallery.editing.changes import remove
from mgn_fast.gallery.editing.merging import merge
from support import galleries
from support.tiny_model import write_tiny_model


def write(path, names, labels=None, *, first=0, dtype="float32", width=4):
    rows = np.arange(first, first + len(names))[:, None] + np.arange(width) / 8
    return Gallery.of(rows, list(names), labels, dtype=dtype).save(path)


@pytest.fixture
def first(tmp_path):
    return write(tmp_path / "first.gallery", "abc", {"a": {"person": "ann"}})


def rows_of(path):
    return np.concatenate(Gallery.load(path).segments)[:, 0].tolist()


def test_pictures_of_all_come_one_after_another(first, tmp_path):
    second = write(tmp_path / "second.gallery", "de", {"e": {"x": 1}}, first=3)
    third = write(tmp_path / "third.gallery", "f", first=5)
    output = tmp_path / "all.gallery"
    assert merge([first, second, third], output) == 6
    assert galleries.names_of(output) == list("abcdef")
    assert rows_of(output) == [0, 1, 2, 3, 4, 5]
    found = Gallery.load(output)
    assert [found.label(place) for place in (0, 4)] == [{"person": "ann"}, {"x": 1}]
    assert [found.sha256(n) for n in range(3)] == [Gallery.load(first).sha256(n) for n in range(3)]


def test_a_picture_that_several_have_is_there_once_with_the_labels_of_all(first, tmp_path):
    labels = {"b": {"camera": 2}, "c": {"x": 1}}
    second = write(tmp_path / "second.gallery", "bcd", labels, first=1)
    assert merge([first, second], tmp_path / "all.gallery") == 4
    assert galleries.names_of(tmp_path / "all.gallery") == list("abcd")
    found = Gallery.load(tmp_path / "all.gallery")
    assert [found.label(n) for n in range(4)] == [{"person": "ann"}, {"camera": "2"}, {"x": 1}, {}]


def test_removed_pictures_are_left_out(first, tmp_path):
    remove(first, "b")
    second = write(tmp_path / "second.gallery", "bd", first=7)
    assert merge([first, second], tmp_path / "all.gallery") == 4
    assert galleries.names_of(tmp_path / "all.gallery") == list("acbd")
    assert rows_of(tmp_path / "all.gallery") == [0, 2, 7, 8]


def test_one_name_of_other_bytes_is_refused_by_name_or_has_a_prefix(first, tmp_path):
    second = write(tmp_path / "second.gallery", "abx", first=7)
    output = tmp_path / "all.gallery"
    with pytest.raises(InvalidInputError, match=r"'a' has other bytes in .*second\.gallery'; 'b'"):
        merge([first, second], output)
    assert not output.exists()
    assert merge([first, second], output, prefix=True) == 6
    assert galleries.names_of(output) == [
        *(f"first/{n}" for n in "abc"),
        *(f"second/{n}" for n in "abx"),
    ]


def test_labels_that_say_different_things_of_a_picture_are_refused(first, tmp_path):
    second = write(tmp_path / "second.gallery", "a", {"a": {"person": "bob"}})
    with pytest.raises(InvalidInputError, match=r'has person "bob" in .*, and "ann" before'):
        merge([first, second], tmp_path / "all.gallery")


def test_pictures_of_one_name_in_one_gallery_stay_both(first, tmp_path):
    second = write(tmp_path / "second.gallery", "xx", first=7)
    assert merge([first, second], tmp_path / "all.gallery") == 5
    assert merge([second, first], tmp_path / "all.gallery") == 5


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ({"width": 5}, "have width 4 and 5, expected the same"),
        ({"dtype": "float16"}, "have dtype 'float32' and 'float16', expected the same"),
    ],
)
def test_other_embeddings_are_refused(first, tmp_path, kinds, message):
    second = write(tmp_path / "second.gallery", "d", **kinds)
    with pytest.raises(ModelError, match=message):
        merge([first, second], tmp_path / "all.gallery")


def test_embeddings_of_other_models_are_refused(tiny_model, tmp_path):
    folder = galleries.write_pictures(tmp_path / "pictures", 2)
    other = write_tiny_model(tmp_path / "other.onnx", seed=1)
    for name, model in (("a", tiny_model), ("b", other)):
        with Embedder(model) as embedder:
            Gallery.add(tmp_path / f"{name}.gallery", embedder, folder)
    with pytest.raises(ModelError, match="galleries of one model"):
        merge([tmp_path / "a.gallery", tmp_path / "b.gallery"], tmp_path / "all.gallery")
    unknown = write(tmp_path / "c.gallery", "c", width=Gallery.load(tmp_path / "a.gallery").width)
    with pytest.raises(ModelError, match="the model is known of one only"):
        merge([tmp_path / "a.gallery", unknown], tmp_path / "all.gallery")


def test_files_and_model_are_found_again_and_it_is_added_to(tiny_model, tmp_path):
    paths = []
    with Embedder(tiny_model) as embedder:
        for number in range(2):
            folder = galleries.write_pictures(
                tmp_path / f"p{number}", 2, first=2 * number, seed=number
            )
            paths.append(tmp_path / f"{number}.gallery")
            Gallery.add(paths[-1], embedder, folder)
        (tmp_path / "deep").mkdir()
        output = tmp_path / "deep" / "all.gallery"
        merge(paths, output)
        found = Gallery.load(output)
        assert all(found.picture_path(place).exists() for place in range(4))
        assert found.model_path.resolve() == embedder.session.model_path.resolve()
        done = Gallery.add(output, embedder, tmp_path / "p1")
        assert (done.num_added, done.num_known) == (0, 2)


@pytest.mark.parametrize(
    ("names", "output", "message"),
    [
        (["first"], "all.gallery", "1 galleries are given, expected at least two"),
        (["first", "first"], "all.gallery", "a gallery is given twice"),
        (["first", "other"], "first.gallery", "is one of the galleries to merge"),
        (["first", "first"], "all.npy", r"expected '\.gallery'"),
    ],
)
def test_what_cannot_be_merged_is_refused(first, tmp_path, names, output, message):
    write(tmp_path / "other.gallery", "d")
    with pytest.raises(InvalidInputError, match=message):
        merge([tmp_path / f"{name}.gallery" for name in names], tmp_path / output)


def test_two_prefixes_that_would_be_one_are_refused(first, tmp_path):
    (tmp_path / "deep").mkdir()
    second = write(tmp_path / "deep" / "first.gallery", "d")
    with pytest.raises(InvalidInputError, match="the prefix of both"):
        merge([first, second], tmp_path / "all.gallery", prefix=True)


def test_an_older_gallery_stays_where_merging_fails(first, tmp_path):
    output = write(tmp_path / "all.gallery", "xyz")
    content = output.read_bytes()
    (tmp_path / "bad.gallery").write_text("mine")
    with pytest.raises(DatasetError, match="is no gallery"):
        merge([first, tmp_path / "bad.gallery"], output)
    assert output.read_bytes() == content


@pytest.mark.parametrize("simulated", [False, True])
def test_merged_they_are_simulated_where_one_is(first, tmp_path, simulated):
    second = Gallery.of(np.ones((1, 4)), ["z"])
    second.description["simulated"] = simulated
    merge([first, second.save(tmp_path / "second.gallery")], tmp_path / "all.gallery")
    assert Gallery.load(tmp_path / "all.gallery").simulated is simulated
