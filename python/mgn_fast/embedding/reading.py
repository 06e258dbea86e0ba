# SPDX-License-Identifier: Apache-2.0
"""Pictures decoded and resized ahead of inference on threads, in order, each frame once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from mgn_fast.common.observer import Observer
from mgn_fast.errors import DecodeError
from mgn_fast.models.contract import Contract
from mgn_fast.pictures.crops import Frame, Piece, pieces
from mgn_fast.pictures.decoders import Decoded
from mgn_fast.pictures.pixels import Source, decoded, resize_for
from mgn_fast.types import Crop, U8Array


@dataclass
class Noticed:
    """What was noticed of the pictures of a call or stream, in numbers of pictures.

    Attributes:
        num_turned: whose file says by EXIF that they are not stored upright; only with exif "apply"
            are they turned.
        num_wide: wider than high, as crops of persons seldom are.
        num_clipped: whose box lies in part outside its frame, and was cut off there.
    """

    num_turned: int = 0
    num_wide: int = 0
    num_clipped: int = 0

    def add(self, prepared: Prepared) -> None:
        """Counts a picture."""
        self.num_turned += prepared.is_turned
        self.num_wide += prepared.is_wide
        self.num_clipped += prepared.is_clipped

    def __add__(self, other: Noticed) -> Noticed:
        return Noticed(
            self.num_turned + other.num_turned,
            self.num_wide + other.num_wide,
            self.num_clipped + other.num_clipped,
        )


@dataclass(frozen=True, eq=False)
class Prepared:
    """A picture at the model's size, uint8 RGB [H, W, 3], and what is counted in `Noticed`."""

    resized: U8Array
    is_turned: bool
    is_wide: bool
    is_clipped: bool


class Reader:
    """Decodes and resizes for one model; any thread may call it.

    Args:
        contract: of the model.
        observer: is told what decoding, resizing and waiting for both take.
    """

    def __init__(self, contract: Contract, observer: Observer) -> None:
        self._contract, self._observer = contract, observer

    def prepared(self, source: Source, name: str, frame: Frame[Decoded] | None = None) -> Prepared:
        """One picture at the model's size.

        Args:
            source: as `decode` takes it.
            name: for messages, where the source is not in a file.
            frame: of a crop, where others share it.

        Returns:
            The picture.

        Raises:
            DecodeError: it cannot be decoded.
        """
        exif = self._contract.exif
        with self._observer.spending("decode"):
            found = decoded(source, name=_spoken(source, name), exif=exif, frame=frame)
        height, width = found.pixels.shape[:2]
        with self._observer.spending("resize"):
            resized = resize_for(found.pixels, self._contract)
        return Prepared(resized, found.orientation != 1, width > height, found.is_clipped)

    def ahead(
        self,
        sources: Iterable[tuple[str, Source]],
        pool: ThreadPoolExecutor,
        workers: int,
        most: int,
    ) -> Generator[tuple[str, Prepared | DecodeError], None, None]:
        """Pictures in order, read ahead on a pool.

        Args:
            sources: (name, picture) one by one; may be endless.
            pool: that works.
            workers: threads of the pool.
            most: pictures that are read ahead; of crops as many more as keep all threads busy,
                a frame each.

        Yields:
            (name, picture), or the reason why it cannot be decoded.
        """
        waiting: deque[tuple[list[str], int, Future[list[Prepared | DecodeError]]]] = deque()
        parts = pieces(sources, self._frame)
        load = 0
        try:
            while True:
                while load < most and (piece := next(parts, None)) is not None:
                    weight = max(1, min(len(piece.items), most // workers))
                    names = [name for name, _ in piece.items]
                    waiting.append((names, weight, pool.submit(self._piece, piece)))
                    load += weight
                if not waiting:
                    return
                names, weight, future = waiting.popleft()
                load -= weight
                with self._observer.spending("decode_wait"):
                    results = future.result()
                yield from zip(names, results, strict=True)
        finally:
            for _, _, future in waiting:
                future.cancel()

    def _frame(self, crop: Crop) -> Decoded:
        name = _spoken(crop.frame, str(crop))
        return decoded(crop.frame, name=name, exif=self._contract.exif)

    def _piece(self, piece: Piece[Decoded]) -> list[Prepared | DecodeError]:
        results: list[Prepared | DecodeError] = []
        for name, source in piece.items:
            try:
                results.append(self.prepared(source, name, piece.frame))
            except DecodeError as error:
                results.append(error)
        return results


def _spoken(source: Source, name: str) -> str | None:
    """A path says more in a message than its name relative to the directory given."""
    if isinstance(source, Crop):
        source = source.frame
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else name
