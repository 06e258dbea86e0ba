# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys

import numpy as np
import pytest

from mgn_fast import DatasetError, InvalidInputError
from mgn_fast.gallery import writer as writer_module
from mgn_fast.gallery.edits import Edit
from mgn_fast.gallery.model import described
from mgn_fast.gallery.reader import read_gallery
from mgn_fast.gallery.writer import write_gallery, writing
from support import galleries

FLOATS = described("float32", 4)


@pytest.fixture
def path(tmp_path):
    return galleries.write_small(tmp_path / "a.gallery")


def num_rows(path):
    return read_gallery(path).commit.num_rows


def test_a_new_gallery_is_there_at_once_and_empty(tmp_path):
    path = tmp_path / "a.gallery"
    with writing(path, FLOATS, galleries.NO_PROBE):
        assert num_rows(path) == 0
    assert list(tmp_path.iterdir()) == [path]


def test_one_that_is_there_is_not_made_again(path):
    with writing(path, described("float16", 7), galleries.NO_PROBE) as writer:
        assert writer.num_rows == 5
        assert writer.gallery.description["dtype"] == "float32"


def test_a_gallery_that_somebody_makes_meanwhile_is_kept(tmp_path, monkeypatch):
    path = tmp_path / "a.gallery"
    link = os.link

    def late(source, target):
        monkeypatch.setattr(os, "link", link)
        galleries.write_small(path)
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    with writing(path, FLOATS, galleries.NO_PROBE) as writer:
        assert writer.num_rows == 5


def test_batches_are_in_the_file_when_append_returns(path):
    with writing(path) as writer:
        for count in (1, 2, 3):
            writer.append(galleries.batch(writer.num_rows, count))
            assert num_rows(path) == writer.num_rows
    assert num_rows(path) == 11


class DiedError(Exception):
    """What ends a writer between two of its writes."""


def dying_after(count):
    """The writer's own write, of which so many are let through."""
    write_at, left = writer_module._write_at, [count]

    def dying(*arguments):
        if left[0] == 0:
            raise DiedError
        left[0] -= 1
        write_at(*arguments)

    return dying


@pytest.mark.parametrize("died_after", range(5))
def test_a_writer_that_dies_between_two_steps_leaves_all_or_nothing(path, monkeypatch, died_after):
    """Five writes: what precedes the rows, the rows, the check, the record; and none."""

    with writing(path) as writer:
        monkeypatch.setattr(writer_module, "_write_at", dying_after(died_after))
        try:
            writer.append(galleries.batch(5, 2))
            assert died_after == 4
        except DiedError:
            assert died_after < 4
    assert num_rows(path) == (7 if died_after == 4 else 5)
    monkeypatch.undo()
    with writing(path) as writer:
        writer.append(galleries.batch(writer.num_rows, 3))
    assert num_rows(path) == (10 if died_after == 4 else 8)


@pytest.mark.parametrize("died_after", range(6))
def test_a_writer_that_dies_in_an_edit_leaves_all_of_it_or_nothing(path, monkeypatch, died_after):
    """Five writes: the schema's digit, the text, no rows, the check, the record; and none."""

    with writing(path) as writer:
        monkeypatch.setattr(writer_module, "_write_at", dying_after(died_after))
        try:
            writer.append(removal(writer, 1, 3))
            assert died_after == 5
        except DiedError:
            assert died_after < 5
    monkeypatch.undo()
    before, after = [f"{n}.jpg" for n in range(5)], ["0.jpg", "2.jpg", "4.jpg"]
    assert galleries.names_of(path) == (after if died_after == 5 else before)
    with writing(path) as writer:
        writer.append(removal(writer, 1))
        writer.append(galleries.batch(5, 1))
    left = after if died_after == 5 else [name for name in before if name != "1.jpg"]
    assert galleries.names_of(path) == [*left, "5.jpg"]


def removal(writer, *rows):
    return Edit(removed=frozenset(rows)).to_batch(writer.gallery.description)


def test_a_row_is_read_back_whether_it_was_there_or_is_new(path):
    with writing(path) as writer:
        writer.append(removal(writer, 0))
        writer.append(galleries.batch(5, 2))
        assert [int(writer.embedding(row)[0]) for row in range(7)] == list(range(7))


@pytest.mark.parametrize("kept", [2, 0])
def test_a_file_is_written_anew_in_its_place_with_its_rights(path, kept):
    path.chmod(0o640)
    before = path.stat().st_ino
    with writing(path) as writer:
        writer.rewrite([galleries.batch(0, kept)] if kept else [])
    assert galleries.names_of(path) == [f"{n}.jpg" for n in range(kept)]
    assert path.stat().st_ino != before
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(path.parent.iterdir()) == [path]


def test_a_link_to_a_gallery_stays_a_link_when_it_is_written_anew(path):
    link = path.with_name("link.gallery")
    link.symlink_to(path.name)
    with writing(link) as writer:
        writer.rewrite([galleries.batch(0, 1)])
    assert link.is_symlink()
    assert num_rows(path) == 1


