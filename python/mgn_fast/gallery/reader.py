# SPDX-License-Identifier: Apache-2.0
"""Maps a gallery's file and checks that it is whole; see Note [gallery file] in `file`.

Any number of readers, in any process, while one writer adds: they take no lock.
"""

from __future__ import annotations

import json
import mmap
import os
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mgn_fast.common.files import open_regular
from mgn_fast.common.threads import thread_count
from mgn_fast.errors import DatasetError
from mgn_fast.gallery.arrays import ArrayPlace, read_array
from mgn_fast.gallery.edits import Shown, shown
from mgn_fast.gallery.file import (
    BEFORE_DIGIT,
    CHECK_SIZE,
    COMMIT_BYTES,
    DTYPES,
    SCHEMAS,
    Batch,
    Commit,
)
from mgn_fast.types import F32Array, PathLike

MAX_HEAD_BYTES = 1 << 20
# How long a record may be torn: a reader can meet a writer in the middle of writing one.
_TORN_S = 0.5


@dataclass(frozen=True, eq=False)
class GalleryFile:
    """A gallery's file as it was when read. Later batches are not seen; nothing seen changes.

    Attributes:
        path: of the file.
        description: of the embeddings, as it was given.
        probe: float32 [P].
        batches: in the order in which they came, edits among them.
        shown: the pictures after all edits.
        commit: how far the file was whole.
        commits_at: where the first of the two commit records begins.
        digit_at: where the schema's digit is.
        checkpoints: (pictures, CRC-32) at the end of each batch: how many of the pictures shown now
            are from batches up to there. A gallery that had as many then has lost none since.
        waiting_bytes: of the file in removed embeddings and in edits.
        mapped: the file.
        checks: every batch's check in it.
    """

    path: Path
    description: dict[str, Any]
    probe: F32Array
    batches: tuple[Batch, ...]
    shown: Shown
    commit: Commit
    commits_at: int
    digit_at: int
    checkpoints: tuple[tuple[int, int], ...]
    waiting_bytes: int
    mapped: mmap.mmap
    checks: tuple[memoryview, ...]

    @property
    def num_bytes(self) -> int:
        """Bytes of the file that belong to the gallery."""
        return self.commit.end

    def require_unchanged(self) -> None:
        """Raises DatasetError if somebody wrote over the file since it was read.

        No writer of this package does that, but `cp` onto a gallery does: what is mapped is another
        gallery then, or not there any more. It is seen by the file's size and the batches' checks.
        """
        is_there = self.mapped.size() >= self.commit.end
        crc = 0
        for check in self.checks if is_there else ():
            crc = zlib.crc32(check, crc)
        if not is_there or crc != self.commit.crc:
            raise DatasetError(
                f"gallery {str(self.path)!r} was overwritten since it was loaded; load it again, "
                "and put new files beside it and rename them"
            )


@dataclass(frozen=True)
class _Head:
    """The head, and the CRC-32 by which a commit record may know it."""

    description: dict[str, Any]
    probe: F32Array
    commits_at: int
    digit_at: int
    crcs: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class _Found:
    """A batch, which bytes of the file it is, and the file's rows and CRC-32 up to its end."""

    batch: Batch
    begin: int
    check_at: int
    end: int
    num_rows: int
    crc: int


def read_gallery(path: PathLike, *, verify: bool = True) -> GalleryFile:
    """Maps a gallery's file and checks that it is whole.

    Args:
        path: the file.
        verify: read every byte and compare it with its CRC-32; False checks sizes, headers and
            records only.

    Returns:
        The gallery as it was committed when it was opened.

    Raises:
        DatasetError: there is no such file, or it is no gallery, cut short or damaged: the message
            says where.
    """
    name = os.fspath(path)
    try:
        with open_regular(path) as file:
            return read_open_gallery(Path(path), file, verify=verify)
    except OSError as error:
        raise DatasetError(f"gallery {name!r} cannot be read: {error.strerror}") from error


