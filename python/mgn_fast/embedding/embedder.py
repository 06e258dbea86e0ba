# SPDX-License-Identifier: Apache-2.0
"""Pictures in, unit embeddings out: decoding runs ahead on threads of its own while lanes compute.

Works on any session. A picture is decoded once; its plain and mirrored rows go through the model
as neighbours in one batch, are added and normalised.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, Literal, overload

import numpy as np

from mgn_fast.common import wiring
from mgn_fast.common.checks import one_of
from mgn_fast.common.observer import current_observer
from mgn_fast.common.threads import thread_count
from mgn_fast.embedding.mirroring import fused, pack_rows, picture_rows, with_mirror
from mgn_fast.embedding.reading import Noticed, Prepared, Reader
from mgn_fast.errors import DecodeError, ModelError
from mgn_fast.inference.lane import Flight
from mgn_fast.inference.opening import open_session
from mgn_fast.models.contract import Contract, Exif
from mgn_fast.models.presets import with_changes
from mgn_fast.pictures.directories import in_words, strangers
from mgn_fast.pictures.pixels import Source
from mgn_fast.pictures.sources import Pictures, in_files, named
from mgn_fast.types import AnyArray, F32Array, PathLike, U8Array


@dataclass(eq=False)
class _Picture:
    """A decoded picture on its way: the rows still to come from the model, and the sum so far."""

    name: str
    resized: U8Array
    rows_due: int
    embedding: F32Array


@dataclass(frozen=True)
class _Row:
    picture: _Picture
    mirror: bool


class Embedder:
    """Turns pictures into embeddings: a call for all at once, `stream` for any number.

    Not safe for two threads at once; each may have an embedder of its own.

    Args:
        model: an .onnx, .om or OpenVINO's .xml file.
        mirror: add the embedding of the left-right mirror, as the recipe does; None is what the
            model's contract says. A model exported with `fuse_mirror` does so itself.
        workers: threads that decode and resize; None is one per core.
        on_error: "raise" stops at the first picture that cannot be decoded and names it; "skip"
            leaves it out and lists it in `skipped`.
        exif: "apply" turns pictures upright by their EXIF orientation, "ignore" takes them as they
            are stored, as the recipe does; None is what the model's contract says.
        open_session_options: as `open_session` takes them, `contract` and `output` among them for
            a model that others made; or `auto=True` for the batch size, lanes, threads and workers
            that `mgn-fast tune` found fastest for this model and machine. Where it was not tuned
            yet, that is done first, within half a minute.

    Attributes:
        session: the opened session.
        contract: how the model wants its pictures, and what is done about EXIF.
        mirror: whether the mirrored embedding is part of the result.
        names: of the rows that the last call gave.
        skipped: (name, reason) of every picture left out by the last call or stream.
        noticed: how many pictures of the last call or stream are turned, wide or clipped.

    Raises:
        InvalidInputError: an option out of range, or `mirror=False` with a model that fuses.
        ModelError: the model cannot be opened, or neither it nor the caller says its contract.
    """

    def __init__(
        self,
        model: PathLike,
        *,
        mirror: bool | None = None,
        workers: int | None = None,
        on_error: Literal["raise", "skip"] = "raise",
        exif: Exif | None = None,
        **open_session_options: Any,
    ) -> None:
        one_of("on_error", on_error, ("raise", "skip"))
        if open_session_options.pop("auto", False):
            with current_observer().doing("tuning, if that is not done yet"):
                workers, open_session_options = wiring.tuned_options(
                    model, mirror=mirror, workers=workers, **open_session_options
                )
        self.workers = thread_count(workers, name="workers")
        with current_observer().doing("opening the model"):
            self.session = open_session(model, **open_session_options)
        try:
            self.contract = self.session.require_contract()
            if exif not in (None, self.contract.exif):
                # Kept with the session, whose contract is what is kept with embeddings.
                self.contract = with_changes(self.contract, {"exif": exif})
                self.session.contract = self.contract
            self._mirrors = picture_rows(self.contract, model, mirror=mirror)
        except BaseException:
            self.session.close()
            raise
        self.on_error = on_error
        self.mirror = with_mirror(self.contract, mirror=mirror)
        settings = {"workers": self.workers, "mirror": self.mirror, "on_error": on_error}
        self.session.observer.using("embedder", settings)
        self.names: list[str] = []
        self.skipped: list[tuple[str, str]] = []
        self.noticed = Noticed()
        self._reader = Reader(self.contract, self.session.observer)

    @overload
    def __call__(self, images: Pictures) -> F32Array: ...
    @overload
    def __call__(self, images: Pictures, *, with_names: Literal[False]) -> F32Array: ...
    @overload
    def __call__(
        self, images: Pictures, *, with_names: Literal[True]
    ) -> tuple[list[str], F32Array]: ...

    def __call__(
        self, images: Pictures, *, with_names: bool = False
    ) -> F32Array | tuple[list[str], F32Array]:
        """Unit embeddings of all pictures, in their order.

        Args:
            images: a directory (all files below it, sorted), a pattern such as "pictures/*.jpg",
                one picture, or an iterable of pictures. A picture is a path, the bytes of a file,
                an open binary file, a picture of Pillow's, uint8 RGB [H, W, 3], grey [H, W] or RGBA
                [H, W, 4] as an array or a torch tensor, or a `Crop` out of one; an array
                [N, H, W, 3] is N pictures.
            with_names: give the names of the rows too.

        Returns:
            float32 [N, D], rows of length 1 unless the contract says otherwise; N counts the
            pictures that were not skipped. With names: (names, rows).

        Raises:
            DecodeError: a picture cannot be decoded and `on_error` is "raise". Files that are no
                pictures by their first bytes are found before the first is embedded.
            InvalidInputError: a directory without files.
            ModelError: the model gives an embedding that is zero or not finite.
        """
        names, rows = [], []
        for name, embedding in self.stream(images):
            names.append(name)
            rows.append(embedding)
        self.names = names
        width = self.session.embedding_width
        embeddings = np.stack(rows) if rows else np.empty((0, width), np.float32)
        return (names, embeddings) if with_names else embeddings

    def stream(self, images: Pictures) -> Iterator[tuple[str, F32Array]]:
        """Unit embeddings one by one, in order, in bounded memory; reads ahead of what is taken.

        Args:
            images: as for a call; an iterator may be endless. Neighbouring crops of one frame share
                its decoding: `order_by_frame` brings them together.

        Yields:
            (name, float32 [D]). The name is the path as given, relative to a directory given, a
            crop's own, or `#0`, `#1`, ... for what is in memory.

        Raises:
            As for a call.
        """
        files = in_files(images)
        left_out = strangers(files)
        if left_out and self.on_error == "raise":
            remedy = "take them away, or leave them out: on_error 'skip'"
            is_alone = len(files) == 1
            raise DecodeError(
                left_out[0][1] if is_alone else in_words(left_out, len(files), remedy)
            )
        strange = {name for name, _ in left_out}
        sources = (pair for pair in named(images) if pair[0] not in strange)
        return self.stream_named(sources, left_out)

    def stream_named(
        self,
        sources: Iterable[tuple[str, Source]],
        left_out: Iterable[tuple[str, str]] = (),
    ) -> Iterator[tuple[str, F32Array]]:
        """As `stream`, of pictures whose names are given, and without a look at them before.

        Args:
            sources: (name, picture) one by one; may be endless. Messages use the name for a
                picture that is no path.
            left_out: (name, reason) of pictures that were left out before, for `skipped`.

        Yields:
            (name, float32 [D]).

        Raises:
            As for a call.
        """
        self.skipped, self.noticed = [*left_out], Noticed()
        with ThreadPoolExecutor(self.workers, thread_name_prefix="mgn_fast-decode") as pool:
            read = self._reader.ahead(sources, pool, self.workers, self._read_ahead)
            try:
                yield from self._embedded(self._decoded(read))
            finally:
                read.close()

    def close(self) -> None:
        """Closes the session and frees its model. May be called again."""
        self.session.close()

    def __repr__(self) -> str:
        session = self.session
        return (
            f"<Embedder of {session.model_path.name}: {session.embedding_width} wide, "
            f"{session.backend}, {session.lanes} lane{'s' if session.lanes != 1 else ''}>"
        )

    def __enter__(self) -> Embedder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def rows_per_picture(self) -> int:
        """Rows of the network's input per picture: 2 with its mirror, 1 where the graph mirrors."""
        return len(self._mirrors)

    @property
    def _read_ahead(self) -> int:
        """Rows ready while every lane is busy: enough to fill all of them again."""
        return self.session.lanes * self.session.batch_size

    def _decoded(self, read: Iterable[tuple[str, Prepared | DecodeError]]) -> Iterator[_Picture]:
        """The pictures that can be decoded; the others are skipped, or end it."""
        for name, found in read:
            if isinstance(found, DecodeError):
                if self.on_error == "raise":
                    raise found
                self.skipped.append((name, str(found)))
                continue
            self.noticed.add(found)
            empty = np.zeros(self.session.embedding_width, np.float32)
            yield _Picture(name, found.resized, self.rows_per_picture, empty)

    def decode_and_resize(self, source: Source, name: str) -> U8Array:
        """One picture at the model's size, uint8 RGB [H, W, 3]; DecodeError if it is none."""
        return self._reader.prepared(source, name).resized

    def _embedded(self, decoded: Iterator[_Picture]) -> Iterator[tuple[str, F32Array]]:
        """Sends rows through the lanes batch by batch; yields pictures as their order allows."""
        rows = (_Row(picture, mirror) for picture in decoded for mirror in self._mirrors)
        ready: deque[_Row] = deque()
        under_way: deque[_Picture] = deque()
        flight: Flight[list[_Row]] = Flight(self.session.pool)
        while True:
            ready.extend(islice(rows, self._read_ahead - len(ready)))
            if not ready:
                break
            with flight.lane() as lane:
                batch = [ready.popleft() for _ in range(self.session.next_count(len(ready)))]
                with self.session.observer.spending("pack"):
                    under_way.extend(_fill(lane.input, batch, self.contract))
                flight.submit(lane, len(batch), batch)
            for finished, embeddings in flight.finished():
                self._add(finished, embeddings)
            yield from self._completed(under_way)
        for finished, embeddings in flight.drain():
            self._add(finished, embeddings)
        yield from self._completed(under_way)

    def _add(self, rows: list[_Row], embeddings: F32Array) -> None:
        with self.session.observer.spending("fuse"):
            for row, embedding in zip(rows, embeddings, strict=True):
                row.picture.embedding += embedding
                row.picture.rows_due -= 1

    def _completed(self, under_way: deque[_Picture]) -> Iterator[tuple[str, F32Array]]:
        """Takes the pictures off the front that have all their rows; normalises them."""
        while under_way and under_way[0].rows_due == 0:
            picture = under_way.popleft()
            with self.session.observer.spending("fuse"):
                subject = f"the embedding of {picture.name} has"
                remedy = "; the model's weights are damaged"
                normalise = self.contract.normalise
                embedding = fused(
                    picture.embedding, ModelError, subject, remedy, normalise=normalise
                )
            yield picture.name, embedding


def _fill(target: AnyArray, batch: list[_Row], contract: Contract) -> list[_Picture]:
    """Packs the rows in order; both rows of a picture in one go. Returns the pictures begun."""
    begun, done = [], 0
    for picture, group in groupby(batch, key=attrgetter("picture")):
        mirrors = [row.mirror for row in group]
        pack_rows(picture.resized, target[done:], mirrors, contract)
        if not mirrors[0]:  # the plain row comes first; its mirror may open the next batch
            begun.append(picture)
        done += len(mirrors)
    return begun
