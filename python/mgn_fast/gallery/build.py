# SPDX-License-Identifier: Apache-2.0
"""Embeds what a gallery does not hold yet, and commits it batch by batch.

A picture is known by the SHA-256 of its file: under whatever name it comes again, it is not
embedded again; whether it moved or has a second name is for `held` to say. What was embedded is
committed also when the work ends early, for whatever reason Python lives to see.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from mgn_fast.common.checks import output_name
from mgn_fast.embedding.reading import Noticed
from mgn_fast.errors import DecodeError, InvalidInputError
from mgn_fast.gallery.edits import Shown
from mgn_fast.gallery.file import DTYPES, Labels
from mgn_fast.gallery.held import Held, Read, file_of, read_and_hash, read_of
from mgn_fast.gallery.labels import LabelsByName, LabelTable, updated
from mgn_fast.gallery.model import PictureEmbedder, description_of, probe_of, require_same_model
from mgn_fast.gallery.pending import Pending, Sink
from mgn_fast.gallery.writer import SUFFIX, writing
from mgn_fast.pictures import pixels
from mgn_fast.pictures.sources import Listed, listed
from mgn_fast.types import AnyArray, Crop, PathLike

# A batch of so many rows, or of so much work, is committed: what a power failure may cost.
COMMIT_ROWS = 4096
COMMIT_S = 10.0
_READ_AHEAD = 64


@dataclass(frozen=True)
class Added:
    """Numbers of pictures that a call of `Gallery.add` added, knew already and skipped.

    Attributes:
        num_added: pictures that were embedded, or have the bytes of one that was: new names.
        num_known: pictures that were there already under their names, or came twice.
        skipped: (name, reason) of pictures that cannot be decoded.
        num_copied: of those added, pictures that have the bytes of another one: not embedded again.
        num_moved: pictures that were there under names whose files are gone: they have new ones.
    """

    num_added: int
    num_known: int
    skipped: tuple[tuple[str, str], ...]
    num_copied: int = 0
    num_moved: int = 0


class GalleryBuilder:
    """Embeds pictures for one gallery; used once.

    Args:
        sink: gets the batches.
        embedder: whose `on_error` decides what happens to a picture that cannot be decoded.
        description: of the gallery.
        shown: the pictures that it holds; None for none.
        beside: the directory that its folders are relative to.
        folder: that the names are relative to, as the gallery keeps it.
        labels: of the pictures.

    Attributes:
        num_committed: pictures given to the sink.
        num_known, num_copied, num_moved, skipped: see `Added`.
        noticed: what was noticed of the pictures that were embedded.
    """

    def __init__(
        self,
        sink: Sink,
        embedder: PictureEmbedder,
        description: Mapping[str, Any],
        shown: Shown | None = None,
        *,
        beside: Path | None = None,
        folder: str = "",
        labels: LabelTable | None = None,
    ) -> None:
        self._sink, self._embedder, self._description = sink, embedder, description
        self._held, self._folder = Held(shown, beside), folder
        self._labels = LabelTable(None) if labels is None else labels
        self._kept_labels = {} if shown is None or not self._labels else _labels_by_row(shown)
        self._pending = Pending()
        self._given: set[str] = set()  # SHA-256 of what the embedder got
        self._put_off: list[tuple[str, Path | Crop]] = []
        self.num_committed = self.num_known = self.num_copied = self.num_moved = 0
        self.skipped: list[tuple[str, str]] = []
        self.noticed = Noticed()

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
        try:
            yield from self._embedded(sources)
            if self._put_off:
                # Of the bytes of others, which are in the gallery now, or are no picture.
                sources, self._put_off, self._given = self._put_off, [], set()
                yield from self._embedded(sources, is_last=True)
        finally:
            # Also when the caller stops taking, at Ctrl-C for instance: the work is not lost.
            self._commit()

    def _embedded(
        self, sources: Iterable[tuple[str, Path | Crop]], *, is_last: bool = False
    ) -> Iterator[str]:
        under_way: deque[Read] = deque()
        to_embed = self._to_embed(sources, under_way, is_last=is_last)
        try:
            for path, row in self._embedder.stream_named(to_embed):
                read = under_way.popleft()
                while read.called != path:  # that one was skipped
                    read = under_way.popleft()
                self._keep(read, row)
                yield read.name
        finally:
            to_embed.close()
            self.skipped += self._embedder.skipped
            self._embedder.skipped = []
            self.noticed += self._embedder.noticed

    def _to_embed(
        self,
        sources: Iterable[tuple[str, Path | Crop]],
        under_way: deque[Read],
        *,
        is_last: bool,
    ) -> Generator[tuple[str, pixels.Source], None, None]:
        with ThreadPoolExecutor(self._embedder.workers, "mgn_fast-read") as pool:
            for read in self._read(sources, pool):
                if read.sha256 in self._given and not is_last:
                    self._put_off.append((read.name, read.picture))
                elif read.sha256 in self._held:
                    self._meet(read, is_last=is_last)
                else:
                    self._given.add(read.sha256)
                    under_way.append(read)
                    yield read.called, read.source

    def _read(
        self, sources: Iterable[tuple[str, Path | Crop]], pool: ThreadPoolExecutor
    ) -> Iterator[Read]:
        """Files in order, read and hashed a few ahead; a frame once for all of its crops."""
        waiting: deque[tuple[str, Path | Crop, Future[tuple[bytes, str]]]] = deque()
        remaining = iter(sources)
        try:
            while True:
                for name, picture in islice(remaining, _READ_AHEAD - len(waiting)):
                    path = file_of(picture)
                    if waiting and file_of(waiting[-1][1]) == path:
                        future = waiting[-1][2]
                    else:
                        future = pool.submit(read_and_hash, path)
                    waiting.append((name, picture, future))
                if not waiting:
                    return
                name, picture, future = waiting.popleft()
                try:
                    yield read_of(name, picture, *future.result())
                except DecodeError as error:
                    if self._embedder.on_error == "raise":
                        raise
                    self.skipped.append((name, str(error)))
        finally:
            for *_, future in waiting:
                future.cancel()

    def _meet(self, read: Read, *, is_last: bool) -> None:
        """A picture whose bytes the gallery holds already."""
        meeting, entry = self._held.meet(read.sha256, read.name, read.path, self._folder)
        if meeting == "named again":
            if not is_last:  # kept now, it would stand before or behind others as lanes are quick
                self._put_off.append((read.name, read.picture))
                return
            self.num_copied += 1
            self._keep(read, self._pending.embedding(entry.row, self._sink))
            return
        self.num_known += meeting != "moved"
        self.num_moved += meeting == "moved"
        if meeting != "known":
            self._pending.renamed[entry.row] = (entry.name, entry.folder)
        old = self._kept_labels.get(entry.row, {})
        labels = updated(old, self._labels.of(read.name, read.path))
        if labels != old:
            self._pending.labelled[entry.row] = self._kept_labels[entry.row] = labels

    def _keep(self, read: Read, row: AnyArray) -> None:
        pending = self._pending
        number = self._sink.num_rows + len(pending.rows)
        labels = updated({}, self._labels.of(read.name, read.path))
        if labels:
            self._kept_labels[number] = labels
        pending.add(row, read.name, read.sha256, labels)
        self._held.add([read.sha256], [read.name], self._folder, number)
        if len(pending.rows) >= COMMIT_ROWS or pending.age_s >= COMMIT_S:
            self._commit()

    @property
    def done(self) -> Added:
        """Numbers of pictures added, known and skipped so far."""
        return Added(
            self.num_committed,
            self.num_known,
            tuple(self.skipped),
            self.num_copied,
            self.num_moved,
        )

    @property
    def num_held(self) -> int:
        """Number of pictures in the gallery by now: those of before and those committed since."""
        return len(self._held) - len(self._pending.rows)

    @property
    def num_seen(self) -> int:
        """Number of the sources' pictures that are embedded, known or skipped by now."""
        skipped = len(self.skipped) + len(self._embedder.skipped)
        known = self.num_known + self.num_moved
        return self.num_committed + len(self._pending.rows) + known + skipped

    def _commit(self) -> None:
        pending, self._pending = self._pending, Pending()
        pending.commit_to(self._sink, self._description, self._folder)
        self.num_committed += len(pending.rows)


def _labels_by_row(shown: Shown) -> dict[int, Labels]:
    """The labels of those pictures that have some, by their rows' numbers."""
    found = ((number, piece.label(row)) for number, piece, row in shown.numbered())
    return {number: labels for number, labels in found if labels}


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
        gallery = writer.gallery
        require_same_model(gallery.description, gallery.probe, embedder, gallery.path, asked=probe)
        builder = GalleryBuilder(
            writer,
            embedder,
            gallery.description,
            gallery.shown,
            beside=beside,
            folder=os.path.relpath(folder, beside),
            labels=table,
        )
        yield builder, sources


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
