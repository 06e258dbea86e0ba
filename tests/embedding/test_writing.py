# SPDX-License-Identifier: Apache-2.0
import errno
import json
import os

import numpy as np
import pytest

from mgn_fast import DecodeError, Embedder, InvalidInputError
from mgn_fast.embedding import row_files, writing
from mgn_fast.embedding.embeddings_file import read_embeddings
from mgn_fast.embedding.foreign import read_rows
from mgn_fast.embedding.row_files import NpyFile
from mgn_fast.embedding.writing import Partial, write_embeddings
from mgn_fast.models.contract import Contract
from support.late import late

parquet = late("pyarrow.parquet")


def contents(folder):
    return {entry.name: entry.read_bytes() for entry in folder.iterdir()}


def ending(rows, error):
    """Rows, and then an error."""
    yield from rows
    raise error


ERRORS = [KeyError("stopped"), KeyboardInterrupt(), SystemExit(3), DecodeError("x is damaged")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_run_that_ends_early_keeps_its_rows_beside_the_old_files(tmp_path, embedder, rows, error):
    path = tmp_path / "a.npy"
    write_embeddings(path, iter(rows[:2]), embedder)
    before = contents(tmp_path)
    kept = []
    with pytest.raises(type(error)):
        write_embeddings(path, ending(rows[5:9], error), embedder, on_partial=kept.append)
    assert kept == [Partial(tmp_path / "a.partial.npy", 4)]
    got = read_embeddings(tmp_path / "a.partial.npy")
    assert got.names == tuple(name for name, _ in rows[5:9])
    np.testing.assert_array_equal(got.rows, [row for _, row in rows[5:9]])
    assert got.contract is not None
    after = contents(tmp_path)
    assert {name: after.pop(name) for name in before} == before
    assert sorted(after) == ["a.partial.json", "a.partial.npy"]


def test_nothing_is_kept_of_nothing(tmp_path, embedder):
    kept = []
    with pytest.raises(KeyError):
        write_embeddings(
            tmp_path / "a.npy", ending([], KeyError()), embedder, on_partial=kept.append
        )
    assert contents(tmp_path) == {}
    assert kept == []


def test_the_longer_of_two_partial_runs_stays_and_a_whole_one_takes_it_away(
    tmp_path, embedder, rows
):
    path, partial = tmp_path / "a.npy", tmp_path / "a.partial.npy"
    kept = []
    for count in (3, 5, 4, 5):
        run = ending(rows[:count], KeyError())
        with pytest.raises(KeyError):
            write_embeddings(path, run, embedder, on_partial=kept.append)
    assert [each.count for each in kept] == [3, 5, 4, 5]
    assert [each.is_kept for each in kept] == [True, True, False, True]
    assert len(read_embeddings(partial).names) == 5
    write_embeddings(path, iter(rows[:6]), embedder)
    assert sorted(contents(tmp_path)) == ["a.json", "a.npy"]


def test_what_is_not_ours_is_neither_replaced_nor_taken_away(tmp_path, embedder, rows):
    (tmp_path / "a.partial.npy").write_bytes(b"mine")
    (tmp_path / "a.partial.json").write_text('{"mine": 1}')
    (tmp_path / "b.partial.csv").write_text("mine,1\n")
    before = contents(tmp_path)
    kept = []
    run = ending(rows[:4], KeyError())
    with pytest.raises(KeyError):
        write_embeddings(tmp_path / "a.npy", run, embedder, on_partial=kept.append)
    write_embeddings(tmp_path / "a.npy", iter(rows[:4]), embedder)
    write_embeddings(tmp_path / "b.csv", iter(rows[:4]), embedder)
    assert kept == []
    assert before.items() <= contents(tmp_path).items()


class FullDisk:
    """A disk that takes so many bytes more, in all files that are written raw or as text."""

    def __init__(self, monkeypatch, room):
        self.room = room
        self.write_all = row_files._write_all
        self.write_json = writing.write_json
        monkeypatch.setattr(row_files, "_write_all", self.rows)
        monkeypatch.setattr(writing, "write_json", self.json)

    def take(self, count):
        self.room -= count
        if self.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def rows(self, file, content):
        if file.tell() > 0:  # not the header, which has its place
            self.take(len(content))
        self.write_all(file, content)

    def json(self, path, content):
        try:
            self.take(len(json.dumps(content, indent=1)))
        except OSError as error:
            self.room += len(json.dumps(content, indent=1))
            raise InvalidInputError("no space left") from error
        return self.write_json(path, content)


def test_on_a_full_disk_rows_give_way_to_their_names(tmp_path, embedder, rows, monkeypatch):
    disk = FullDisk(monkeypatch, 200 * 4 * 2048 + 100)
    cut = NpyFile.cut

    def cutting(file, count):
        disk.room += (file._count - count) * 4 * 2048
        cut(file, count)

    monkeypatch.setattr(NpyFile, "cut", cutting)
    kept = []
    with pytest.raises(InvalidInputError, match=r"a\.npy' cannot be written: No space left"):
        write_embeddings(tmp_path / "a.npy", iter(rows), embedder, on_partial=kept.append)
    (partial,) = kept
    assert 150 <= partial.count < 200
    got = read_embeddings(partial.path)
    assert got.names == tuple(name for name, _ in rows[: partial.count])
    np.testing.assert_array_equal(got.rows, [row for _, row in rows[: partial.count]])


def test_a_description_that_does_not_fit_loses_no_rows(tmp_path, embedder, rows, monkeypatch):
    def full(path, content):
        if "partial" not in path.name:
            raise InvalidInputError("no space left")
        return write_json(path, content)

    write_json = writing.write_json
    monkeypatch.setattr(writing, "write_json", full)
    with pytest.raises(InvalidInputError, match="no space left"):
        write_embeddings(tmp_path / "a.npy", iter(rows), embedder)
    assert len(read_embeddings(tmp_path / "a.partial.npy").names) == 300
    assert sorted(contents(tmp_path)) == ["a.partial.json", "a.partial.npy"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_appear_whole_and_their_partial_ones_are_kept(tmp_path, embedder, rows, suffix):
    path, partial = tmp_path / f"a{suffix}", tmp_path / f"a.partial{suffix}"
    persons = {"1.jpg": "ann"}

    def names(path):
        if suffix == ".csv":
            return [line.split(",")[0] for line in path.read_text().splitlines()[1:]]
        return parquet.read_table(path)["name"].to_pylist()

    with pytest.raises(KeyboardInterrupt):
        write_embeddings(path, ending(rows[:3], KeyboardInterrupt()), embedder, persons=persons)
    assert names(partial) == ["0.jpg", "1.jpg", "2.jpg"]
    assert not path.exists()
    assert write_embeddings(path, iter(rows[:4]), embedder, persons=persons) == 4
    assert names(path) == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]  # no .json, no partial


def test_a_parquet_says_the_model_and_its_contract(tmp_path, tiny_model, rows):
    with Embedder(tiny_model, exif="apply") as embedder:
        write_embeddings(tmp_path / "a.parquet", iter(rows[:4]), embedder)
    metadata = parquet.read_schema(tmp_path / "a.parquet").metadata
    said = json.loads(metadata[row_files.PARQUET_KEY])
    assert said["model"]["name"] == "tiny.onnx"
    assert said["mirror"] is True
    assert said["contract"]["exif"] == "apply"
    read = read_rows(tmp_path / "a.parquet")
    assert read.contract == Contract(exif="apply")
    assert read.names == tuple(name for name, _ in rows[:4])
    np.testing.assert_array_equal(read.rows, [row for _, row in rows[:4]])


@pytest.mark.parametrize(
    "held", [b"{", b"[]", b'{"contract": {"exif": "turn"}}', b'{"contract": 1}']
)
def test_a_parquet_with_a_damaged_description_is_refused(tmp_path, embedder, rows, held):
    write_embeddings(tmp_path / "a.parquet", iter(rows[:4]), embedder)
    table = parquet.read_table(tmp_path / "a.parquet")
    table = table.replace_schema_metadata({row_files.PARQUET_KEY: held})
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(InvalidInputError, match=r"a\.parquet' has a description that is none"):
        read_rows(tmp_path / "a.parquet")


def test_persons_stand_beside_the_names(tmp_path, embedder, rows):
    persons = {"0.jpg": "ann", "9.jpg": "bob"}
    write_embeddings(tmp_path / "a.npy", iter(rows[:2]), embedder, persons=persons)
    description = json.loads((tmp_path / "a.json").read_text())
    assert description["persons"] == ["ann", None]
    assert read_embeddings(tmp_path / "a.npy").names == ("0.jpg", "1.jpg")


def test_exif_is_kept_with_the_contract(tmp_path, tiny_model, rows):
    with Embedder(tiny_model, exif="apply") as embedder:
        write_embeddings(tmp_path / "a.npy", iter(rows[:2]), embedder)
    assert read_embeddings(tmp_path / "a.npy").contract == Contract(exif="apply")


def test_a_name_that_comes_twice_is_refused(tmp_path, embedder, rows):
    with pytest.raises(InvalidInputError, match=r"the name '0\.jpg' comes twice"):
        write_embeddings(tmp_path / "a.npy", [rows[0], rows[1], rows[0]], embedder)
    assert not (tmp_path / "a.npy").exists()


@pytest.mark.parametrize("content", ["settings = 3", '{"schema": "other"}', "[]", ""])
def test_another_programs_json_is_not_overwritten(tmp_path, embedder, rows, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InvalidInputError, match=r"a\.json' exists and does not describe"):
        write_embeddings(tmp_path / "a.npy", iter(rows), embedder)
    assert (tmp_path / "a.json").read_text() == content
    assert not (tmp_path / "a.npy").exists()


def test_another_ending_is_refused(tmp_path, embedder):
    with pytest.raises(InvalidInputError, match=r"ends in '\.txt', expected '\.npy'"):
        write_embeddings(tmp_path / "a.txt", [], embedder)
