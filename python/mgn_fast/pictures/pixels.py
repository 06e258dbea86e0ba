# SPDX-License-Identifier: Apache-2.0
"""Pictures: from a path, bytes or an array to RGB pixels, and from pixels to a model's input.

EXIF orientation is ignored, as the published recipe does. Safe from any thread.
"""

from __future__ import annotations

import os
from typing import TypeAlias

import numpy as np

from mgn_fast import _core
from mgn_fast.common.files import read_limited
from mgn_fast.errors import DecodeError, InvalidInputError
from mgn_fast.models.contract import MGN, Contract, Interpolation
from mgn_fast.pictures.headers import HeaderError, read_header, sniff
from mgn_fast.types import AnyArray, PathLike, U8Array

Source: TypeAlias = "PathLike | bytes | U8Array"

MAX_PIXELS = 50_000_000
MAX_FILE_BYTES = 512 * 1024 * 1024


def decode(source: Source, *, name: str | None = None, max_pixels: int = MAX_PIXELS) -> U8Array:
    """The RGB pixels of one picture, from a path, a file's bytes or an array.

    JPEG is decoded with the exact integer transform, so that its pixels are Pillow's. Grey and
    CMYK become RGB as in Pillow, transparency is dropped. The claimed size is checked before
    anything is allocated for it.

    Args:
        source: a path, the bytes of a JPEG, PNG, BMP, PPM or WebP file, or uint8 RGB [H, W, 3],
            which is checked and returned as it is.
        name: what to call it in messages; by default its path.
        max_pixels: the largest height x width that is decoded.

    Returns:
        uint8 [H, W, 3].

    Raises:
        DecodeError: missing, empty, cut short, damaged, too large, or of another format.
    """
    if isinstance(source, np.ndarray):
        return _checked_pixels(source, name or "picture")
    if isinstance(source, bytes):
        return _decode_bytes(source, name or f"picture of {len(source)} bytes", max_pixels)
    if not isinstance(source, (str, os.PathLike)):
        raise DecodeError(
            f"{name or 'picture'} is a {type(source).__name__}, "
            "expected a path, bytes or a uint8 RGB array"
        )
    return _decode_bytes(read_file(source), name or os.fspath(source), max_pixels)


def read_file(path: PathLike) -> bytes:
    """The bytes of a picture's file, not decoded.

    Args:
        path: of a regular file.

    Returns:
        At most MAX_FILE_BYTES bytes.

    Raises:
        DecodeError: it cannot be read, or is larger.
    """
    return read_limited(path, MAX_FILE_BYTES, DecodeError)


def resize(
    pixels: U8Array,
    *,
    height: int = MGN.height,
    width: int = MGN.width,
    interpolation: Interpolation = MGN.interpolation,
) -> U8Array:
    """The picture at another size, equal to Pillow's bicubic resize in every byte.

    Rows are scaled first, then columns, as every Pillow up to 12.1 does, the recipe's among them.
    Later ones do some pictures that get much lower the other way round, which changes some bytes.

    Args:
        pixels: uint8 [H, W, 3], C order.
        height, width: of the result, at least 1.

    Returns:
        uint8 [height, width, 3].

    Raises:
        InvalidInputError: other dtype, shape or order, or an empty side.
    """
    if height < 1 or width < 1:
        raise InvalidInputError(f"size is {height} x {width}, expected at least 1 x 1")
    out = np.empty((height, width, 3), np.uint8)
    _core.resize(pixels, out)
    return out


def pack(
    resized: U8Array,
    out: AnyArray,
    *,
    mirror: bool = False,
    mirrored: AnyArray | None = None,
    contract: Contract = MGN,
) -> None:
    """Writes a resized picture into a model's input.

    Args:
        resized: uint8 RGB [H, W, 3], C order.
        out: float32 or float16 [3, H, W], which gets (x / 255 - mean) / deviation with ImageNet's
            statistics, computed in float32 and for float16 rounded to nearest, or uint8 [H, W, 3],
            which gets the bytes. C order; every element is written.
        mirror: swap left and right.
        mirrored: as `out`, which it must not overlap; gets the picture with left and right swapped
            while `out` gets it as it is. Not with `mirror`.

    Raises:
        InvalidInputError: other dtype, shape or order, arrays that overlap, or one to be written
            is read-only.
    """
    _require_array("out", out)
    if mirror and mirrored is not None:
        raise InvalidInputError("mirror is True and mirrored is given, expected one of them")
    plain, swapped = (None, out) if mirror else (out, mirrored)
    _core.pack(resized, plain, swapped, contract.mean, contract.deviation)


def resize_pack(pixels: U8Array, out: AnyArray, *, mirror: bool = False) -> None:
    """Writes a picture of any size into a model's input: `resize`, then `pack`, in one pass.

    Args:
        pixels: uint8 RGB [H, W, 3] of any size, C order.
        out: float32 or float16 [3, 384, 128] or uint8 [384, 128, 3], C order; every element is
            written.
        mirror: swap left and right.

    Raises:
        InvalidInputError: other dtype, shape or order, an empty side, arrays that overlap, or
            `out` is read-only.
    """
    _require_array("out", out)
    planes, bytes_ = (3, MGN.height, MGN.width), (MGN.height, MGN.width, 3)
    expected = bytes_ if out.dtype == np.uint8 else planes
    if out.shape != expected:
        raise InvalidInputError(f"out is {out.dtype} {out.shape}, expected shape {expected}")
    plain, swapped = (None, out) if mirror else (out, None)
    _core.resize_pack(pixels, plain, swapped, MGN.mean, MGN.deviation)


def _require_array(name: str, value: object) -> None:
    if not isinstance(value, np.ndarray):
        raise InvalidInputError(f"{name} is a {type(value).__name__}, expected a NumPy array")


def _checked_pixels(array: AnyArray, name: str) -> U8Array:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise DecodeError(f"{name} is {array.dtype} {array.shape}, expected uint8 RGB (H, W, 3)")
    return np.ascontiguousarray(array)


def _decode_bytes(data: bytes, name: str, max_pixels: int) -> U8Array:
    try:
        if sniff(data) == "JPEG":
            return _decode_jpeg(data, name, max_pixels)
        header = read_header(data)
    except HeaderError as error:
        raise DecodeError(f"{name} is no readable picture: {error}") from error
    _require_size(name, header.height, header.width, max_pixels)
    return _decode_other(data, name)


def _require_size(name: str, height: int, width: int, max_pixels: int) -> None:
    if height * width > max_pixels:
        raise DecodeError(
            f"{name} claims {width} x {height} pixels, expected at most {max_pixels:,} in all"
        )


def _decode_jpeg(data: bytes, name: str, max_pixels: int) -> U8Array:
    import simplejpeg

    try:
        height, width, colour, _ = simplejpeg.decode_jpeg_header(data)
        _require_size(name, height, width, max_pixels)
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
