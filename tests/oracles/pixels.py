# SPDX-License-Identifier: Apache-2.0
"""Pillow's filters, a network's input and the tests' pictures, written to be read.

The checks at the end are what every set of kernels must pass; tests call them with the sizes that
are hard for one set.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace

import numpy as np

from mgn_fast import _core
from mgn_fast.models.contract import DEVIATION, MEAN
from support.late import late

Image = late("PIL.Image")

KINDS = (np.float32, np.float16, np.uint8)
LINE = 64


@dataclass(frozen=True)
class Form:
    """What the values of an input are and how they lie, in the order of the core's arguments."""

    layout: str = "NCHW"
    colour: str = "RGB"
    scale: float = 255.0
    mean: tuple[float, float, float] = MEAN
    deviation: tuple[float, float, float] = DEVIATION

    @property
    def arguments(self):
        """As the core takes them."""
        return astuple(self)


def mgn_form(kind):
    """MGN's: planes of floats, pixels of bytes."""
    return Form(layout="NHWC" if kind == np.uint8 else "NCHW")


def pillow(pixels, height, width, filter="bicubic"):
    """Rows first, then columns: what one call does in Pillow up to 12.1 for every size, and in
    later ones wherever they do not shrink tall pictures the other way round."""
    way = Image.Resampling[filter.upper()]
    rows_done = Image.fromarray(pixels).resize((width, pixels.shape[0]), way)
    return np.asarray(rows_done.resize((width, height), way))


def bicubic(x):
    """Keys' cubic with a = -0.5."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0


def bilinear(x):
    """A triangle."""
    return max(1 - abs(x), 0.0)


FILTERS = {"bicubic": bicubic, "bilinear": bilinear}


def weights(input_size, output_size, filter="bicubic"):
    """float64 [output, input], rows that sum to 1: the fixed-point weights before rounding."""
    scale = input_size / output_size
    widened = max(scale, 1.0)
    curve = FILTERS[filter]
    found = np.zeros((output_size, input_size))
    for i in range(output_size):
        center = (i + 0.5) * scale
        found[i] = [curve((k + 0.5 - center) / widened) for k in range(input_size)]
        found[i] /= found[i].sum()
    return found


def normalised(pixels, mean=MEAN, deviation=DEVIATION, scale=255):
    """(x / scale - mean) / deviation, planes first, every step in float32."""
    scaled = pixels.astype(np.float32) / np.float32(scale)
    return ((scaled - np.float32(mean)) / np.float32(deviation)).transpose(2, 0, 1)


def tensor(pixels, kind, form=None):
    """What a picture of the right size becomes: colours in order, then values, then the layout."""
    form = form or mgn_form(kind)
    ordered = pixels if form.colour == "RGB" else pixels[..., ::-1]
    with np.errstate(all="ignore"):
        planes = (
            ordered.transpose(2, 0, 1)
            if kind == np.uint8
            else normalised(ordered, form.mean, form.deviation, form.scale).astype(kind)
        )
    return np.ascontiguousarray(planes if form.layout == "NCHW" else planes.transpose(1, 2, 0))


def mirrored(tensor, form=None):
    """Left and right swapped, in either layout."""
    in_planes = (form or mgn_form(tensor.dtype)).layout == "NCHW"
    return np.ascontiguousarray(tensor[..., ::-1] if in_planes else tensor[:, ::-1])


def hard_pictures(random, height, width):
    """Noise, and black and white noise, whose overshoot is largest.

    Each is the whole of its allocation, so that a sanitizer sees what is read behind it.
    """
    yield random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    yield (random.integers(0, 2, (height, width, 3)) * 255).astype(np.uint8)


class Guarded:
    """An array to be written whose neighbours must stay as they are."""

    def __init__(self, shape, kind, offset=0):
        self._begin = 4 * LINE
        self._bytes = int(np.prod(shape)) * np.dtype(kind).itemsize
        whole = np.full(self._bytes + 10 * LINE, 0xA5, np.uint8)
        self._begin += -whole.ctypes.data % LINE + offset
        self._whole = whole
        part = whole[self._begin : self._begin + self._bytes]
        part[:] = 0x5A
        self.array = part.view(kind).reshape(shape)

    def assert_neighbours_untouched(self):
        """Fails if a byte in front or behind was written."""
        assert (self._whole[: self._begin] == 0xA5).all()
        assert (self._whole[self._begin + self._bytes :] == 0xA5).all()


def assert_same_bits(got, expected):
    """Equal in every bit, signs of zero and NaN included."""
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(np.ascontiguousarray(got).view(np.uint8), expected.view(np.uint8))


def check_resize(simd, random, size, to):
    """Every byte is Pillow's, by either filter."""
    for pixels in hard_pictures(random, *size):
        for filter in FILTERS:
            out = Guarded((*to, 3), np.uint8)
            _core.resize(pixels, out.array, filter, simd)
            expected = pillow(pixels, *to, filter)
            np.testing.assert_array_equal(out.array, expected, err_msg=f"{filter} {size} to {to}")
            out.assert_neighbours_untouched()


def check_pack(simd, pixels, offset=0, **changes):
    """Every kind as MGN wants it, but for `changes` of its form."""
    for kind in KINDS:
        check_form(simd, pixels, kind, replace(mgn_form(kind), **changes), offset)


def check_form(simd, pixels, kind, form, offset=0):
    """Plain, mirrored and both are NumPy's to the bit, and nothing else is written."""
    expected = tensor(pixels, kind, form)
    # In elements, so that the array stays aligned to its own type.
    shift = offset * expected.itemsize
    plain, swapped = (Guarded(expected.shape, kind, shift) for _ in range(2))
    alone, swapped_alone = (Guarded(expected.shape, kind, shift) for _ in range(2))
    _core.pack(pixels, plain.array, swapped.array, *form.arguments, simd)
    _core.pack(pixels, alone.array, None, *form.arguments, simd)
    _core.pack(pixels, None, swapped_alone.array, *form.arguments, simd)
    for out in (plain, alone):
        assert_same_bits(out.array, expected)
        out.assert_neighbours_untouched()
    for out in (swapped, swapped_alone):
        assert_same_bits(out.array, mirrored(expected, form))
        out.assert_neighbours_untouched()


def every_level(width):
    """All 256 values in each channel, in another order each, `width` to a row."""
    up = np.arange(256, dtype=np.uint8)
    rows = np.stack([up, up[::-1], np.roll(up, 100)], -1)
    height = -(-256 // width)
    return np.resize(rows, (height, width, 3)).copy()
