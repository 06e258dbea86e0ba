# SPDX-License-Identifier: Apache-2.0
"""Pictures: from a path, bytes or an array to RGB pixels, and from pixels to a model's input.

EXIF orientation is ignored, as the published recipe does, unless it is asked for. Safe from any
thread.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import numpy as np

from mgn_fast import _core
from mgn_fast.common.checks import one_of
from mgn_fast.common.files import read_limited
from mgn_fast.errors import DecodeError, InvalidInputError
from mgn_fast.models.contract import MGN, Contract, Interpolation
from mgn_fast.pictures.crops import Frame, cut
from mgn_fast.pictures.decoders import Decoded, decode_bytes
from mgn_fast.pictures.given import file_bytes, in_memory
from mgn_fast.pictures.orientation import upright
from mgn_fast.types import AnyArray, Crop, PathLike, U8Array

# What stands for one picture; `given` takes pictures of Pillow and PyTorch, and open files.
Source: TypeAlias = "PathLike | bytes | AnyArray | Crop | Any"
Exif = Literal["ignore", "apply"]

MAX_PIXELS = 50_000_000
MAX_FILE_BYTES = 512 * 1024 * 1024

_PILLOW_FILTERS = {"pillow-bicubic": "bicubic", "pillow-bilinear": "bilinear"}
_OPENCV_FLAGS = {
    "opencv-bilinear": "INTER_LINEAR",
    "opencv-cubic": "INTER_CUBIC",
    "opencv-area": "INTER_AREA",
}
_MGN_BYTES = Contract(input="uint8")


def decode(
    source: Source, *, name: str | None = None, max_pixels: int = MAX_PIXELS, exif: Exif = "ignore"
) -> U8Array:
    """The RGB pixels of one picture, from a path, a file's bytes, an array and the like.

    JPEG is decoded with the exact integer transform, so that its pixels are Pillow's. Grey and
    CMYK become RGB as in Pillow, transparency is dropped. The claimed size is checked before
    anything is allocated for it.

    Args:
        source: a path; the bytes of a JPEG, PNG, BMP, PPM or WebP file, or such a file opened in
            binary; uint8 RGB [H, W, 3], which is checked and returned as it is, grey [H, W] or
            [H, W, 1], or RGBA [H, W, 4], as an array or a torch tensor; a picture of Pillow's with
            8 bits a channel; or a `Crop` out of any of these.
        name: what to call it in messages; by default its path.
        max_pixels: the largest height x width that is decoded.
        exif: "apply" turns the picture upright as its EXIF orientation says, as Pillow's
            `exif_transpose` does; boxes are of the upright frame then. "ignore" leaves it, as the
            recipe does. Orientation is read from JPEG, PNG, WebP and Pillow's pictures.

    Returns:
        uint8 [H, W, 3].

    Raises:
        DecodeError: missing, empty, cut short, damaged, too large, or of another format, dtype or
            shape; or a crop's box has no pixels of its frame.
    """
    return decoded(source, name=name, max_pixels=max_pixels, exif=exif).pixels


def decoded(
    source: Source,
    *,
    name: str | None = None,
    max_pixels: int = MAX_PIXELS,
    exif: Exif = "ignore",
    frame: Frame[Decoded] | None = None,
) -> Decoded:
    """As `decode`, with what was noticed of the picture.

    Args:
        source: as `decode` takes it.
        name: what to call it in messages; by default its path.
        max_pixels: the largest height x width that is decoded.
        exif: as `decode` takes it.
        frame: where a crop's frame is decoded once for several; None decodes it for this one.

    Returns:
        Pixels as `decode` gives them, and more.

    Raises:
        DecodeError: as `decode`.
    """
    if isinstance(source, Crop):
        if frame is None:
            frame = Frame(
                lambda: decoded(source.frame, name=name, max_pixels=max_pixels, exif=exif)
            )
        whole = frame.content()
        pixels, is_clipped = cut(whole.pixels, source.box, name or str(source))
        return Decoded(pixels, whole.orientation, is_clipped)
    if isinstance(source, (str, os.PathLike)):
        data: object = read_file(source)
        name = name or os.fspath(source)
    else:
        data = file_bytes(source, name or "picture", MAX_FILE_BYTES)
    if isinstance(data, bytes):
        found = decode_bytes(data, name or f"picture of {len(data)} bytes", max_pixels)
    else:
        found = in_memory(data, name or "picture", max_pixels)
    if exif == "apply" and found.orientation != 1:
        return replace(found, pixels=upright(found.pixels, found.orientation))
    return found


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
