# SPDX-License-Identifier: Apache-2.0
"""How a picture's file says that it is to be turned: the EXIF orientation, read and applied.

Any bytes have an orientation, upright for those that say none; nothing is believed unchecked, and
nothing raises.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mgn_fast.types import U8Array

_TAG = 0x0112
_EXIF = b"Exif\0\0"
_MOST_PARTS = 4096  # of a file are looked at: no file of a camera has more, and each costs time
# How many bytes a value has, by its TIFF type: BYTE, SHORT and LONG, of which any may be used.
_BYTES = {1: 1, 3: 2, 4: 4}


def orientation_in(data: bytes) -> int:
    """The EXIF orientation that a file's bytes say.

    Args:
        data: of a JPEG (APP1), PNG (eXIf) or WebP (EXIF); others say none.

    Returns:
        1 to 8; 1, which is upright, where none is said, or one that there is not.

    Source:
        TIFF 6.0, EXIF 2.3 (4.6.4 A), the PNG specification (eXIf), WebP's container. What XMP
        says, which Pillow reads too where EXIF says nothing, is not looked at.
    """
    if data[:2] == b"\xff\xd8":
        parts = _jpeg_exif(data)
    elif data[:4] == b"\x89PNG":
        parts = _png_exif(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        parts = _webp_exif(data)
    else:
        return 1
    exif = next(parts, b"")
    return _in_tiff(exif.removeprefix(_EXIF))


def upright(pixels: U8Array, orientation: int) -> U8Array:
    """The picture as it is to be seen: Pillow's `exif_transpose`, in every pixel.

    Args:
        pixels: uint8 [H, W, 3] as they are stored.
        orientation: 1 to 8; others leave them.

    Returns:
        uint8 [H, W, 3], or [W, H, 3] for 5 to 8; C order.
    """
    turned = pixels.transpose(1, 0, 2) if 5 <= orientation <= 8 else pixels
    down = -1 if orientation in (3, 4, 7, 8) else 1
    right = -1 if orientation in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(turned[::down, ::right])


def _jpeg_exif(data: bytes) -> Iterator[bytes]:
    place = 2
    for _ in range(_MOST_PARTS):
        if data[place : place + 1] != b"\xff":
            return
        marker = data[place + 1 : place + 2]
        if marker == b"\xff":  # a fill byte
            place += 1
            continue
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        if marker in (b"\xda", b"\xd9", b""):  # pixels begin, or nothing follows
            return
        if marker == b"\xe1" and data[place + 4 : place + 10] == _EXIF:
            yield data[place + 4 : place + 2 + length]
        place += 2 + length


def _png_exif(data: bytes) -> Iterator[bytes]:
    place = 8
    for _ in range(_MOST_PARTS):
        length = int.from_bytes(data[place : place + 4], "big")
        kind = data[place + 4 : place + 8]
        if kind == b"eXIf":
            yield data[place + 8 : place + 8 + length]
        if len(kind) < 4 or kind == b"IEND":
            return
        place += 12 + length


def _webp_exif(data: bytes) -> Iterator[bytes]:
    place = 12
    for _ in range(_MOST_PARTS):
        kind = data[place : place + 4]
        length = int.from_bytes(data[place + 4 : place + 8], "little")
        if kind == b"EXIF":
            yield data[place + 8 : place + 8 + length]
        if len(kind) < 4:
            return
        place += 8 + length + length % 2


def _in_tiff(data: bytes) -> int:
    order = {b"II*\0": "little", b"MM\0*": "big"}.get(data[:4])
    if order is None:
        return 1

    def number(place: int, size: int) -> int:
        return int.from_bytes(data[place : place + size], order)  # type: ignore[arg-type]

    directory = number(4, 4)
    entries = data[directory + 2 : directory + 2 + 12 * number(directory, 2)]
    found = 1
    for place in range(directory + 2, directory + 2 + len(entries) - 11, 12):
        size = _BYTES.get(number(place + 2, 2))
        if number(place, 2) == _TAG and size is not None and number(place + 4, 4) == 1:
            found = number(place + 8, size)
    return found if 1 <= found <= 8 else 1
