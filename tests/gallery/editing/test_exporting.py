# SPDX-License-Identifier: Apache-2.0
import csv
import sys

import numpy as np
import pytest

from mgn_fast import Gallery, InvalidInputError, RuntimeUnavailableError
from mgn_fast.gallery.editing.changes import remove
from mgn_fast.gallery.editing.exporting import columns, export
from mgn_fast.gallery.file import Batch
from mgn_fast.gallery.model import described
from mgn_fast.gallery.stored import Stored
from support.late import late

parquet = late("pyarrow.parquet")
faiss = late("faiss")

NO_UTF_8 = b"\xff.jpg".decode("utf-8", "surrogateescape")
LABELS = {
    "a.jpg": {"person": "ann", "camera": 3, "seen": [1, "x"], "name": "other"},
    "c,\n.jpg": {"person": "b \u00e9", "note": 'a, "b"'},
}


@pytest.fixture(params=["float32", "float16"])
def gallery(request, tmp_path):
    """Four pictures, of which the third is removed."""
    rows = np.arange(16).reshape(4, 4) / 8
    names = ["a.jpg", "b.jpg", "gone.jpg", "c,\n.jpg"]
    path = Gallery.of(rows, names, LABELS, dtype=request.param).save(tmp_path / "a.gallery")
    remove(path, "gone.jpg")
    return Gallery.load(path)


ROWS = np.arange(16).reshape(4, 4)[[0, 1, 3]] / 8


def read_csv(path):
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file))


def test_rows_and_a_line_for_each_are_written(gallery, tmp_path):
    files = export(gallery, tmp_path / "out.npy")
    assert files == [tmp_path / "out.csv", tmp_path / "out.npy"]
    rows = np.load(tmp_path / "out.npy")
    assert rows.dtype == gallery.dtype
    np.testing.assert_array_equal(rows, ROWS)
    first, second, third = read_csv(tmp_path / "out.csv")
    assert list(first) == ["name", "person", "camera", "sha256", "seen", "label.name", "note"]
    assert list(first.values()) == ["a.jpg", "ann", "3", gallery.sha256(0), '[1, "x"]', "other", ""]
    assert list(second.values()) == ["b.jpg", "", "", gallery.sha256(1), "", "", ""]
    assert (third["name"], third["person"], third["note"]) == ("c,\n.jpg", "b \u00e9", 'a, "b"')


def test_parquet_has_the_same_in_one_file(gallery, tmp_path):
    assert export(gallery, tmp_path / "out.parquet") == [tmp_path / "out.parquet"]
    table = parquet.read_table(tmp_path / "out.parquet")
    kind = {"float32": "float", "float16": "halffloat"}[gallery.dtype.name]
    assert str(table.schema.field("embedding").type).startswith(f"fixed_size_list<element: {kind}")
    found = table.to_pydict()
    np.testing.assert_array_equal(found.pop("embedding"), ROWS)
    assert found == columns(gallery)


def test_an_index_has_the_rows_at_their_places(gallery, tmp_path, faiss_index):
    export(gallery, tmp_path / "out.faiss")
    index = faiss.read_index(str(tmp_path / "out.faiss"))
    np.testing.assert_array_equal(index.reconstruct_n(0, index.ntotal), ROWS.astype(np.float32))
    assert [line["name"] for line in read_csv(tmp_path / "out.csv")] == [
        "a.jpg",
        "b.jpg",
        "c,\n.jpg",
    ]


@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".faiss"])
def test_an_empty_gallery_is_exported_too(tmp_path, suffix, faiss_index):
    files = export(Gallery.of(np.empty((0, 4)), []), tmp_path / f"out{suffix}")
    assert all(file.is_file() for file in files)


def named(name):
    batch = Batch.of(np.ones((1, 4), np.float32), [name], ["0" * 64])
    return Stored([batch], described("float32", 4), None)


def test_names_that_are_no_utf_8_keep_their_bytes_or_are_refused(tmp_path):
    export(named(NO_UTF_8), tmp_path / "out.npy")
    assert read_csv(tmp_path / "out.csv")[0]["name"] == NO_UTF_8
    with pytest.raises(InvalidInputError, match="is no UTF-8, which Parquet cannot hold"):
        export(named(NO_UTF_8), tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".faiss"])
def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch, suffix, faiss_index):
    from mgn_fast.gallery.editing import exporting

    def failing(gallery):
        yield np.ones((1, 4), np.float32)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting, "_blocks", failing)
    for name in (f"out{suffix}", "out.csv"):
        (tmp_path / name).write_text("before")
    with pytest.raises(InvalidInputError, match="No space left on device"):
        export(named("a"), tmp_path / f"out{suffix}")
    assert {path.read_text() for path in tmp_path.iterdir()} == {"before"}


def test_rows_that_another_description_belongs_to_are_kept(tmp_path):
    (tmp_path / "out.json").write_text("{}")
    with pytest.raises(InvalidInputError, match=r"out\.json' describes what was in"):
        export(named("a"), tmp_path / "out.npy")


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match=r"expected '\.npy' or '\.parquet' or '\.faiss'"):
        export(named("a"), tmp_path / "out.txt")


@pytest.mark.parametrize(
    ("suffix", "module", "extra"),
    [(".parquet", "pyarrow", "tables"), (".faiss", "faiss", "search")],
)
def test_an_extra_that_is_missing_is_named(tmp_path, monkeypatch, suffix, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RuntimeUnavailableError, match=rf"mgn-fast\[{extra}\]"):
        export(named("a"), tmp_path / f"out{suffix}")
    assert list(tmp_path.iterdir()) == []
