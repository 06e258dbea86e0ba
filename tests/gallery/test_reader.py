# SPDX-License-Identifier: Apache-2.0
import hashlib
import os
import re
import threading

import numpy as np
import pytest

from mgn_fast import DatasetError
from mgn_fast.gallery import reader
from mgn_fast.gallery.edits import Edit
from mgn_fast.gallery.file import COMMIT_BYTES
from mgn_fast.gallery.reader import read_gallery
from mgn_fast.gallery.writer import writing
from support import galleries


@pytest.fixture
def path(tmp_path):
    return galleries.write_small(tmp_path / "a.gallery")


@pytest.fixture
def no_patience(monkeypatch):
    """A record that does not fit is damage at once, not perhaps a writer's."""
    monkeypatch.setattr(reader, "_TORN_S", 0.0)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("counts", [(), (1,), (3, 2), (1, 0, 5)])
@pytest.mark.parametrize("width", [1, 5, 2048])
def test_what_was_appended_is_read_back(tmp_path, counts, width, dtype):
    path = galleries.write_small(tmp_path / "a.gallery", counts, width=width, dtype=dtype)
    found = read_gallery(path)
    assert [len(batch.rows) for batch in found.batches] == list(counts)
    first = 0
    for got, count in zip(found.batches, counts, strict=True):
        expected = galleries.batch(first, count, width=width, dtype=dtype)
        np.testing.assert_array_equal(got.rows, expected.rows)
        assert got.rows.dtype == dtype
        assert got.names == expected.names
        assert got.rows.ctypes.data % 64 == 0
        first += count
    assert found.commit.num_rows == sum(counts)
    assert [rows for rows, _ in found.checkpoints] == np.cumsum(counts).tolist()


def test_rows_are_mapped_and_cannot_be_written(path):
    rows = read_gallery(path).batches[0].rows
    assert not rows.flags.writeable
    assert not rows.flags.owndata


def test_numpy_alone_reads_the_file(path):
    with path.open("rb") as file:
        arrays = [np.load(file) for _ in range(9)]
        assert file.read() == b""
    assert [array.shape for array in arrays[4::3]] == [(3, 4), (2, 4)]
    np.testing.assert_array_equal(arrays[4], galleries.batch(0, 3).rows)


# All bytes and lengths were tried; a stride that no array's size shares keeps the tests quick.
STRIDE = 7


@pytest.fixture(params=["plain", "edited"])
def any_gallery(request, tmp_path):
    write = {"plain": galleries.write_small, "edited": galleries.write_edited}[request.param]
    return write(tmp_path / "a.gallery")


def test_every_byte_that_changes_is_noticed(any_gallery, no_patience):
    path = any_gallery
    content = path.read_bytes()
    for place in range(0, len(content), STRIDE):
        changed = bytearray(content)
        changed[place] ^= 0x10
        path.write_bytes(changed)
        with pytest.raises(DatasetError, match=re.escape(str(path))):
            read_gallery(path)
    path.write_bytes(content)
    read_gallery(path)


def test_every_length_that_is_too_short_is_noticed(any_gallery, no_patience):
    path = any_gallery
    content = path.read_bytes()
    for length in range(0, len(content), STRIDE):
        path.write_bytes(content[:length])
        with pytest.raises(DatasetError, match=r"is cut short|is no gallery|is damaged"):
            read_gallery(path)


def test_without_a_look_at_every_byte_a_short_file_is_noticed_all_the_same(path):
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(DatasetError, match="is cut short"):
        read_gallery(path, verify=False)


def test_the_damaged_batch_is_named_by_its_bytes_and_pictures(path):
    content = bytearray(path.read_bytes())
    content[-200] ^= 1  # in the second batch's rows: its check takes the last 192 bytes
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"bytes \d+ to \d+, pictures 3 to 4, are not what was"):
        read_gallery(path)


def test_an_older_record_in_the_place_of_the_newer_one_loses_nothing_silently(path, no_patience):
    """As if the last commit had not reached the disk but a later one had: refused, not cut."""
    content = bytearray(path.read_bytes())
    place = read_gallery(path).commits_at
    records = [bytes(content[place + k * COMMIT_BYTES :][:COMMIT_BYTES]) for k in (0, 1)]
    content[place : place + 2 * COMMIT_BYTES] = records[1] * 2
    path.write_bytes(content)
    assert read_gallery(path).commit.num_rows == 3  # a whole older state
    with writing(path) as writer:
        writer.append(galleries.batch(3, 2))
    assert path.read_bytes()[place + 2 * COMMIT_BYTES :] == content[place + 2 * COMMIT_BYTES :]


def test_what_lies_behind_the_committed_bytes_is_no_part(path):
    with path.open("ab") as file:
        file.write(b"half a batch")
    assert read_gallery(path).commit.num_rows == 5


def test_a_record_that_is_being_written_is_waited_for(path):
    place = read_gallery(path).commits_at
    content = path.read_bytes()

    def repair():
        with path.open("r+b") as file:
            os.pwrite(file.fileno(), content[place : place + 8], place)

    with path.open("r+b") as file:
        os.pwrite(file.fileno(), b"zzzzzzzz", place)
    timer = threading.Timer(0.1, repair)
    timer.start()
    assert read_gallery(path).commit.num_rows == 5
    timer.join()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "cannot be read: No such file"),
        (lambda path: path.mkdir(), "cannot be read"),
        (os.mkfifo, "no regular file"),
        (lambda path: path.write_bytes(b""), "is no gallery"),
        (lambda path: path.write_bytes(b"PK\x03\x04" + bytes(1000)), "is no gallery"),
        (lambda path: np.save(path.open("wb"), np.zeros((3, 4))), "is no gallery"),
        (lambda path: np.save(path.open("wb"), np.zeros(300, np.uint8)), "is no gallery"),
    ],
    ids=["missing", "directory", "pipe", "empty", "zip", "another array", "zeros"],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_other_files_are_refused_by_name(tmp_path, make, message):
    path = tmp_path / "x.gallery"
    make(path)
    with pytest.raises(DatasetError, match=message) as error:
        read_gallery(path)
    assert str(path) in str(error.value)


