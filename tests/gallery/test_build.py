# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast import DatasetError, DecodeError, Embedder, InvalidInputError, ModelError
from mgn_fast.gallery import build
from mgn_fast.gallery.build import Added, GalleryBuilder, adding, named_pictures
from mgn_fast.gallery.reader import read_gallery
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


def test_only_what_is_new_is_embedded_whatever_its_name(path, embedder, folder, monkeypatch):
    add(path, embedder, folder)
    galleries.write_pictures(folder, 2, seed=1, first=100)
    (folder / "renamed.jpg").write_bytes((folder / "003.jpg").read_bytes())
    embedded = []
    stream = embedder.stream_named

    def watching(sources, *left_out):
        seen = (embedded.append(name) or (name, source) for name, source in sources)
        return stream(seen, *left_out)

    monkeypatch.setattr(embedder, "stream_named", watching)
    done, seen = add(path, embedder, folder)
    assert done == Added(2, 8, ())
    assert seen == ["100.jpg", "101.jpg"]
    probe, *pictures = embedded
    assert probe == "#0"
    assert pictures == [str(folder / name) for name in seen]
    assert len(names(path)) == 9


def test_a_picture_that_changed_is_added_and_the_old_one_kept(path, embedder, folder):
    add(path, embedder, folder)
    (folder / "003.jpg").write_bytes((folder / "004.jpg").read_bytes() + b"more")
    done, _ = add(path, embedder, folder)
    assert done.num_added == 1
    assert names(path).count("003.jpg") == 2


def test_of_two_equal_files_the_first_is_kept(path, embedder, folder):
    (folder / "zzz.jpg").write_bytes((folder / "000.jpg").read_bytes())
    done, seen = add(path, embedder, folder)
    assert done == Added(7, 1, ())
    assert "zzz.jpg" not in seen


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
    batches = []
    builder = GalleryBuilder(batches, embedder, "float32", set())
    _, sources = named_pictures(folder)
    counts = [builder.num_seen for _ in builder.added(sources)]
    assert counts == sorted(counts)
    assert builder.num_seen == builder.num_held == 7


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
