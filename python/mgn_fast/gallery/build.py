# SPDX-License-Identifier: Apache-2.0
"""Embeds what a gallery does not hold yet, and commits it batch by batch.

A picture is known by the SHA-256 of its file: under whatever name it comes again, it is not
embedded again. What was embedded is committed also when the work ends early, for whatever reason
Python lives to see.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np

from mgn_fast.common.checks import output_name
from mgn_fast.errors import DecodeError, InvalidInputError
from mgn_fast.gallery.file import DTYPES, Batch, Labels
from mgn_fast.gallery.labels import LabelsByName, LabelTable, updated
from mgn_fast.gallery.model import PictureEmbedder, description_of, probe_of, require_same_model
from mgn_fast.gallery.writer import SUFFIX, GalleryWriter, writing
from mgn_fast.pictures import pixels
from mgn_fast.pictures.sources import Listed, listed
from mgn_fast.types import Crop, F32Array, PathLike

# A batch of so many rows, or of so much work, is committed: what a power failure may cost.
COMMIT_ROWS = 4096
COMMIT_S = 10.0
_READ_AHEAD = 64


class Sink(Protocol):
    """A taker of batches: a gallery's file, or a list."""

    def append(self, batch: Batch, /) -> None:
        """Keeps a batch of rows, with the names and hashes of their pictures."""


@dataclass(frozen=True)
class Added:
    """Numbers of pictures that a call of `Gallery.add` added, knew already and skipped.

    Attributes:
        num_added: pictures that are new.
        num_known: pictures that were there already, under whatever name, or came twice.
        skipped: (name, reason) of pictures that cannot be decoded.
    """

    num_added: int
    num_known: int
    skipped: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Read:
    """A picture read and hashed: its name in the gallery, and what messages call it."""

    name: str
    called: str
    path: Path | None
    source: pixels.Source
    sha256: str


@dataclass
class _Pending:
    """Rows that are embedded and not committed yet."""

    rows: list[F32Array] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    sha256: list[str] = field(default_factory=list)
    labels: list[Labels] = field(default_factory=list)
    since_s: float = 0.0


class GalleryBuilder:
    """Embeds pictures for one gallery; used once.

    Args:
        sink: gets the batches.
        embedder: whose `on_error` decides what happens to a picture that cannot be decoded.
        dtype: of the rows.
        known: SHA-256 of the pictures that the gallery holds; grows.
        folder: that the names are relative to.
        labels: of the pictures.

    Attributes:
        num_committed: pictures given to the sink.
        num_known: pictures that were there already, or came twice.
        skipped: (name, reason) of pictures that could not be read or decoded.
    """

    def __init__(
        self,
        sink: Sink,
        embedder: PictureEmbedder,
        dtype: str,
        known: set[str],
        folder: str = "",
        labels: LabelTable | None = None,
    ) -> None:
        self._labels = LabelTable(None) if labels is None else labels
        self._sink, self._embedder, self._dtype = sink, embedder, dtype
        self._known, self._folder = known, folder
        self._pending = _Pending()
        self._num_before = len(known)
        self.num_committed = 0
        self.num_known = 0
        self.skipped: list[tuple[str, str]] = []

    def added(self, sources: Iterable[tuple[str, Path | Crop]]) -> Iterator[str]:
        """Embeds and commits the new ones among the pictures; yields after each. To be called once.

        Args:
            sources: (name in the gallery, path) of pictures.

        Yields:
            The picture's name, when it is embedded.

        Raises:
            DecodeError: a picture cannot be decoded and `on_error` is "raise".
            InvalidInputError: the sink cannot write.
        """
        under_way: deque[_Read] = deque()
        to_embed = self._to_embed(sources, under_way)
        embedded = self._embedder.stream_named(to_embed)
        try:
            for path, row in embedded:
                read = under_way.popleft()
                while read.called != path:  # that one was skipped
                    read = under_way.popleft()
                self._keep(read, row)
                yield read.name
        finally:
            # Also when the caller stops taking, at Ctrl-C for instance: the work is not lost.
            self._commit()
            self.skipped += self._embedder.skipped
            self._embedder.skipped = []
            to_embed.close()

    def _to_embed(
        self, sources: Iterable[tuple[str, Path | Crop]], under_way: deque[_Read]
    ) -> Generator[tuple[str, pixels.Source], None, None]:
        with ThreadPoolExecutor(self._embedder.workers, "mgn_fast-read") as pool:
            for read in self._read(sources, pool):
                if read.sha256 in self._known:
                    self.num_known += 1
                    continue
                self._known.add(read.sha256)
                under_way.append(read)
                yield read.called, read.source

    def _read(
        self, sources: Iterable[tuple[str, Path | Crop]], pool: ThreadPoolExecutor
    ) -> Iterator[_Read]:
        """Files in order, read and hashed a few ahead; a frame once for all of its crops."""
        waiting: deque[tuple[str, Path | Crop, Future[tuple[bytes, str]]]] = deque()
        remaining = iter(sources)
        try:
            while True:
                for name, picture in islice(remaining, _READ_AHEAD - len(waiting)):
                    path = _file_of(picture)
                    if waiting and _file_of(waiting[-1][1]) == path:
                        future = waiting[-1][2]
                    else:
                        future = pool.submit(_read_and_hash, path)
                    waiting.append((name, picture, future))
                if not waiting:
                    return
                name, picture, future = waiting.popleft()
                try:
                    yield _read_of(name, picture, *future.result())
                except DecodeError as error:
                    if self._embedder.on_error == "raise":
                        raise
                    self.skipped.append((name, str(error)))
        finally:
            for *_, future in waiting:
                future.cancel()

    def _keep(self, read: _Read, row: F32Array) -> None:
        pending = self._pending
        if not pending.rows:
            pending.since_s = time.monotonic()
        pending.rows.append(row)
        pending.names.append(read.name)
        pending.sha256.append(read.sha256)
        pending.labels.append(updated({}, self._labels.of(read.name, read.path)))
        is_old = time.monotonic() - pending.since_s >= COMMIT_S
        if len(pending.rows) >= COMMIT_ROWS or is_old:
            self._commit()

    @property
    def done(self) -> Added:
        """Numbers of pictures added, known and skipped so far."""
        return Added(self.num_committed, self.num_known, tuple(self.skipped))

    @property
    def num_held(self) -> int:
        """Number of pictures in the gallery by now: those of before and those committed since."""
        return self._num_before + self.num_committed

    @property
    def num_seen(self) -> int:
        """Number of the sources' pictures that are embedded, known or skipped by now."""
        skipped = len(self.skipped) + len(self._embedder.skipped)
        return self.num_committed + len(self._pending.rows) + self.num_known + skipped

    def _commit(self) -> None:
        pending, self._pending = self._pending, _Pending()
        if not pending.rows:
            return
        rows = np.stack(pending.rows).astype(self._dtype)
        self._sink.append(
            Batch.of(rows, pending.names, pending.sha256, self._folder, pending.labels)
        )
        self.num_committed += len(rows)