def test_a_file_that_cannot_be_written_anew_stays_as_it_was(path, monkeypatch):
    content = path.read_bytes()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    with writing(path) as writer:
        monkeypatch.setattr(writer_module, "_write_at", full)
        with pytest.raises(InvalidInputError, match="anew: No space left on device; it is as it"):
            writer.rewrite([galleries.batch(0, 1)])
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_what_a_killed_process_left_of_a_new_file_is_overwritten(path):
    left = path.with_name(".mgn-fast-a.gallery")
    left.write_bytes(b"somebody's embeddings" * 1000)
    with writing(path) as writer:
        writer.rewrite([galleries.batch(0, 1)])
    assert list(path.parent.iterdir()) == [path]
    assert b"somebody" not in path.read_bytes()


def test_labels_and_edits_alone_raise_the_schema(tmp_path):
    labelled = galleries.batch(0, 2, labels=[{}, {"person": "ann"}])
    for batches, digit in (([galleries.batch(0, 2)], b"1"), ([labelled], b"2")):
        path = tmp_path / f"{digit}.gallery"
        write_gallery(path, FLOATS, galleries.NO_PROBE, batches)
        assert path.read_bytes()[read_gallery(path).digit_at :][:1] == digit
    # Written anew without any, it is of the first again.
    write_gallery(path, read_gallery(path).description, galleries.NO_PROBE, [])
    assert path.read_bytes()[read_gallery(path).digit_at :][:1] == b"1"


def test_a_full_disk_leaves_the_gallery_as_it_was(path, monkeypatch):
    def full(descriptor, data, offset):
        raise OSError(28, "No space left on device")

    with writing(path) as writer:
        monkeypatch.setattr(writer_module, "_write_at", full)
        with pytest.raises(InvalidInputError, match="No space left on device; it keeps the 5"):
            writer.append(galleries.batch(5, 2))
        monkeypatch.undo()
        writer.append(galleries.batch(5, 2))
    assert num_rows(path) == 7


@pytest.mark.usefixtures("own_process")
def test_a_second_writer_is_refused_also_in_another_process(path):
    with writing(path):
        with (
            pytest.raises(InvalidInputError, match="another process writes to gallery"),
            writing(path),
        ):
            pass
        code = (
            "import sys; from mgn_fast.gallery.writer import writing\n"
            "with writing(sys.argv[1]): pass"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
        )
        assert "another process writes to gallery" in done.stderr
    with writing(path):
        pass


def test_a_whole_gallery_replaces_an_older_one(path):
    write_gallery(path, FLOATS, galleries.NO_PROBE, [galleries.batch(0, 1)])
    assert num_rows(path) == 1
    assert len(list(path.parent.iterdir())) == 1


def test_a_failure_leaves_the_older_one(path):
    def failing():
        yield galleries.batch(0, 1)
        raise KeyError("stopped")

    with pytest.raises(KeyError, match="stopped"):
        write_gallery(path, FLOATS, galleries.NO_PROBE, failing())
    assert num_rows(path) == 5
    assert list(path.parent.iterdir()) == [path]


def test_one_that_is_being_added_to_is_not_replaced(path):
    with writing(path), pytest.raises(InvalidInputError, match="another process writes"):
        write_gallery(path, FLOATS, galleries.NO_PROBE, [])
    assert num_rows(path) == 5


def test_another_programs_file_is_not_replaced(tmp_path):
    path = tmp_path / "a.gallery"
    path.write_text("mine")
    with pytest.raises(DatasetError, match="is no gallery"):
        write_gallery(path, FLOATS, galleries.NO_PROBE, [])
    assert path.read_text() == "mine"


def test_a_damaged_gallery_is_not_added_to(path):
    content = bytearray(path.read_bytes())
    content[-200] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="is damaged"), writing(path):
        pass


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing/a.gallery", "expected an existing directory"), ("folder", "is no regular file")],
)
def test_places_that_cannot_be_written_are_refused(tmp_path, name, message):
    (tmp_path / "folder").mkdir()
    with (
        pytest.raises(InvalidInputError, match=message),
        writing(tmp_path / name, FLOATS, galleries.NO_PROBE),
    ):
        pass


def test_others_may_read_a_new_gallery_as_the_umask_says(tmp_path):
    before = os.umask(0o027)
    try:
        with writing(tmp_path / "a.gallery", FLOATS, galleries.NO_PROBE):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "a.gallery").stat().st_mode & 0o777 == 0o640


def test_rows_need_not_be_contiguous(tmp_path):
    path = tmp_path / "a.gallery"
    part = galleries.batch(0, 4)
    every_second = type(part).of(np.repeat(part.rows, 2, 0)[::2], part.names, part.sha256)
    write_gallery(path, FLOATS, galleries.NO_PROBE, [every_second])
    np.testing.assert_array_equal(read_gallery(path).batches[0].rows, part.rows)
