# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast import DatasetError, DecodeError, Embedder, Gallery, InvalidInputError, ModelError
from mgn_fast.gallery import build
from mgn_fast.gallery.build import Added, GalleryBuilder, adding, named_pictures
from mgn_fast.gallery.model import description_of
from mgn_fast.gallery.pending import Memory
from mgn_fast.gallery.reader import read_gallery
from mgn_fast.pictures import pixels
from mgn_fast.pictures.sources import Listed
from mgn_fast.types import Box, Crop
from support import galleries
from support.tiny_model import write_tiny_model


@pytest.fixture
def embedder(tiny_model):
    with Embedder(tiny_model, batch_size=2) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    return galleries.write_pictures(tmp_path / "pictures", 7)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.gallery"


def add(path, embedder, pictures, dtype=None):
    with adding(path, embedder, pictures, dtype) as (builder, sources):
        seen = list(builder.added(sources))
    return builder.done, seen


def names(path):
    return [name for batch in read_gallery(path).batches for name in batch.names]


def test_pictures_are_added_in_order_with_their_embeddings(path, embedder, folder):
    done, seen = add(path, embedder, folder)
    assert done == Added(7, 0, ())
    assert seen == names(path) == [f"{n:03}.jpg" for n in range(7)]
    (batch,) = read_gallery(path).batches
    np.testing.assert_array_equal(batch.rows, embedder(folder))
    assert batch.folder == "pictures"


def test_float16_is_the_rounded_float32(path, embedder, folder):
    add(path, embedder, folder, "float16")
    (batch,) = read_gallery(path).batches
    np.testing.assert_array_equal(batch.rows, embedder(folder).astype(np.float16))


def watched(embedder, monkeypatch):
    """Paths of what the embedder is given from now on."""
    given = []
    stream = embedder.stream_named

    def watching(sources, *left_out):
        seen = (given.append(name) or (name, source) for name, source in sources)
        return stream(seen, *left_out)

    monkeypatch.setattr(embedder, "stream_named", watching)
    return given


def seen(path):
    """{name: row} of what the gallery shows."""
    gallery = Gallery.load(path)
    return {gallery.name(n): gallery.embedding(n) for n in range(len(gallery))}


def test_only_what_is_new_is_embedded_whatever_its_name(path, embedder, folder, monkeypatch):
    add(path, embedder, folder)
    galleries.write_pictures(folder, 2, seed=1, first=100)
    (folder / "second.jpg").write_bytes((folder / "003.jpg").read_bytes())
    given = watched(embedder, monkeypatch)
    done, embedded = add(path, embedder, folder)
    assert done == Added(3, 7, (), num_copied=1)
    assert embedded == ["100.jpg", "101.jpg"]
    assert given == ["#0", *(str(folder / name) for name in embedded)]  # the probe picture first
    found = seen(path)
    assert len(found) == 10
    np.testing.assert_array_equal(found["second.jpg"], found["003.jpg"])
    assert add(path, embedder, folder)[0] == Added(0, 10, ())


def test_of_two_equal_files_one_is_embedded_and_both_are_kept(path, embedder, folder, monkeypatch):
    for name in ("zzz.jpg", "zzy.jpg"):
        (folder / name).write_bytes((folder / "000.jpg").read_bytes())
    given = watched(embedder, monkeypatch)
    done, embedded = add(path, embedder, folder)
    assert done == Added(9, 0, (), num_copied=2)
    assert len(embedded) == len(given) - 1 == 7
    found = seen(path)
    np.testing.assert_array_equal(found["zzz.jpg"], found["000.jpg"])
    assert list(found)[7:] == ["zzy.jpg", "zzz.jpg"]


def test_a_picture_that_is_given_twice_is_there_once(path, embedder, folder):
    one = folder / "000.jpg"
    done, _ = add(path, embedder, [one, one, folder / ".." / "pictures" / "000.jpg"])
    assert done == Added(1, 2, ())
    assert add(path, embedder, folder)[0] == Added(6, 1, ())  # the same file by another name
    assert str(one) in seen(path)


def test_a_file_that_moved_is_found_again_by_its_bytes(path, embedder, folder, monkeypatch):
    add(path, embedder, folder)
    (folder / "deep").mkdir()
    (folder / "003.jpg").rename(folder / "deep" / "x.jpg")
    given = watched(embedder, monkeypatch)
    done, _ = add(path, embedder, folder)
    assert done == Added(0, 6, (), num_moved=1)
    assert given == ["#0"]
    gallery = Gallery.load(path)
    assert gallery.name(3) == "deep/x.jpg"
    assert gallery.picture_path(3).exists()
    assert len(gallery) == 7
    assert add(path, embedder, folder)[0] == Added(0, 7, ())