@contextlib.contextmanager
def adding(
    path: PathLike,
    embedder: PictureEmbedder,
    pictures_: PathLike | Iterable[PathLike | Crop] | Listed,
    dtype: str | None,
    labels: LabelsByName | None = None,
) -> Iterator[tuple[GalleryBuilder, list[tuple[str, Path | Crop]]]]:
    """A builder that adds to a gallery's file, which is made where it is not there.

    Args:
        path: ends in .gallery.
        embedder: of the gallery's model.
        pictures_: a directory, paths and crops, or what lists them with their names.
        dtype: of the rows; None for the gallery's own, float32 in a new one.
        labels: of the pictures, by name or path; what they say of others is not used.

    Yields:
        The builder, and what its `added` takes. What it commits is in the file at once.

    Raises:
        InvalidInputError: another ending or dtype, the file cannot be written, another process
            writes to it, or the mirror is in one and not in the other.
        DatasetError: what is there is no gallery, or a damaged one.
        ModelError: the embedder's embeddings cannot be compared with the gallery's.
    """
    output_name(path, SUFFIX, exact=True)
    table = LabelTable(labels)
    folder, sources = named_pictures(pictures_)
    beside = Path(path).absolute().parent
    is_new = not os.path.lexists(path)
    description = description_of(embedder, dtype or DTYPES[0], beside) if is_new else None
    probe = probe_of(embedder)
    with writing(path, description, probe) as writer:
        held = writer.gallery.description["dtype"]
        if dtype not in (None, held):
            raise InvalidInputError(
                f"dtype is {dtype!r}, but gallery {os.fspath(path)!r} holds {held}; expected that, "
                "or another file name"
            )
        known = _known(writer, embedder, probe)
        relative = os.path.relpath(folder, beside)
        yield GalleryBuilder(writer, embedder, held, known, relative, table), sources


def named_pictures(
    pictures_: PathLike | Iterable[PathLike | Crop] | Listed,
) -> tuple[str, list[tuple[str, Path | Crop]]]:
    """Pictures with their names in a gallery, and the folder that the names are relative to.

    Args:
        pictures_: a directory, whose files' names are relative to it; paths, which are names as
            they stand, and crops; or what lists them with their names.

    Returns:
        The folder, absolute; and (name, picture) of each.

    Raises:
        InvalidInputError: a directory without files.
    """
    found = pictures_ if isinstance(pictures_, Listed) else listed(pictures_)
    return str(found.folder), found.pictures


def _known(writer: GalleryWriter, embedder: PictureEmbedder, probe: F32Array) -> set[str]:
    gallery = writer.gallery
    require_same_model(gallery.description, gallery.probe, embedder, gallery.path, asked=probe)
    return {digest for batch in gallery.batches for digest in batch.sha256}


def _file_of(picture: Path | Crop) -> Path:
    if not isinstance(picture, Crop):
        return picture
    if not isinstance(picture.frame, (str, os.PathLike)):
        raise InvalidInputError(
            f"the frame of {picture} is a {type(picture.frame).__name__}, expected a path: a "
            "gallery knows pictures by their files"
        )
    return Path(picture.frame)


def _read_and_hash(path: Path) -> tuple[bytes, str]:
    content = pixels.read_file(path)
    return content, hashlib.sha256(content).hexdigest()


def _read_of(name: str, picture: Path | Crop, content: bytes, sha256: str) -> _Read:
    """A crop is known by its frame's bytes and its box."""
    if not isinstance(picture, Crop):
        return _Read(name, str(picture), picture, content, sha256)
    called = f"{_file_of(picture)}#{picture.box}"
    both = hashlib.sha256(f"{sha256}#{picture.box.edges}".encode()).hexdigest()
    return _Read(name, called, None, Crop(content, picture.box, called), both)