def read_open_gallery(path: Path, file: BinaryIO, *, verify: bool = True) -> GalleryFile:
    """As `read_gallery`, of a file that is open.

    Args:
        path: its name, for messages.
        file: open for reading.
        verify: as for `read_gallery`.

    Returns:
        The gallery, which stays readable when the file is closed.

    Raises:
        DatasetError: as for `read_gallery`.
        OSError: the file cannot be read.
    """
    head = _read_head(path, file)
    commit = _newest_commit(path, file, head.commits_at)
    if commit.head_crc not in head.crcs:  # the first edit may have come between the two
        head = _read_head(path, file)
    size = os.fstat(file.fileno()).st_size
    if size < commit.end:
        raise DatasetError(
            f"gallery {str(path)!r} is cut short: it has {size} bytes, expected {commit.end} for "
            f"{commit.num_rows} pictures; restore it from a copy"
        )
    if commit.head_crc not in head.crcs:
        raise _damaged(path, f"its first {head.commits_at} bytes are not what was written")
    mapped = mmap.mmap(file.fileno(), commit.end, access=mmap.ACCESS_READ)
    content = memoryview(mapped)
    found = _found_batches(path, content, head, commit)
    if verify:
        _verify(path, content, found)
    batches = tuple(entry.batch for entry in found)
    try:
        left = shown(batches)
    except DatasetError as error:
        raise _damaged(path, str(error)) from error
    if left.num_edits and head.description["schema"] == SCHEMAS[0]:
        raise _damaged(path, f"it has edits, which its schema {SCHEMAS[0]!r} does not have")
    checkpoints = tuple(zip(left.prefixes, (entry.crc for entry in found), strict=True))
    return GalleryFile(
        path,
        head.description,
        head.probe,
        batches,
        left,
        commit,
        head.commits_at,
        head.digit_at,
        checkpoints,
        _waiting_bytes(found, left),
        mapped,
        tuple(content[entry.check_at : entry.end] for entry in found),
    )


def _waiting_bytes(found: list[_Found], left: Shown) -> int:
    """Bytes that would not be there if the file were written anew, but for texts of pictures."""
    rows = sum(entry.batch.rows.nbytes for entry in found)
    shown_rows = sum(piece.rows.nbytes for piece in left.pieces)
    edits = left.num_edits and sum(
        entry.end - entry.begin for entry in found if not len(entry.batch.rows)
    )
    return rows - shown_rows + edits


def _read_head(path: Path, file: BinaryIO) -> _Head:
    """Description and probe, and the CRC-32 of all bytes before the commit records."""
    file.seek(0)
    content = memoryview(file.read(MAX_HEAD_BYTES))
    try:
        text = read_array(content, 0)
        digit_at = text.begin + len(BEFORE_DIGIT)
        if content[text.begin : digit_at] != BEFORE_DIGIT:
            raise ValueError(f"it does not begin with {BEFORE_DIGIT.decode()}")
        description = json.loads(bytes(content[text.begin : text.end]))
        if description["schema"] not in SCHEMAS:
            raise ValueError(f"its schema is {description['schema']!r}, expected one of {SCHEMAS}")
        if description["dtype"] not in DTYPES or type(description["width"]) is not int:
            raise ValueError(f"it holds {description['dtype']} [N, {description['width']}]")
        probe = read_array(content, text.end)
        records = read_array(content, probe.end)
        if probe.dtype != np.float32 or records.shape != (2, COMMIT_BYTES):
            raise ValueError("its head has other arrays")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DatasetError(
            f"{str(path)!r} is no gallery, or its head is damaged: {error}; expected a file that "
            "`mgn-fast embed -o NAME.gallery` wrote"
        ) from error
    numbers = np.frombuffer(bytes(content[probe.begin : probe.end]), np.float32)
    heads = [bytes(content[: records.begin])]
    if description["schema"] == SCHEMAS[1]:  # a writer may have died before its commit
        heads.append(heads[0][:digit_at] + b"1" + heads[0][digit_at + 1 :])
    crcs = tuple(map(zlib.crc32, heads))
    return _Head(description, numbers, records.begin, digit_at, crcs)


