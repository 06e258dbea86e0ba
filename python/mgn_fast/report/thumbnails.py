# SPDX-License-Identifier: Apache-2.0
"""Pictures made small, each once, however many lists show it. One that fails keeps its reason."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mgn_fast.common.progress import Progress, no_progress
from mgn_fast.common.threads import thread_count
from mgn_fast.errors import DecodeError
from mgn_fast.pictures.pixels import Source, decode, resize
from mgn_fast.report.tiles import RankedList, Tile
from mgn_fast.types import Crop, U8Array

# The side of the box that a thumbnail fits into: the height of Market-1501's own pictures.
SIDE = 128
_QUALITY = 82


@dataclass(frozen=True)
class Thumbnail:
    """A picture made small, or why there is none.

    Attributes:
        jpeg: a JPEG file; empty where the picture cannot be read.
        height: in pixels.
        width: in pixels.
        reason: why there is none.
    """

    jpeg: bytes
    height: int
    width: int
    reason: str = ""


def tiles_of(lists: Iterable[RankedList]) -> list[Tile]:
    """Every tile: of each list the query, then its rankings' tiles."""
    return [
        tile
        for entry in lists
        for tiles in ([entry.query], *entry.tiles.values())
        for tile in tiles
    ]


def source_key(tile: Tile) -> Hashable:
    """What two tiles share that show one picture; None without a picture."""
    source = tile.source
    if source is None or isinstance(source, bytes):
        return source
    if isinstance(source, Crop):
        frame = source.frame
        is_path = isinstance(frame, (str, os.PathLike))
        return (os.fspath(frame) if is_path else id(frame)), source.box  # type: ignore[arg-type]
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else id(source)


def small_pixels(source: Source | None, *, side: int = SIDE) -> U8Array:
    """A picture made small; small ones stay as they are.

    Args:
        source: what to decode.
        side: of the box that it is to fit into.

    Returns:
        uint8 [H, W, 3].

    Raises:
        DecodeError: there is none, or it cannot be read.
    """
    if source is None:
        raise DecodeError("no picture was kept")
    pixels = decode(source, name=_name_of(source))
    scale = min(1.0, side / max(pixels.shape[:2]))
    height, width = (max(1, round(scale * length)) for length in pixels.shape[:2])
    return resize(pixels, height=height, width=width)


def thumbnail(source: Source | None) -> Thumbnail:
    """A picture as a small file, or the reason why there is none."""
    import simplejpeg

    try:
        pixels = small_pixels(source)
    except DecodeError as error:
        return Thumbnail(b"", 0, 0, str(error))
    jpeg = simplejpeg.encode_jpeg(pixels, quality=_QUALITY)
    return Thumbnail(jpeg, *pixels.shape[:2])


def thumbnails_of(
    tiles: Iterable[Tile], progress: Progress = no_progress
) -> dict[Hashable, Thumbnail]:
    """The thumbnails of all tiles, each picture decoded once.

    Args:
        tiles: any number that share pictures.
        progress: is told how far the work is.

    Returns:
        By `source_key`.
    """
    sources = {source_key(tile): tile.source for tile in tiles}
    found: dict[Hashable, Thumbnail] = {}
    pool = ThreadPoolExecutor(thread_count())
    try:
        for key, made in zip(sources, pool.map(thumbnail, sources.values()), strict=True):
            found[key] = made
            progress("thumbnails", len(found), len(sources))
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C does not wait for ten thousand pictures
    return found


def _name_of(source: Source) -> str | None:
    return Path(os.fspath(source)).name if isinstance(source, (str, os.PathLike)) else None
