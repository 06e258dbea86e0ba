# SPDX-License-Identifier: Apache-2.0
"""Crops out of frames: cut, brought together by frame, and each frame decoded once.

Knows nothing of what decodes: that is given.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from mgn_fast.errors import DecodeError
from mgn_fast.types import Box, Crop, U8Array

# Crops of one frame that are handed out as one piece of work.
MOST_TOGETHER = 32

Content = TypeVar("Content")


class Frame(Generic[Content]):
    """A frame that is decoded when it is first asked for, whoever asks. Thread-safe.

    Args:
        decode: gives what it holds; a DecodeError that it raises every asker gets.
    """

    def __init__(self, decode: Callable[[], Content]) -> None:
        self._decode, self._lock = decode, threading.Lock()
        self._content: Content | None = None
        self._error: DecodeError | None = None

    def content(self) -> Content:
        """What `decode` gave; the DecodeError of a frame that is damaged."""
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._content is None:
                try:
                    self._content = self._decode()
                except DecodeError as error:
                    self._error = error
                    raise
            return self._content


def cut(pixels: U8Array, box: Box, name: str) -> tuple[U8Array, bool]:
    """The part of a frame that a box shows.

    Args:
        pixels: of the frame, uint8 [H, W, 3].
        box: the part; what lies outside the frame is cut off.
        name: of the frame, for messages.

    Returns:
        uint8 [h, w, 3], C order, at least 1 x 1; and whether something was cut off.

    Raises:
        DecodeError: the box is empty, or lies outside the frame.
    """
    height, width = pixels.shape[:2]
    left, top, right, bottom = box.edges
    if right <= left or bottom <= top:
        raise DecodeError(
            f"{name}: box {box} is {right - left} x {bottom - top} pixels, expected at least 1 x 1"
        )
    inside = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if inside[2] <= inside[0] or inside[3] <= inside[1]:
        raise DecodeError(
            f"{name}: box {box} lies outside the frame of {width} x {height} pixels; expected "
            "x, y, width and height in pixels, counted from 0 at the upper left corner"
        )
    part = pixels[inside[1] : inside[3], inside[0] : inside[2]].copy()
    return part, inside != (left, top, right, bottom)


def order_by_frame(sources: Sequence[Any]) -> list[int]:
    """The order that brings the crops of each frame together, so that it is decoded once.

    Args:
        sources: pictures and crops; frames are told apart by their paths.

    Returns:
        Places in `sources`: frames in order of first appearance, crops of one as they come, and
        other pictures where they are.
    """
    first: dict[object, int] = {}
    return sorted(range(len(sources)), key=lambda i: first.setdefault(_key(sources[i], i), i))


@dataclass(frozen=True, eq=False)
class Piece(Generic[Content]):
    """Pictures that one thread prepares: one alone, or neighbouring crops of one frame.

    Attributes:
        items: (name, picture), at least one.
        frame: that all of them are cut from, and later pieces too; None for a picture alone.
    """

    items: list[tuple[str, Any]]
    frame: Frame[Content] | None = None


def pieces(
    sources: Iterable[tuple[str, Any]], decode: Callable[[Crop], Content]
) -> Iterator[Piece[Content]]:
    """Pictures in pieces of work, in their order; neighbouring crops of one frame share it.

    Args:
        sources: (name, picture) one by one; may be endless.
        decode: gives what a crop's frame holds.

    Yields:
        Of crops at most MOST_TOGETHER. One picture more is read ahead, where crops come.
    """
    piece: Piece[Content] | None = None
    last: Crop | None = None
    for name, source in sources:
        is_next = last is not None and _same_frame(last, source)
        if piece is not None and not (is_next and len(piece.items) < MOST_TOGETHER):
            yield piece
            frame, piece = (piece.frame if is_next else None), None
        else:
            frame = None
        if not isinstance(source, Crop):
            last = None
            yield Piece([(name, source)])
            continue
        if piece is None:
            piece = Piece([], frame or Frame(partial(decode, source)))
        piece.items.append((name, source))
        last = source
    if piece is not None:
        yield piece


def _key(source: Any, place: int) -> object:
    if not isinstance(source, Crop):
        return place
    frame = source.frame
    return ("path", os.fspath(frame)) if isinstance(frame, (str, os.PathLike)) else id(frame)


def _same_frame(one: Crop, other: Any) -> bool:
    if not isinstance(other, Crop):
        return False
    if isinstance(one.frame, (str, os.PathLike, bytes)):
        return type(one.frame) is type(other.frame) and one.frame == other.frame
    return one.frame is other.frame
