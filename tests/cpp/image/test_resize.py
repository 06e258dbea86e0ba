# SPDX-License-Identifier: Apache-2.0
"""cpp/image/resize.cpp against Pillow itself, with every set of kernels."""

import numpy as np
import pytest

from mgn_fast import InvalidInputError, _core
from mgn_fast.pictures.pixels import resize
from oracles.pixels import FILTERS, check_resize, pillow
from support.late import late

Image = late("PIL.Image")

LEVELS = _core.simd_levels()


def resized(rows, height, width, filter, simd):
    out = np.empty((height, width, 3), np.uint8)
    _core.resize(np.repeat(np.uint8(rows)[..., None], 3, -1), out, filter, simd)
    assert (out == out[..., :1]).all()
    return out[..., 0].tolist()


@pytest.mark.parametrize("simd", LEVELS)
@pytest.mark.parametrize(
    ("rows", "height", "width", "expected"),
    [
        # Enlarging: weights 0.8672 and -0.0703 over their sum, then 0.8672 and 0.2266 over theirs:
        # -22.5 and 277.5 are cut off, 52.8 is rounded.
        ([[0, 255]], 1, 4, [[0, 53, 202, 255]]),
        ([[0], [255]], 4, 1, [[0], [53], [202], [255]]),
        # Shrinking: the support is widened, so both pixels count the same; 127.5 is rounded up.
        ([[0, 255]], 1, 1, [[128]]),
        ([[0], [255]], 1, 1, [[128]]),
        # Rows first with 8 bits in between: 127.5 becomes 128 and then (128 + 0) / 2 is 64.
        ([[0, 255], [0, 0]], 1, 1, [[64]]),
        # Tripling: the middle of each pixel's three is that pixel itself.
        ([[10], [90], [200]], 9, 1, None),
        ([[7]], 2, 3, [[7, 7, 7], [7, 7, 7]]),
        ([[1, 2], [3, 4]], 2, 2, [[1, 2], [3, 4]]),
    ],
)
def test_worked_by_hand(rows, height, width, expected, simd):
    got = resized(rows, height, width, "bicubic", simd)
    if expected is None:
        got, expected = got[1::3], rows
    assert got == expected


@pytest.mark.parametrize("simd", LEVELS)
@pytest.mark.parametrize(
    ("rows", "height", "width", "expected"),
    [
        # Enlarging: 1/4 and 3/4 of the way from one pixel to the next; the edges stay.
        ([[0, 255]], 1, 4, [[0, 64, 191, 255]]),
        ([[0], [255]], 4, 1, [[0], [64], [191], [255]]),
        # Shrinking widens the triangle: three pixels count 2/3, 1 and 2/3 over their sum, 7/3.
        ([[255, 0, 0]], 1, 1, [[73]]),
        ([[0, 255, 0]], 1, 1, [[109]]),
        # By two, three of four are in reach: 3/4, 3/4 and 1/4 over 7/4.
        ([[255, 0, 0, 0]], 1, 2, [[109, 0]]),
        ([[0], [0], [255], [0]], 2, 1, [[36], [109]]),
        # Rows first with 8 bits in between: 127.5 becomes 128 and then (128 + 0) / 2 is 64.
        ([[0, 255], [0, 0]], 1, 1, [[64]]),
        ([[1, 2], [3, 4]], 2, 2, [[1, 2], [3, 4]]),
    ],
)
def test_bilinear_worked_by_hand(rows, height, width, expected, simd):
    assert resized(rows, height, width, "bilinear", simd) == expected


@pytest.mark.parametrize("simd", LEVELS)
@pytest.mark.parametrize(
    "size",
    [
        *[(128, 64), (50, 100), (128, 256), (37, 91), (300, 700), (128, 384), (384, 128)],
        *[(1, 1), (1, 500), (500, 1), (2000, 3), (3, 2000), (384, 64), (128, 128), (600, 1000)],
    ],
    ids=str,
)
def test_every_byte_is_pillows_at_the_networks_size(random, size, simd):
    check_resize(simd, random, size, (384, 128))


