# SPDX-License-Identifier: Apache-2.0
"""Pictures that are in memory already: arrays, torch tensors, Pillow's pictures, open files.

Neither Pillow nor PyTorch is imported: their objects are known by what they can do.
"""

from __future__ import annotations

import inspect
import threading
from typing import Any

import numpy as np

from mgn_fast.errors import DecodeError
from mgn_fast.pictures.decoders import Decoded, require_size
from mgn_fast.types import AnyArray, U8Array

_TAKEN = "a path, a file's bytes, an open binary file, a Crop, or pixels"
_PIXELS = (
    "uint8 pixels of shape (H, W, 3) for RGB, (H, W) or (H, W, 1) for grey, (H, W, 4) for RGBA"
)
_ORIENTATION = 0x0112
# Pillow reads a file when its pixels are first asked for, and not for two threads at once.
_PILLOW = threading.Lock()


def is_tensor(source: object) -> bool:
    """Whether it is a torch tensor."""
    return type(source).__module__.split(".")[0] == "torch" and hasattr(source, "detach")


def is_pillow(source: object) -> bool:
    """Whether it is a picture of Pillow's."""
    return all(hasattr(source, name) for name in ("mode", "getbands", "convert"))


def is_file(source: object) -> bool:
    """Whether it is an open file, or whatever else can be read from."""
    return callable(getattr(source, "read", None)) and not is_pillow(source)


def is_one_picture(source: object) -> bool:
    """Whether it is one picture in memory, where it could be taken for several."""
    if isinstance(source, np.ndarray):
        return source.ndim != 4 and source.dtype.kind not in "OU"  # paths, or a list of pictures
    if is_tensor(source):
        return bool(source.ndim != 4)  # type: ignore[attr-defined]
    is_bytes = isinstance(source, (bytes, bytearray, memoryview))
    return is_bytes or is_pillow(source) or is_file(source)


def file_bytes(source: Any, name: str, most_bytes: int) -> Any:
    """The bytes of an open file, read from where it stands; anything else as it is.

    Args:
        source: anything.
        name: for messages.
        most_bytes: more are refused.

    Returns:
        Bytes, of bytearray and memoryview too.

    Raises:
        DecodeError: it cannot be read, is opened as text, or is larger.
    """
    if isinstance(source, (bytearray, memoryview)):
        return bytes(source)
    if not is_file(source):
        return source
    try:
        data = source.read(most_bytes + 1)
    except (OSError, ValueError, TypeError) as error:
        raise DecodeError(f"{name} is an open file that cannot be read: {error}") from error
    if inspect.iscoroutine(data):
        data.close()
    if not isinstance(data, bytes):
        raise DecodeError(
            f"{name} is an open file that gives {type(data).__name__}, expected bytes: open it in "
            'binary, as open(path, "rb") does'
        )
    if len(data) > most_bytes:
        raise DecodeError(f"{name} has more than {most_bytes} bytes, expected at most that")
    return data


def in_memory(source: Any, name: str, max_pixels: int) -> Decoded:
    """The pixels of a picture that is in memory.

    Args:
        source: an array, a torch tensor, or a picture of Pillow's.
        name: for messages.
        max_pixels: the largest height x width of Pillow's pictures, which may not be decoded yet.

    Returns:
        Pixels, uint8 RGB; those of an array in C order are the array itself. Pillow's pictures have
        an orientation, if their file says it.

    Raises:
        DecodeError: of another kind, dtype, shape or mode, or damaged.
    """
    if is_pillow(source):
        return _of_pillow(source, name, max_pixels)
    if is_tensor(source):
        return Decoded(_rgb(_array_of(source, name), name, "permute"))
    if isinstance(source, np.ma.MaskedArray):
        raise DecodeError(f"{name} is a masked array, expected {_PIXELS}; fill its mask first")
    if isinstance(source, np.ndarray):
        return Decoded(_rgb(source, name, "transpose"))
    raise DecodeError(
        f"{name} is a {type(source).__name__}, expected {_TAKEN}: {_PIXELS} as an array or a torch "
        "tensor, or a picture of Pillow's"
    )


def _rgb(array: AnyArray, name: str, turn: str) -> U8Array:
    shape = array.shape
    what = f"{name} is {array.dtype} {shape}, expected {_PIXELS}"
    if array.dtype != np.uint8:
        raise DecodeError(f"{what}; {_about_dtype(array)}")
    channels = shape[2] if array.ndim == 3 else 1
    # Three rows of one channel or four are more likely the three channels of a narrow picture.
    is_doubtful = array.ndim == 3 and shape[0] == 3 and channels != 3
    if array.ndim not in (2, 3) or channels not in (1, 3, 4) or is_doubtful:
        raise DecodeError(f"{what}{_about_shape(shape, turn)}")
    if 0 in shape:
        raise DecodeError(f"{what}, at least 1 x 1")
    if channels == 1:
        array = np.repeat(array.reshape(*shape[:2], 1), 3, axis=2)
    if channels == 4:
        array = array[:, :, :3]
    return np.ascontiguousarray(array)


def _about_dtype(array: AnyArray) -> str:
    if array.dtype == np.bool_:
        return "a mask is no picture"
    if array.dtype.kind == "f":
        return "values of 0 to 1 become it by (255 * values).round().astype('uint8')"
    return "bring the values to 0..255 and convert them with .astype('uint8')"


def _about_shape(shape: tuple[int, ...], turn: str) -> str:
    if len(shape) == 3 and shape[0] in (1, 3, 4):
        return f"; if its channels come first, give .{turn}(1, 2, 0)"
    if len(shape) in (3, 4):
        return "; if it is several pictures, give them one by one"
    return ""


def _array_of(tensor: Any, name: str) -> AnyArray:
    if str(tensor.dtype) != "torch.uint8":
        raise DecodeError(
            f"{name} is {tensor.dtype} {tuple(tensor.shape)}, expected {_PIXELS}; values of 0 to 1 "
            "become it by (255 * values).round().to(torch.uint8)"
        )
    try:
        array: AnyArray = tensor.detach().cpu().numpy()
    except (RuntimeError, TypeError, ValueError) as error:
        raise DecodeError(f"{name} is a tensor that gives no array: {error}") from error
    return array


def _of_pillow(picture: Any, name: str, max_pixels: int) -> Decoded:
    if picture.mode.split(";")[0] in ("I", "F"):
        raise DecodeError(
            f"{name} is a picture of Pillow's in mode {picture.mode!r}, expected 8 bits a channel: "
            "scale it to 0..255 and convert it to mode 'L'"
        )
    width, height = picture.size
    require_size(name, height, width, max_pixels)
    try:
        with _PILLOW:
            orientation = picture.getexif().get(_ORIENTATION, 1)
            if picture.mode == "P":  # by way of its transparency, or Pillow warns of that
                picture = picture.convert("RGBA")
            pixels = np.array(picture.convert("RGB"), np.uint8)
    except (OSError, ValueError, SyntaxError, AttributeError) as error:
        raise DecodeError(f"{name} is a picture that Pillow cannot read: {error}") from error
    known = isinstance(orientation, int) and 1 <= orientation <= 8
    return Decoded(_rgb(pixels, name, "transpose"), orientation if known else 1)
