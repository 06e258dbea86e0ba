# SPDX-License-Identifier: Apache-2.0
"""Pictures in, unit embeddings out: decoding runs ahead on threads of its own while lanes compute.

Works on any session. A picture is decoded once; its plain and mirrored rows go through the model
as neighbours in one batch, are added and normalised.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, Literal

import numpy as np

from mgn_fast.common import wiring
from mgn_fast.common.checks import one_of
from mgn_fast.common.observer import current_observer
from mgn_fast.common.threads import thread_count
from mgn_fast.embedding.mirroring import fused, pack_rows, picture_rows, with_mirror
from mgn_fast.errors import DecodeError, ModelError
from mgn_fast.inference.lane import Flight
from mgn_fast.inference.opening import open_session
from mgn_fast.models.contract import Contract
from mgn_fast.pictures.pixels import Source, decode, resize_for
from mgn_fast.pictures.sources import named
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
        open_session_options: as `open_session` takes them, `contract` and `output` among them for
            a model that others made; or `auto=True` for the batch size, lanes, threads and workers
            that `mgn-fast tune` found fastest for this model and machine. Where it was not tuned
            yet, that is done first, within half a minute.

    Attributes:
        session: the opened session.
        contract: how the model wants its pictures.
        mirror: whether the mirrored embedding is part of the result.
        skipped: (name, reason) of every picture left out by the last call or stream.

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
            self._mirrors = picture_rows(self.contract, model, mirror=mirror)
        except BaseException:
            self.session.close()
            raise
        self.on_error = on_error
        self.mirror = with_mirror(self.contract, mirror=mirror)
        settings = {"workers": self.workers, "mirror": self.mirror, "on_error": on_error}
        self.session.observer.using("embedder", settings)
        self.skipped: list[tuple[str, str]] = []

    def __call__(self, images: Any) -> F32Array:
        """Unit embeddings of all pictures, in their order.

        Args:
            images: a directory (all files below it, sorted), one picture, or an iterable of
                pictures. A picture is a path, the bytes of a file, or uint8 RGB [H, W, 3]; an array
                [N, H, W, 3] is N pictures.

        Returns:
            float32 [N, D], rows of length 1 unless the contract says otherwise; N counts the
            pictures that were not skipped.

        Raises:
            DecodeError: a picture cannot be decoded and `on_error` is "raise".
            InvalidInputError: a directory without files.
            ModelError: the model gives an embedding that is zero or not finite.
        """
        rows = [embedding for _, embedding in self.stream(images)]
        if not rows:
            return np.empty((0, self.session.embedding_width), np.float32)
        return np.stack(rows)

    def stream(self, images: Any) -> Iterator[tuple[str, F32Array]]:
        """Unit embeddings one by one, in order, in bounded memory; reads ahead of what is taken.

        Args:
            images: as for a call; an iterator may be endless.

        Yields:
            (name, float32 [D]). The name is the path as given, relative to a directory given, or
            `#0`, `#1`, ... for bytes and arrays.

        Raises:
            As for a call.
        """
        return self.stream_named(named(images))

    def stream_named(self, sources: Iterable[tuple[str, Source]]) -> Iterator[tuple[str, F32Array]]:
        """As `stream`, of pictures whose names are given.

        Args:
            sources: (name, picture) one by one; may be endless. Messages use the name for a
                picture that is no path.

        Yields:
            (name, float32 [D]).

        Raises:
            As for a call.
        """
        self.skipped = []
        with ThreadPoolExecutor(self.workers, thread_name_prefix="mgn_fast-decode") as pool:
            decoded = self._decoded(sources, pool)
            try:
                yield from self._embedded(decoded)
            finally:
                decoded.close()

    def close(self) -> None:
        """Closes the session and frees its model. May be called again."""
        self.session.close()

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

    def _decoded(
        self, sources: Iterable[tuple[str, Any]], pool: ThreadPoolExecutor
    ) -> Generator[_Picture, None, None]:
        """Pictures in order, decoded ahead on the pool by at most the read-ahead."""
        waiting: deque[tuple[str, Future[U8Array]]] = deque()
        remaining = iter(sources)
        try:
            while True:
                for name, source in islice(remaining, self._read_ahead - len(waiting)):
                    waiting.append((name, pool.submit(self.decode_and_resize, source, name)))
                if not waiting:
                    return
                name, future = waiting.popleft()
                try:
                    with self.session.observer.spending("decode_wait"):
                        resized = future.result()
                except DecodeError as error:
                    if self.on_error == "raise":
                        raise
                    self.skipped.append((name, str(error)))
                    continue
                empty = np.zeros(self.session.embedding_width, np.float32)
                yield _Picture(name, resized, self.rows_per_picture, empty)
        finally:
            for _, future in waiting:
                future.cancel()

    def decode_and_resize(self, source: Source, name: str) -> U8Array:
        """One picture at the model's size, uint8 RGB [H, W, 3]: the worker threads' job.

        Args:
            source: a path, the bytes of a file, or uint8 RGB [H, W, 3].
            name: for messages, where the source is no path.

        Returns:
            uint8 RGB [H, W, 3].

        Raises:
            DecodeError: it cannot be decoded.
        """
        # A path says more in a message than its name relative to the directory given.
        is_path = isinstance(source, (str, os.PathLike))
        with self.session.observer.spending("decode"):
            pixels = decode(source, name=None if is_path else name)
        with self.session.observer.spending("resize"):
            return resize_for(pixels, self.contract)

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
