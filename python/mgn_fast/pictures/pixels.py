# SPDX-License-Identifier: Apache-2.0
"""Pictures: from a path, bytes or an array to RGB pixels, and from pixels to a model's input.

EXIF orientation is ignored, as the published recipe does. Safe from any thread.
"""

from __future__ import annotations

import os
from typing import TypeAlias

import numpy as np

from mgn_fast import _core
from mgn_fast.common.checks import one_of
from mgn_fast.common.files import read_limited
from mgn_fast.errors import DecodeError, InvalidInputError
from mgn_fast.models.contract import MGN, Contract, Interpolation
from mgn_fast.pictures.crops import cut
from mgn_fast.pictures.headers import HeaderError, read_header, sniff
from mgn_fast.types import AnyArray, Crop, PathLike, U8Array

Source: TypeAlias = "PathLike | bytes | U8Array | Crop"

MAX_PIXELS = 50_000_000
MAX_FILE_BYTES = 512 * 1024 * 1024

_PILLOW_FILTERS = {"pillow-bicubic": "bicubic", "pillow-bilinear": "bilinear"}
_OPENCV_FLAGS = {
    "opencv-bilinear": "INTER_LINEAR",
    "opencv-cubic": "INTER_CUBIC",
    "opencv-area": "INTER_AREA",
}
_MGN_BYTES = Contract(input="uint8")


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
    if isinstance(source, Crop):
        frame = decode(source.frame, name=name, max_pixels=max_pixels)
        return cut(frame, source.box, name or str(source))[0]
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
    """The picture at another size, as the library that the interpolation is named for makes it.

    Pillow's are made here and equal it in every byte: rows are scaled first, then columns, as every
    Pillow up to 12.1 does, the recipe's among them. Later ones do some pictures that get much lower
    the other way round, which changes some bytes. OpenCV's are made by OpenCV; it works on each
    channel alone, so that the order of colours makes no difference.

    Args:
        pixels: uint8 [H, W, 3], C order.
        height, width: of the result, at least 1.
        interpolation: "pillow-bicubic", "pillow-bilinear", "opencv-bilinear", "opencv-cubic" or
            "opencv-area".

    Returns:
        uint8 [height, width, 3].

    Raises:
        InvalidInputError: other dtype, shape or order, an empty side, a size that OpenCV does not
            make, or an unknown interpolation.
    """
    _require_array("pixels", pixels)
    if height < 1 or width < 1:
        raise InvalidInputError(f"size is {height} x {width}, expected at least 1 x 1")
    one_of("interpolation", interpolation, (*_PILLOW_FILTERS, *_OPENCV_FLAGS))
    if interpolation in _OPENCV_FLAGS:
        return _resize_by_opencv(pixels, height, width, interpolation)
    out = np.empty((height, width, 3), np.uint8)
    _core.resize(pixels, out, _PILLOW_FILTERS[interpolation])
    return out


def resize_for(pixels: U8Array, contract: Contract) -> U8Array:
    """The picture at a model's size, by the interpolation that the model was trained with.

    Args:
        pixels: uint8 [H, W, 3], C order.
        contract: of the model.

    Returns:
        uint8 [contract.height, contract.width, 3], RGB whatever the contract's colour is: `pack`
        gives colours their order.

    Raises:
        InvalidInputError: as `resize`.
    """
    return resize(
        pixels,
        height=contract.height,
        width=contract.width,
        interpolation=contract.interpolation,
    )


def pack(
    resized: U8Array,
    out: AnyArray,
    *,
    mirror: bool = False,
    mirrored: AnyArray | None = None,
    contract: Contract | None = None,
) -> None:
    """Writes a resized picture into a model's input.

    Args:
        resized: uint8 RGB [H, W, 3], C order.
        out: of the contract's shape and dtype, C order; every element is written. Floats get
            (x / scale - mean) / deviation, computed in float32 and for float16 rounded to nearest,
            uint8 gets the bytes.
        mirror: swap left and right.
        mirrored: as `out`, which it must not overlap; gets the picture with left and right swapped
            while `out` gets it as it is. Not with `mirror`.
        contract: what the model wants; None is MGN's normalisation at any size, to float32 or
            float16 [3, H, W], or the bytes to uint8 [H, W, 3].

    Raises:
        InvalidInputError: other dtype, shape or order, arrays that overlap, or one to be written
            is read-only.
    """
    if mirror and mirrored is not None:
        raise InvalidInputError("mirror is True and mirrored is given, expected one of them")
    form = _form_of(out, contract)
    plain, swapped = (None, out) if mirror else (out, mirrored)
    _core.pack(
        resized, plain, swapped, form.layout, form.colour, form.scale, form.mean, form.deviation
    )


def resize_pack(
    pixels: U8Array, out: AnyArray, *, mirror: bool = False, contract: Contract | None = None
) -> None:
    """Writes a picture of any size into a model's input: `resize`, then `pack`.

    With Pillow's interpolations both are done in one pass.

    Args:
        pixels: uint8 RGB [H, W, 3] of any size, C order.
        out: of the contract's shape and dtype, C order; every element is written.
        mirror: swap left and right.
        contract: what the model wants; None is MGN's: float32 or float16 [3, 384, 128] or uint8
            [384, 128, 3].

    Raises:
        InvalidInputError: other dtype, shape or order, an empty side, arrays that overlap, or
            `out` is read-only.
    """
    form = _form_of(out, contract)
    if out.shape != form.picture_shape:
        raise InvalidInputError(
            f"out is {out.dtype} {out.shape}, expected shape {form.picture_shape}"
        )
    if form.interpolation in _OPENCV_FLAGS:
        pack(resize_for(pixels, form), out, mirror=mirror, contract=contract)
        return
    plain, swapped = (None, out) if mirror else (out, None)
    _core.resize_pack(
        pixels, plain, swapped, form.layout, form.colour, form.scale, form.mean, form.deviation,
        _PILLOW_FILTERS[form.interpolation],
    )  # fmt: skip


def _form_of(out: AnyArray, contract: Contract | None) -> Contract:
    """What `out` is filled with; refused where it is not what the contract says."""
    _require_array("out", out)
    if contract is None:
        return _MGN_BYTES if out.dtype == np.uint8 else MGN
    if out.dtype != contract.dtype or out.shape != contract.picture_shape:
        raise InvalidInputError(
            f"out is {out.dtype} {out.shape}, expected {contract.dtype} {contract.picture_shape} "
            "as the contract says"
        )
    return contract


def _resize_by_opencv(pixels: U8Array, height: int, width: int, interpolation: str) -> U8Array:
    import cv2

    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise InvalidInputError(
            f"pixels is {pixels.dtype} {pixels.shape}, expected uint8 (height, width, 3)"
        )
    flag = getattr(cv2, _OPENCV_FLAGS[interpolation])
    try:
        resized = cv2.resize(pixels, (width, height), interpolation=flag)
    except cv2.error as error:
        raise InvalidInputError(
            f"OpenCV cannot scale {pixels.shape} to {height} x {width}: {error}"
        ) from error
    return np.asarray(resized, np.uint8)


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
