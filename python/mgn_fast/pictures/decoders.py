# SPDX-License-Identifier: Apache-2.0
"""A file's bytes to RGB pixels: JPEG by libjpeg-turbo, every other format by OpenCV.

Whoever calls has read the file. Safe from any thread.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mgn_fast.errors import DecodeError
from mgn_fast.pictures.headers import HeaderError, read_header, sniff
from mgn_fast.pictures.orientation import orientation_in
from mgn_fast.types import U8Array


@dataclass(frozen=True, eq=False)
class Decoded:
    """A picture's pixels, and what was noticed of it.

    Attributes:
        pixels: uint8 RGB [H, W, 3], C order.
        orientation: that its file says by EXIF, 1 to 8; 1, which is upright, where it says none.
        is_clipped: whether a part of its box lay outside the frame.
    """

    pixels: U8Array
    orientation: int = 1
    is_clipped: bool = False


def decode_bytes(data: bytes, name: str, max_pixels: int) -> Decoded:
    """The pixels in a file's bytes, not turned by their orientation.

    Args:
        data: of a JPEG, PNG, BMP, PPM or WebP file.
        name: for messages.
        max_pixels: the largest height x width that is decoded.

    Returns:
        Pixels and orientation.

    Raises:
        DecodeError: empty, cut short, damaged, too large, or of another format.
    """
    try:
        if sniff(data) == "JPEG":
            return Decoded(_decode_jpeg(data, name, max_pixels), orientation_in(data))
        header = read_header(data)
    except HeaderError as error:
        raise DecodeError(f"{name} is no readable picture: {error}") from error
    require_size(name, header.height, header.width, max_pixels)
    return Decoded(_decode_other(data, name), orientation_in(data))


def require_size(name: str, height: int, width: int, max_pixels: int) -> None:
    """Raises DecodeError for a picture that claims more pixels than are decoded."""
    if height * width > max_pixels:
        raise DecodeError(
            f"{name} claims {width} x {height} pixels, expected at most {max_pixels:,} in all"
        )


def _decode_jpeg(data: bytes, name: str, max_pixels: int) -> U8Array:
    import simplejpeg

    try:
        height, width, colour, _ = simplejpeg.decode_jpeg_header(data)
        require_size(name, height, width, max_pixels)
        if colour in ("CMYK", "YCCK"):
            return _rgb_from_cmyk(simplejpeg.decode_jpeg(data, colorspace="CMYK"))
        pixels: U8Array = simplejpeg.decode_jpeg(data, colorspace="RGB")
    except ValueError as error:
        if isinstance(error, DecodeError):
            raise
        raise DecodeError(f"{name} is a damaged JPEG: {error}") from error
    return pixels


def _rgb_from_cmyk(stored: U8Array) -> U8Array:
    """RGB from inverted CMYK (255 is no ink), as JPEGs store it, by Pillow's integer arithmetic."""
    kept = stored[..., 3:].astype(np.uint16)
    product = (255 - stored[..., :3]) * kept + np.uint16(128)
    return (kept - ((product + (product >> 8)) >> 8)).astype(np.uint8)


def _decode_other(data: bytes, name: str) -> U8Array:
    import cv2

    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise DecodeError(f"{name} cannot be decoded: {error}") from error
    if bgr is None:
        raise DecodeError(f"{name} is damaged: its header is whole, its pixels are not")
    return np.ascontiguousarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)