def test_of_two_new_names_of_a_file_that_is_gone_one_is_its_own(path, embedder, folder):
    add(path, embedder, folder)
    content = (folder / "003.jpg").read_bytes()
    (folder / "003.jpg").unlink()
    for name in ("x.jpg", "y.jpg"):
        (folder / name).write_bytes(content)
    assert add(path, embedder, folder)[0] == Added(1, 6, (), num_copied=1, num_moved=1)
    assert [*seen(path)][3::4] == ["x.jpg", "y.jpg"]


def test_a_directory_that_moved_is_found_again(path, embedder, folder):
    add(path, embedder, folder)
    moved = folder.rename(folder.parent / "elsewhere")
    assert add(path, embedder, moved)[0] == Added(0, 7, ())
    gallery = Gallery.load(path)
    assert all(gallery.picture_path(place).exists() for place in range(7))
    before = path.read_bytes()
    add(path, embedder, moved)
    assert path.read_bytes() == before


def test_labels_of_pictures_that_are_known_are_kept_too(path, embedder, folder):
    with adding(path, embedder, folder, None, {"001.jpg": {"person": 1, "x": 2}}) as (b, sources):
        list(b.added(sources))
    labels = {"001.jpg": {"x": None, "camera": 3}, "002.jpg": {"person": "ann"}, "none.jpg": {}}
    for _ in range(2):
        with adding(path, embedder, folder, None, labels) as (builder, sources):
            list(builder.added(sources))
        size = path.stat().st_size
    gallery = Gallery.load(path)
    assert gallery.label(1) == {"person": "1", "camera": "3"}
    assert gallery.label(2) == {"person": "ann"}
    add(path, embedder, folder)
    assert path.stat().st_size == size


@pytest.mark.parametrize("content", [b"", b"no picture"], ids=["empty", "other"])
def test_equal_files_that_are_no_pictures_are_skipped_each(path, tiny_model, folder, content):
    for name in ("001.jpg", "002.jpg", "zzz.jpg"):
        (folder / name).write_bytes(content)
    with Embedder(tiny_model, on_error="skip", batch_size=2) as embedder:
        for num_known in (0, 5):
            done, _ = add(path, embedder, folder)
            assert (done.num_known, len(done.skipped)) == (num_known, 3)
            assert {str(folder / n) for n in ("001.jpg", "002.jpg", "zzz.jpg")} == {
                name for name, _ in done.skipped
            }
    assert len(seen(path)) == 5


def test_a_picture_that_changed_is_added_and_the_old_one_kept(path, embedder, folder):
    add(path, embedder, folder)
    (folder / "003.jpg").write_bytes((folder / "004.jpg").read_bytes() + b"more")
    done, _ = add(path, embedder, folder)
    assert done.num_added == 1
    assert names(path).count("003.jpg") == 2


def test_pictures_that_cannot_be_decoded_are_skipped_and_listed(path, tiny_model, folder):
    (folder / "000.jpg").write_bytes(b"no picture")
    (folder / "004.jpg").write_bytes(b"nor this")
    (folder / "zzz.jpg").symlink_to("nowhere")
    with Embedder(tiny_model, on_error="skip", batch_size=2) as embedder:
        done, seen = add(path, embedder, folder)
    assert done.num_added == len(seen) == 5
    assert {name.rsplit("/", 1)[-1] for name, _ in done.skipped} == {
        "000.jpg",
        "004.jpg",
        "zzz.jpg",
    }
    with Embedder(tiny_model) as embedder:
        rows = np.concatenate([batch.rows for batch in read_gallery(path).batches])
        np.testing.assert_array_equal(rows, embedder([folder / name for name in seen]))


def test_what_was_embedded_before_a_failure_is_kept(path, embedder, folder):
    (folder / "006.jpg").write_bytes(b"no picture")
    with pytest.raises(DecodeError, match=r"pictures/006\.jpg is no readable picture"):
        add(path, embedder, folder)
    kept = names(path)
    assert 0 < len(kept) <= 6
    galleries.write_pictures(folder, 7)
    done, _ = add(path, embedder, folder)
    assert done == Added(7 - len(kept), len(kept), ())


def test_work_that_is_not_taken_to_its_end_is_kept(path, embedder, folder):
    with adding(path, embedder, folder, None) as (builder, sources):
        steps = builder.added(sources)
        assert next(steps) == "000.jpg"
        assert builder.num_held == 0
        steps.close()
        assert builder.num_held == 1
    assert names(path) == ["000.jpg"]


