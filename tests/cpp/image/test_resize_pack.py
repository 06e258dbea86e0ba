# SPDX-License-Identifier: Apache-2.0
"""cpp/image/resize_pack.cpp: one pass gives what resize and then pack give."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mgn_fast import InvalidInputError, _core, resize_pack
from mgn_fast.models.contract import DEVIATION, HEIGHT, MEAN, WIDTH
from oracles.pixels import KINDS, Guarded, assert_same_bits, hard_pictures, mirrored, pillow, tensor

LEVELS = _core.simd_levels()
SIZE = (HEIGHT, WIDTH)


def shape_of(kind, height, width):
    return (height, width, 3) if kind is np.uint8 else (3, height, width)


def check(simd, pixels, height, width, kind, offset=0):
    expected = tensor(pillow(pixels, height, width), kind)
    shift = offset * expected.itemsize
    plain, swapped = (Guarded(expected.shape, kind, shift) for _ in range(2))
    _core.resize_pack(pixels, plain.array, swapped.array, MEAN, DEVIATION, simd)
    assert_same_bits(plain.array, expected)
    assert_same_bits(swapped.array, mirrored(expected))
    plain.assert_neighbours_untouched()
    swapped.assert_neighbours_untouched()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("simd", LEVELS)
@pytest.mark.parametrize("size", [(128, 64), (1, 1), (500, 1), (2, 700), (384, 128), (300, 90)])
def test_both_are_pillow_then_numpy_to_the_bit(random, size, simd, kind):
    for pixels in hard_pictures(random, *size):
        check(simd, pixels, *SIZE, kind)
        check(simd, pixels, *SIZE, kind, offset=1)


@pytest.mark.parametrize("simd", LEVELS)
@pytest.mark.parametrize("seed", range(40))
def test_both_at_random_sizes(seed, simd):
    random = np.random.default_rng(seed)
    height, width, to_height, to_width = (int(n) for n in random.integers(1, 150, 4))
    for pixels in hard_pictures(random, height, width):
        check(simd, pixels, to_height, to_width, KINDS[seed % 3], offset=seed % 5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mirror", [False, True])
def test_one_of_them_alone(random, kind, mirror):
    pixels = next(hard_pictures(random, 128, 64))
    out = Guarded(shape_of(kind, *SIZE), kind)
    resize_pack(pixels, out.array, mirror=mirror)
    expected = tensor(pillow(pixels, *SIZE), kind)
    assert_same_bits(out.array, mirrored(expected) if mirror else expected)
    out.assert_neighbours_untouched()


def test_threads_do_not_disturb_each_other(random):
    """Each thread keeps plans and levels of its own; sizes and normalisations alternate."""
    pictures = [next(hard_pictures(random, 20 + n, 60 - n)) for n in range(24)]
    statistics = [(MEAN, DEVIATION), ((0.5,) * 3, (0.25,) * 3)]

    def work(index):
        pixels, (mean, deviation) = pictures[index % 24], statistics[index % 2]
        out = np.empty((3, 48, 16), np.float32)
        _core.resize_pack(pixels, out, None, mean, deviation)
        return out, tensor(pillow(pixels, 48, 16), np.float32, mean, deviation)

    with ThreadPoolExecutor(4) as pool:
        for got, expected in pool.map(work, range(96)):
            assert_same_bits(got, expected)


@pytest.mark.parametrize(
    ("pixels", "out", "message"),
    [
        (np.zeros((0, 4, 3), np.uint8), (3, 4, 4), "pixels has height 0 and width 4, expected at"),
        (None, (3, 0, 4), "out has height 0 and width 4, expected at least one pixel"),
        (np.zeros((4, 4, 3), np.float32), (3, 4, 4), "pixels is float32"),
        (np.zeros((4, 4, 1), np.uint8), (3, 4, 4), r"pixels is uint8 \(4, 4, 1\)"),
        (None, (1, 4, 4), r"plain is float32 \(1, 4, 4\), expected \(3, height, width\)"),
    ],
)
def test_buffers_of_another_form_are_refused(pixels, out, message):
    pixels = np.zeros((4, 4, 3), np.uint8) if pixels is None else pixels
    with pytest.raises(InvalidInputError, match=message):
        _core.resize_pack(pixels, np.zeros(out, np.float32), None, MEAN, DEVIATION)


def test_an_output_of_another_size_is_refused():
    pixels = np.zeros((4, 4, 3), np.uint8)
    for shape, kind in [((3, 128, 384), np.float32), ((3, 384, 128), np.uint8), ((2,), np.float16)]:
        with pytest.raises(InvalidInputError, match=r"out is .*, expected shape \("):
            resize_pack(pixels, np.zeros(shape, kind))


def test_memory_that_is_shared_is_refused():
    memory = np.zeros(6 * 384 * 128, np.uint8)
    out = memory[: 3 * 384 * 128].reshape(384, 128, 3)
    inside = memory[:30].reshape(2, 5, 3)
    with pytest.raises(InvalidInputError, match="pixels and plain share memory"):
        resize_pack(inside, out)
    with pytest.raises(InvalidInputError, match="pixels and mirrored share memory"):
        resize_pack(inside, out, mirror=True)
    with pytest.raises(InvalidInputError, match="plain and mirrored share memory"):
        _core.resize_pack(inside.copy(), out, out, MEAN, DEVIATION)