def _newest_commit(path: Path, file: BinaryIO, commits_at: int) -> Commit:
    """The newer of two commit records; both must be whole, or the newer could be the lost one."""
    until = time.monotonic() + _TORN_S
    while True:
        records = os.pread(file.fileno(), 2 * COMMIT_BYTES, commits_at)
        commits = [Commit.from_bytes(records[:COMMIT_BYTES])]
        commits.append(Commit.from_bytes(records[COMMIT_BYTES:]))
        whole = [commit for commit in commits if commit is not None]
        if len(whole) == 2 and abs(whole[0].number - whole[1].number) <= 1:
            return max(whole, key=lambda commit: commit.number)
        if time.monotonic() > until:
            raise _damaged(path, f"its record of commits at byte {commits_at} does not fit")
        time.sleep(0.01)


def _found_batches(path: Path, content: memoryview, head: _Head, commit: Commit) -> list[_Found]:
    """All batches, found by their headers; the CRC proves that they are those committed."""
    found: list[_Found] = []
    try:
        found.extend(_walk(content, head))
    except ValueError as error:
        raise _damaged(path, f"batch {len(found)} is not what was written: {error}") from error
    last = (found[-1].num_rows, found[-1].crc) if found else (0, 0)
    if last != (commit.num_rows, commit.crc):
        raise _damaged(path, "the checks of its batches are not those that were committed")
    return found


def _walk(content: memoryview, head: _Head) -> Iterator[_Found]:
    dtype, width = np.dtype(head.description["dtype"]), head.description["width"]
    offset, num_rows, crc = head.commits_at + 2 * COMMIT_BYTES, 0, 0
    while offset < len(content):
        text = read_array(content, offset)
        rows = read_array(content, text.end)
        check = read_array(content, rows.end)
        _require("text", text, np.dtype(np.uint8), text.shape[:1])
        _require("rows", rows, dtype, (rows.shape[0], width))
        _require("check", check, np.dtype("<u4"), (CHECK_SIZE,))
        numbers = np.frombuffer(content, dtype, rows.shape[0] * width, rows.begin)
        batch = Batch(numbers.reshape(rows.shape), content[text.begin : text.end])
        num_rows += len(batch.rows)
        crc = zlib.crc32(content[rows.end : check.end], crc)
        yield _Found(batch, offset, rows.end, check.end, num_rows, crc)
        offset = check.end


def _require(what: str, place: ArrayPlace, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    if place.dtype != dtype or place.shape != shape:
        raise ValueError(f"its {what} are {place.dtype} {place.shape}, expected {dtype} {shape}")


def _verify(path: Path, content: memoryview, found: list[_Found]) -> None:
    """Compares every byte of every batch with its CRC-32; other threads go on meanwhile."""

    def is_whole(entry: _Found) -> bool:
        check = np.frombuffer(content[entry.end - 4 * CHECK_SIZE : entry.end], "<u4")
        crc = zlib.crc32(content[entry.begin : entry.check_at])
        return bool(check[0] == crc)

    with ThreadPoolExecutor(thread_count()) as pool:
        for number, whole in enumerate(pool.map(is_whole, found)):
            if not whole:
                entry = found[number]
                first = entry.num_rows - len(entry.batch.rows)
                raise _damaged(
                    path,
                    f"bytes {entry.begin} to {entry.end}, pictures {first} to "
                    f"{entry.num_rows - 1}, are not what was written",
                )


def _damaged(path: Path, what: str) -> DatasetError:
    return DatasetError(f"gallery {str(path)!r} is damaged: {what}; restore it from a copy")