def test_a_reader_keeps_what_it_saw_while_a_writer_adds(path):
    before = read_gallery(path)
    with writing(path) as writer:
        writer.append(galleries.batch(5, 4))
        assert read_gallery(path).commit.num_rows == 9
    assert before.commit.num_rows == 5
    np.testing.assert_array_equal(before.batches[1].rows, galleries.batch(3, 2).rows)


def test_edits_are_read_with_what_they_left(tmp_path):
    path = galleries.write_edited(tmp_path / "a.gallery")
    found = read_gallery(path)
    assert [len(batch.rows) for batch in found.batches] == [3, 4, 3, 0, 0, 0, 0]
    assert [len(piece.rows) for piece in found.shown.pieces] == [2, 1, 2, 2]
    assert [rows for rows, _ in found.checkpoints] == [2, 5, 7, 7, 7, 7, 7]
    assert found.checkpoints[-1][1] == found.commit.crc
    edits = len(path.read_bytes()) - len(
        galleries.write_small(tmp_path / "b.gallery", (3, 4, 3)).read_bytes()
    )
    assert found.waiting_bytes == edits + 3 * 4 * 4


def digit_of(path):
    found = read_gallery(path)
    return path.read_bytes(), found.digit_at


def test_the_schemas_digit_is_2_as_soon_as_there_are_edits(tmp_path):
    plain, at = digit_of(galleries.write_small(tmp_path / "a.gallery"))
    edited, _ = digit_of(galleries.write_edited(tmp_path / "b.gallery"))
    assert (plain[at : at + 1], edited[at : at + 1]) == (b"1", b"2")


@pytest.mark.parametrize("digit", b'0134"')
def test_another_digit_in_an_edited_gallery_is_noticed(tmp_path, digit):
    """What was removed must not come back because one byte changed."""
    path = galleries.write_edited(tmp_path / "a.gallery")
    content, at = digit_of(path)
    path.write_bytes(content[:at] + bytes([digit]) + content[at + 1 :])
    with pytest.raises(DatasetError, match="damaged"):
        read_gallery(path)


def test_a_digit_that_a_writer_left_before_it_died_is_no_damage(path):
    content, at = digit_of(path)
    path.write_bytes(content[:at] + b"2" + content[at + 1 :])
    assert read_gallery(path).commit.num_rows == 5
    with writing(path) as writer:
        writer.append(galleries.batch(5, 1))
        writer.append(galleries.batch(6, 1, labels=[{"person": "ann"}]))
    content, at = digit_of(path)
    path.write_bytes(content[:at] + b"1" + content[at + 1 :])
    with pytest.raises(DatasetError, match="damaged"):
        read_gallery(path)


def test_edits_are_none_of_the_first_schemas(path):
    """Written so by another program: refused, because older versions would show what is removed."""
    with writing(path) as writer:
        writer._schema = "mgn_fast.gallery/2"
        writer.append(Edit(removed=frozenset({0})).to_batch(writer.gallery.description))
    with pytest.raises(DatasetError, match=r"has edits, which its schema 'mgn_fast\.gallery/1'"):
        read_gallery(path)


def test_the_first_edit_may_come_while_the_head_is_read(path, monkeypatch):
    newest = reader._newest_commit

    def late(*arguments):
        monkeypatch.undo()
        with writing(path) as writer:
            writer.append(Edit(removed=frozenset({0})).to_batch(writer.gallery.description))
        return newest(*arguments)

    monkeypatch.setattr(reader, "_newest_commit", late)
    assert read_gallery(path).shown.num_removed == 1


# Of what `galleries.first_schema` builds; the package before there were edits wrote these bytes.
FIRST_SCHEMA = "da5721ac6689a0fdda5f37fddce2e230c1c39f0f6d2f61e0632e326f8808ad49"


def test_a_gallery_of_the_first_schema_is_read_and_edited(tmp_path):
    path = tmp_path / "a.gallery"
    path.write_bytes(galleries.first_schema())
    assert hashlib.sha256(path.read_bytes()).hexdigest() == FIRST_SCHEMA
    assert galleries.names_of(path) == ["a.jpg", "b/\u00e9.jpg", "c.jpg"]
    with writing(path) as writer:
        writer.append(Edit(removed=frozenset({1})).to_batch(writer.gallery.description))
    assert galleries.names_of(path) == ["a.jpg", "c.jpg"]
    np.testing.assert_array_equal(read_gallery(path).shown.pieces[1].rows, [[0, 1, 2]])


@pytest.mark.parametrize("counts", [(3, 2), (1,), (9, 9)])
def test_a_file_that_somebody_wrote_over_is_noticed(path, tmp_path, counts):
    opened = read_gallery(path)
    opened.require_unchanged()
    with writing(path) as writer:
        writer.append(galleries.batch(5, 4))
    opened.require_unchanged()  # it has only grown
    other = galleries.write_small(tmp_path / "b.gallery", counts, dtype="float16")
    path.write_bytes(other.read_bytes())
    with pytest.raises(DatasetError, match="was overwritten since it was loaded"):
        opened.require_unchanged()


def test_a_file_that_was_replaced_by_a_rename_is_the_one_that_was_opened(path, tmp_path):
    opened = read_gallery(path)
    galleries.write_small(tmp_path / "b.gallery", (1,)).rename(path)
    opened.require_unchanged()
