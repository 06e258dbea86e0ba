# SPDX-License-Identifier: Apache-2.0
"""Makes a gallery's file and appends batches to it; see Note [gallery file] in `file`.

One writer at a time, kept by a lock on the file; readers need not know of it.
"""

from __future__ import annotations

import bisect
import contextlib
import fcntl
import itertools
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mgn_fast.common.files import current_umask, is_regular_file, replacing
from mgn_fast.errors import DatasetError, InvalidInputError
from mgn_fast.gallery.file import COMMIT_BYTES, Batch, Commit, head_bytes
from mgn_fast.gallery.reader import GalleryFile, read_gallery, read_open_gallery
from mgn_fast.types import AnyArray, F32Array, PathLike

SUFFIX = ".gallery"


class GalleryWriter:
    """The one writer of a gallery's file. Made by `writing`.

    Attributes:
        gallery: what the file held when the writer got it.
        num_rows: pictures in the file now.
    """

    def __init__(self, file: BinaryIO, gallery: GalleryFile) -> None:
        self._file = file
        self.gallery = gallery
        self._commit = gallery.commit
        # Not the commit's: a writer may have died between the schema's digit and its commit.
        self._head_crc = zlib.crc32(os.pread(file.fileno(), gallery.commits_at, 0))
        self._schema: str = gallery.description["schema"]
        # (first row, rows, place in the file) of what was appended since.
        self._appended: list[tuple[int, int, int]] = []

    @property
    def num_rows(self) -> int:
        """Number of pictures in the file, with those of this writer's batches."""
        return self._commit.num_rows

    def append(self, batch: Batch) -> None:
        """Adds a batch. When this returns it is on the disk; until then none of it is there.

        Args:
            batch: rows of the gallery's dtype and width; or an edit.

        Raises:
            InvalidInputError: the disk is full, or fails; the gallery is as before.
        """
        commit = self._commit
        before, rows, check = batch.to_parts(commit.end)
        descriptor, offset = self._file.fileno(), commit.end
        # What a writer that died left behind the end is no part of the gallery.
        os.ftruncate(descriptor, offset)
        try:
            if batch.schema > self._schema:
                self._raise_schema(batch.schema)
            for part in (before, rows, check):
                _write_at(descriptor, part, offset)
                offset += len(part)
            os.fsync(descriptor)
        except OSError as error:
            raise InvalidInputError(
                f"gallery {str(self.gallery.path)!r} cannot be written: {error.strerror}; it keeps "
                f"the {self.num_rows} pictures that it holds"
            ) from error
        self._commit = Commit(
            commit.number + 1,
            offset,
            commit.num_rows + len(batch.rows),
            zlib.crc32(check, commit.crc),
            self._head_crc,
        )
        self._appended.append((commit.num_rows, len(batch.rows), commit.end + len(before)))
        place = self.gallery.commits_at + COMMIT_BYTES * (self._commit.number % 2)
        _write_at(descriptor, self._commit.to_bytes(), place)
        os.fsync(descriptor)

    def embedding(self, row: int) -> AnyArray:
        """The embedding of a row of the file, whether it was there or was appended since.

        Args:
            row: its number, of all rows in the file.

        Returns:
            [D] of the gallery's dtype.
        """
        for first, count, begin in self._appended:
            if first <= row < first + count:
                dtype = np.dtype(self.gallery.description["dtype"])
                row_bytes = dtype.itemsize * self.gallery.description["width"]
                at = begin + (row - first) * row_bytes
                return np.frombuffer(os.pread(self._file.fileno(), row_bytes, at), dtype)
        ends = list(itertools.accumulate(len(batch.rows) for batch in self.gallery.batches))
        number = bisect.bisect_right(ends, row)
        rows = self.gallery.batches[number].rows
        found: AnyArray = rows[row - ends[number] + len(rows)]
        return found

    def rewrite(self, batches: Iterable[Batch]) -> None:
        """Puts a new file with the same head in the place of this one, whole or not at all.

        The old one's readers go on with it. This is the writer's last act.

        Args:
            batches: all that the new file holds.

        Raises:
            InvalidInputError: the file cannot be written; the gallery is as before.
        """
        final = Path(os.path.realpath(self.gallery.path))
        # A fixed name, ours by the lock: what a killed process left there is overwritten, so that
        # nothing removed stays in forgotten files.
        temporary = final.with_name(f".mgn-fast-{final.name}")
        rights = os.fstat(self._file.fileno()).st_mode & 0o777
        try:
            temporary.unlink(missing_ok=True)
            with temporary.open("x+b", buffering=0) as file:
                os.fchmod(file.fileno(), rights)
                _fill(temporary, file, self.gallery.description, self.gallery.probe, batches)
                os.fsync(file.fileno())
            temporary.replace(final)
            _sync_directory(final.parent)
        except OSError as error:
            raise InvalidInputError(
                f"gallery {str(self.gallery.path)!r} cannot be written anew: {error.strerror}; it "
                "is as it was"
            ) from error
        finally:
            temporary.unlink(missing_ok=True)

    def _raise_schema(self, schema: str) -> None:
        """Makes the file's schema a newer one; see Note [gallery file]."""
        descriptor, gallery = self._file.fileno(), self.gallery
        head = bytearray(os.pread(descriptor, gallery.commits_at, 0))
        head[gallery.digit_at : gallery.digit_at + 1] = schema[-1:].encode()
        _write_at(descriptor, schema[-1:].encode(), gallery.digit_at)
        self._schema, self._head_crc = schema, zlib.crc32(head)


