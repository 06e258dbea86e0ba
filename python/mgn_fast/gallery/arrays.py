# SPDX-License-Identifier: Apache-2.0
"""NumPy's arrays inside a larger file: written as `numpy.save` does, found again by their headers.

A header is matched against what NumPy writes, never evaluated, and no size is believed beyond the
bytes that are there.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mgn_fast.types import AnyArray

# NumPy pads its headers to it, so that data begin at a multiple where the header did.
ALIGNMENT = 64
_LONGEST_HEADER = 256
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '(<f[24]|\|u1|<u4)', 'fortran_order': False, "
    rb"'shape': \(([0-9]{1,18}),(?: ([0-9]{1,18}))?\), \} *\n",
    re.DOTALL,
)


@dataclass(frozen=True)
class ArrayPlace:
    """The place of an array's numbers inside a file, with their dtype and shape.

    Attributes:
        dtype: of its numbers.
        shape: one or two sizes.
        begin: offset of the first number.
        end: offset behind the last one.
    """

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    begin: int
    end: int


def text_bytes(text: bytes, offset: int, behind: int, alignment: int = ALIGNMENT) -> bytes:
    """JSON as an array of its bytes, filled up with spaces so that what follows is aligned.

    Args:
        text: JSON.
        offset: in the file, where the array will begin.
        behind: bytes between the array's end and what is to be aligned.
        alignment: of that, in the file.

    Returns:
        Header and text.
    """
    # Headers of shapes between these two are of one length.
    header_bytes = len(array_header(np.uint8, (len(text),)))
    filling = -(offset + header_bytes + len(text) + behind) % alignment
    return array_bytes(np.frombuffer(text + b" " * filling, np.uint8))


def array_header(dtype: npt.DTypeLike, shape: tuple[int, ...]) -> bytes:
    """The bytes that `numpy.save` writes before an array's numbers: a multiple of ALIGNMENT."""
    header = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(np.dtype(dtype).newbyteorder("<"))
    fields = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, fields)
    return header.getvalue()


def array_bytes(array: AnyArray) -> bytes:
    """Header and numbers of an array in C order, as `numpy.save` writes them."""
    return array_header(array.dtype, array.shape) + array.tobytes()


def read_array(content: memoryview, offset: int) -> ArrayPlace:
    """The place of the array that begins at an offset of a file.

    Args:
        content: the file.
        offset: of the header.

    Returns:
        Its place, which lies inside the content.

    Raises:
        ValueError: no such array begins there, or it would end beyond the content.
    """
    found = _HEADER.match(content[offset : offset + _LONGEST_HEADER])
    if found is None:
        raise ValueError(f"no array begins at byte {offset}")
    dtype = np.dtype(found[1].decode())
    shape = tuple(int(size) for size in found.groups()[1:] if size is not None)
    begin = offset + found.end()
    end = begin + int(np.prod(shape, dtype=object)) * dtype.itemsize
    if end > len(content):
        raise ValueError(f"the array at byte {offset} would end at byte {end} of {len(content)}")
    return ArrayPlace(dtype, shape, begin, end)