@pytest.mark.parametrize("simd", LEVELS)
@pytest.mark.parametrize(
    "size",
    [(128, 64), (1, 1), (1, 900), (900, 1), (300, 700), (256, 64), (64, 128), (2000, 5)],
    ids=str,
)
def test_every_byte_is_pillows_at_other_networks_sizes(random, size, simd):
    check_resize(simd, random, size, (256, 128))
    check_resize(simd, random, size, (192, 256))


@pytest.mark.parametrize("simd", LEVELS)
@pytest.mark.parametrize("seed", range(100))
def test_every_byte_is_pillows_at_random_sizes(seed, simd):
    random = np.random.default_rng(seed)
    height, width, to_height, to_width = (int(n) for n in random.integers(1, 200, 4))
    check_resize(simd, random, (height, width), (to_height, to_width))


@pytest.mark.parametrize("simd", LEVELS)
def test_every_small_size_to_every_small_size(random, simd):
    """Borders on both sides at once, in both passes, at every remainder of a vector."""
    for size in range(1, 9):
        for to in range(1, 25):
            check_resize(simd, random, (size, 9 - size), (to, 25 - to))
            check_resize(simd, random, (size, size), (to, to))


def test_one_pillow_call_gives_the_same_for_crops_of_people(random):
    for size in [(128, 64), (256, 128), (200, 90), (384, 128)]:
        pixels = random.integers(0, 256, (*size, 3), dtype=np.uint8)
        once = Image.fromarray(pixels).resize((128, 384), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(resize(pixels), np.asarray(once))


def test_the_same_size_is_a_copy(random):
    pixels = random.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resize(pixels, height=5, width=7), pixels)


def test_plans_of_earlier_pictures_are_not_mixed_up(random):
    """More sizes than are kept, each met again after the others, at alternating levels and by
    either filter."""
    sizes = [(5 + n, 40 - n) for n in range(20)] + [(40, 5), (5, 40)]
    for repeat in range(3):
        for turn, size in enumerate(sizes):
            pixels = random.integers(0, 256, (*size, 3), dtype=np.uint8)
            for filter in FILTERS:
                out = np.empty((24, 12, 3), np.uint8)
                _core.resize(pixels, out, filter, LEVELS[(turn + repeat) % len(LEVELS)])
                np.testing.assert_array_equal(out, pillow(pixels, 24, 12, filter))


@pytest.mark.parametrize(
    ("pixels", "out", "message"),
    [
        (np.zeros((4, 4), np.uint8), None, r"pixels is uint8 \(4, 4\), expected uint8"),
        (np.zeros((4, 4, 4), np.uint8), None, r"pixels is uint8 \(4, 4, 4\)"),
        (np.zeros((4, 4, 3), np.int8), None, r"pixels is int8 \(4, 4, 3\), expected uint8"),
        (np.zeros((4, 8, 3), np.uint8)[:, ::2], None, "in C order"),
        (np.zeros((0, 4, 3), np.uint8), None, "pixels has height 0 and width 4"),
        (None, np.zeros((0, 4, 3), np.uint8), "out has height 0 and width 4"),
        (None, np.zeros((4, 4, 3), np.float32), "out is float32"),
        (None, np.broadcast_to(np.uint8(0), (4, 4, 3)), "in C order"),
    ],
)
def test_buffers_of_another_form_are_refused(pixels, out, message):
    good = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(InvalidInputError, match=message):
        _core.resize(good if pixels is None else pixels, good if out is None else out, "bicubic")


@pytest.mark.parametrize("filter", ["", "Bicubic", "lanczos", "nearest"])
def test_an_unknown_filter_is_refused(filter):
    pixels = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(
        InvalidInputError, match=f"filter is '{filter}', expected 'bicubic' or 'bilinear'"
    ):
        _core.resize(pixels, pixels.copy(), filter)


def test_a_read_only_output_is_refused():
    out = np.zeros((4, 4, 3), np.uint8)
    out.flags.writeable = False
    with pytest.raises(InvalidInputError, match="expected an array that may be written"):
        _core.resize(np.zeros((2, 2, 3), np.uint8), out, "bicubic")


def test_an_output_over_the_picture_is_refused():
    both = np.zeros((9, 4, 3), np.uint8)
    with pytest.raises(InvalidInputError, match="pixels and out share memory"):
        _core.resize(both[:5], both[4:], "bicubic")
    _core.resize(both[:5], both[5:], "bicubic")