def test_batches_are_committed_by_number_and_by_time(path, embedder, folder, monkeypatch):
    monkeypatch.setattr(build, "COMMIT_ROWS", 3)
    add(path, embedder, folder)
    assert [len(batch.rows) for batch in read_gallery(path).batches] == [3, 3, 1]
    path.unlink()
    monkeypatch.setattr(build, "COMMIT_S", 0.0)
    add(path, embedder, folder)
    assert [len(batch.rows) for batch in read_gallery(path).batches] == [1] * 7


def test_a_builder_counts_what_it_has_seen(embedder, folder):
    builder = GalleryBuilder(Memory(), embedder, description_of(embedder, "float32"))
    _, sources = named_pictures(folder)
    counts = [builder.num_seen for _ in builder.added(sources)]
    assert counts == sorted(counts)
    assert builder.num_seen == builder.num_held == 7


@pytest.fixture
def crops(folder):
    """Three crops of each of two frames, and one that lies outside."""
    frames = [folder / "000.jpg", folder / "001.jpg"]
    boxes = [Box(x, 2, 20, 30) for x in (0, 5, 9)]
    inside = [Crop(frame, box) for frame in frames for box in boxes]
    return [*inside[:2], Crop(frames[0], Box(900, 0, 5, 5)), *inside[2:]]


def test_crops_are_pictures_of_their_own_and_each_frame_is_read_once(
    path, tiny_model, crops, monkeypatch
):
    read = []
    read_file = pixels.read_file

    def counting(path):
        read.append(path)
        return read_file(path)

    monkeypatch.setattr(pixels, "read_file", counting)
    with Embedder(tiny_model, on_error="skip", batch_size=2) as embedder:
        done, seen = add(path, embedder, crops)
        assert (done.num_added, done.num_known) == (6, 0)
        assert [name for name, _ in done.skipped] == [str(crops[2])]
        assert seen == names(path) == [str(crop) for crop in crops if crop is not crops[2]]
        assert len(read) == 2
        expected = embedder([crop for crop in crops if crop is not crops[2]])
        (batch,) = read_gallery(path).batches
        np.testing.assert_array_equal(batch.rows, expected)
        assert len(set(batch.sha256)) == 6
        assert add(path, embedder, crops)[0].num_known == 6


def test_a_crop_of_what_is_in_no_file_is_refused(path, embedder):
    with pytest.raises(InvalidInputError, match=r"frame of #1,2,3,4 is a bytes, expected a path"):
        add(path, embedder, [Crop(b"...", Box(1, 2, 3, 4))])


def test_listed_pictures_keep_their_names_and_folder(path, embedder, folder):
    given = Listed(folder, [("ann", folder / "000.jpg"), ("bob", folder / "001.jpg")])
    add(path, embedder, given)
    assert names(path) == ["ann", "bob"]
    assert read_gallery(path).batches[0].folder == "pictures"


def test_another_dtype_than_the_gallerys_is_refused(path, embedder, folder):
    add(path, embedder, folder, "float16")
    with pytest.raises(InvalidInputError, match=r"dtype is 'float32', but .* holds float16"):
        add(path, embedder, folder, "float32")
    assert add(path, embedder, folder, "float16")[0].num_known == 7
    assert add(path, embedder, folder)[0].num_known == 7


def test_another_model_is_refused_and_nothing_added(path, embedder, folder, tmp_path):
    add(path, embedder, folder)
    before = path.read_bytes()
    galleries.write_pictures(folder, 2, seed=1, first=100)
    model = write_tiny_model(tmp_path / "other.onnx", seed=1)
    with Embedder(model) as other, pytest.raises(ModelError, match="cosine"):
        add(path, other, folder)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["a.npy", "a"])
def test_another_ending_is_refused(tmp_path, embedder, folder, name):
    with pytest.raises(InvalidInputError, match=r"expected '\.gallery'"):
        add(tmp_path / name, embedder, folder)


def test_another_file_of_that_name_is_kept(path, embedder, folder):
    path.write_text("mine")
    with pytest.raises(DatasetError, match="is no gallery"):
        add(path, embedder, folder)
    assert path.read_text() == "mine"


def test_names_are_relative_to_a_directory_and_as_given_otherwise(folder, monkeypatch):
    root, pictures = named_pictures(folder)
    assert root == str(folder)
    assert pictures[3] == ("003.jpg", folder / "003.jpg")
    monkeypatch.chdir(folder.parent)
    root, pictures = named_pictures(["pictures/003.jpg"])
    assert root == str(folder.parent)
    assert [name for name, _ in pictures] == ["pictures/003.jpg"]
    assert named_pictures("pictures/003.jpg")[1] == pictures