@contextlib.contextmanager
def writing(
    path: PathLike, description: dict[str, Any] | None = None, probe: F32Array | None = None
) -> Iterator[GalleryWriter]:
    """A gallery's file to append to, made where it is not there.

    Args:
        path: the file.
        description: of a new gallery; None for one that must be there.
        probe: of a new gallery.

    Yields:
        The writer, the only one in any process until the block ends.

    Raises:
        InvalidInputError: the file cannot be made or written, or another process writes to it.
        DatasetError: what is there is no gallery, or a damaged one.
    """
    name = os.fspath(path)
    if description is not None and probe is not None and not os.path.lexists(path):
        _make(Path(path), head_bytes(description, probe))
    with _locked(name) as file:
        yield GalleryWriter(file, read_open_gallery(Path(path), file))


def write_gallery(
    path: PathLike, description: dict[str, Any], probe: F32Array, batches: Iterable[Batch]
) -> None:
    """Writes a whole gallery, which appears whole or not at all and replaces one that is there.

    Args:
        path: the file.
        description: of the embeddings.
        probe: float32 [P].
        batches: all of them.

    Raises:
        InvalidInputError: the file cannot be written, another process adds to the one that is
            there, or what is there is no gallery.
        DatasetError: what is there is no gallery.
    """
    with contextlib.ExitStack() as stack:
        if os.path.lexists(path):
            read_gallery(path, verify=False)  # anything else of that name is not ours to replace
            stack.enter_context(_locked(os.fspath(path)))
        temporary = stack.enter_context(replacing(path))
        with temporary.open("r+b", buffering=0) as file:
            _fill(temporary, file, description, probe, batches)


def _fill(
    path: Path,
    file: BinaryIO,
    description: dict[str, Any],
    probe: F32Array,
    batches: Iterable[Batch],
) -> None:
    """Writes a whole gallery into an empty file."""
    _write_at(file.fileno(), head_bytes(description, probe), 0)
    writer = GalleryWriter(file, read_open_gallery(path, file))
    for batch in batches:
        writer.append(batch)


def _sync_directory(path: Path) -> None:
    """Has a new name reach the disk, where the file system can do that."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make(path: Path, content: bytes) -> None:
    """Gives a whole file its name; a gallery that another process made meanwhile stays.

    A rename would replace that one, a link does not.
    """
    try:
        descriptor, made = tempfile.mkstemp(prefix=".mgn-fast-", suffix=SUFFIX, dir=path.parent)
    except OSError as error:
        raise InvalidInputError(
            f"output {str(path)!r} cannot be written: {error.strerror}; expected an existing "
            "directory with write permission"
        ) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fsync(descriptor)
        Path(made).chmod(0o666 & ~current_umask())
        with contextlib.suppress(FileExistsError):
            os.link(made, path)
    except OSError as error:
        raise InvalidInputError(
            f"output {str(path)!r} cannot be written: {error.strerror}"
        ) from error
    finally:
        Path(made).unlink()


@contextlib.contextmanager
def _locked(name: str) -> Iterator[BinaryIO]:
    """The file of that name, open for reading and writing and locked against other writers."""
    file = _opened_and_locked(name)
    try:
        yield file
    finally:
        # Closing alone would not do: maps of the file keep it open, and with it the lock.
        fcntl.flock(file, fcntl.LOCK_UN)
        file.close()


def _opened_and_locked(name: str) -> BinaryIO:
    if not os.path.lexists(name):
        raise DatasetError(f"gallery {name!r} cannot be read: No such file or directory")
    if not is_regular_file(name):
        raise InvalidInputError(f"output {name!r} is no regular file, expected a gallery")
    try:
        file = open(name, "r+b", buffering=0)  # noqa: PTH123, SIM115
    except OSError as error:
        raise InvalidInputError(f"output {name!r} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(file.fileno()), os.stat(name)):  # noqa: PTH116
            raise BlockingIOError  # replaced between opening and locking
    except OSError as error:
        file.close()
        raise InvalidInputError(
            f"another process writes to gallery {name!r}; run this again when it is done"
        ) from error
    return file


def _write_at(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written
