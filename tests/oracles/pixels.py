# SPDX-License-Identifier: Apache-2.0
"""Pillow's bicubic, the network's input and the tests' pictures, written to be read.

The checks at the end are what every set of kernels must pass; tests call them with the sizes that
are hard for one set.
"""

from __future__ import annotations

import numpy as np

from mgn_fast import _core
from mgn_fast.models.contract import DEVIATION, MEAN
from support.late import late

Image = late("PIL.Image")

KINDS = (np.float32, np.float16, np.uint8)
LINE = 64


def pillow(pixels, height, width):
    """Rows first, then columns: what one call does in Pillow up to 12.1 for every size, and in
    later ones wherever they do not shrink tall pictures the other way round."""
    rows_done = Image.fromarray(pixels).resize((width, pixels.shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(rows_done.resize((width, height), Image.Resampling.BICUBIC))


def bicubic(x):
    """Keys' cubic with a = -0.5."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0


def weights(input_size, output_size):
    """float64 [output, input], rows that sum to 1: the fixed-point weights before rounding."""
    scale = input_size / output_size
    widened = max(scale, 1.0)
    found = np.zeros((output_size, input_size))
    for i in range(output_size):
        center = (i + 0.5) * scale
        found[i] = [bicubic((k + 0.5 - center) / widened) for k in range(input_size)]
        found[i] /= found[i].sum()
    return found


def normalised(pixels, mean=MEAN, deviation=DEVIATION):
    """(x / 255 - mean) / deviation, planes first, every step in float32."""
    scaled = pixels.astype(np.float32) / np.float32(255)
    return ((scaled - np.float32(mean)) / np.float32(deviation)).transpose(2, 0, 1)


def tensor(pixels, kind, mean=MEAN, deviation=DEVIATION):
    """What a picture of the right size becomes."""
    if kind == np.uint8:
        return pixels
    with np.errstate(all="ignore"):
        return np.ascontiguousarray(normalised(pixels, mean, deviation).astype(kind))


def mirrored(tensor):
    """Left and right swapped, in either layout."""
    return np.ascontiguousarray(tensor[:, ::-1] if tensor.dtype == np.uint8 else tensor[..., ::-1])


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
    """Every byte is Pillow's."""
    for pixels in hard_pictures(random, *size):
        out = Guarded((*to, 3), np.uint8)
        _core.resize(pixels, out.array, simd)
        np.testing.assert_array_equal(out.array, pillow(pixels, *to), err_msg=f"{size} to {to}")
        out.assert_neighbours_untouched()


def check_pack(simd, pixels, offset=0, mean=MEAN, deviation=DEVIATION):
    """Every kind, plain, mirrored and both, is NumPy's to the bit, and nothing else is written."""
    for kind in KINDS:
        expected = tensor(pixels, kind, mean, deviation)
        # In elements, so that the array stays aligned to its own type.
        shift = offset * expected.itemsize
        plain, swapped = (Guarded(expected.shape, kind, shift) for _ in range(2))
        alone, swapped_alone = (Guarded(expected.shape, kind, shift) for _ in range(2))
        _core.pack(pixels, plain.array, swapped.array, mean, deviation, simd)
        _core.pack(pixels, alone.array, None, mean, deviation, simd)
        _core.pack(pixels, None, swapped_alone.array, mean, deviation, simd)
        for out in (plain, alone):
            assert_same_bits(out.array, expected)
            out.assert_neighbours_untouched()
        for out in (swapped, swapped_alone):
            assert_same_bits(out.array, mirrored(expected))
            out.assert_neighbours_untouched()


def every_level(width):
    """All 256 values in each channel, in another order each, `width` to a row."""
    up = np.arange(256, dtype=np.uint8)
    rows = np.stack([up, up[::-1], np.roll(up, 100)], -1)
    height = -(-256 // width)
    return np.resize(rows, (height, width, 3)).copy()
