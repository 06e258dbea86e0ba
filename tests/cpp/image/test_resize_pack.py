# SPDX-License-Identifier: Apache-2.0
"""cpp/image/resize_pack.cpp: one pass gives what resize and then pack give."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mgn_fast import InvalidInputError, _core, resize_pack
from mgn_fast.models.contract import HEIGHT, WIDTH
from oracles.pixels import (
    FILTERS,
    KINDS,
    Form,
    Guarded,
    assert_same_bits,
    hard_pictures,
    mgn_form,
    mirrored,
    pillow,
    tensor,
)  # fmt: skip

LEVELS = _core.simd_levels()
SIZE = (HEIGHT, WIDTH)


def shape_of(kind, height, width):
    return (height, width, 3) if kind is np.uint8 else (3, height, width)


def check(simd, pixels, height, width, kind, *, form=None, filter="bicubic", offset=0):
    form = form or mgn_form(kind)
    expected = tensor(pillow(pixels, height, width, filter), kind, form)
    shift = offset * expected.itemsize
    plain, swapped = (Guarded(expected.shape, kind, shift) for _ in range(2))
    _core.resize_pack(pixels, plain.array, swapped.array, *form.arguments, filter, simd)
    assert_same_bits(plain.array, expected)
    assert_same_bits(swapped.array, mirrored(expected, form))
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


FORMS = [
    Form(layout, colour, 1.0, (103.53, 116.28, 123.675), (57.375, 57.12, 58.395))
    for layout in ("NCHW", "NHWC")
    for colour in ("RGB", "BGR")
]


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("simd", LEVELS)
def test_every_form_by_either_filter(random, simd, form, kind, filter):
    for to in [(256, 128), (13, 5), (64, 192)]:
        for pixels in hard_pictures(random, 90, 41):
            check(simd, pixels, *to, kind, form=form, filter=filter)
            check(simd, pixels, *to, kind, form=form, filter=filter, offset=1)


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
    """Each thread keeps plans and levels of its own; sizes, filters and values alternate."""
    pictures = [next(hard_pictures(random, 20 + n, 60 - n)) for n in range(24)]
    ways = [
        (Form(), "bicubic"),
        (Form(mean=(0.5,) * 3, deviation=(0.25,) * 3), "bilinear"),
        (Form(colour="BGR", scale=1.0), "bilinear"),
    ]

    def work(index):
        pixels, (form, filter) = pictures[index % 24], ways[index % 3]
        out = np.empty((3, 48, 16), np.float32)
        _core.resize_pack(pixels, out, None, *form.arguments, filter)
        return out, tensor(pillow(pixels, 48, 16, filter), np.float32, form)

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
        _core.resize_pack(pixels, np.zeros(out, np.float32), None, *Form().arguments, "bicubic")


def test_an_unknown_filter_is_refused():
    out = np.zeros((3, 4, 4), np.float32)
    with pytest.raises(InvalidInputError, match="filter is 'area', expected 'bicubic' or"):
        _core.resize_pack(np.zeros((2, 2, 3), np.uint8), out, None, *Form().arguments, "area")


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
        _core.resize_pack(inside.copy(), out, out, *mgn_form(np.uint8).arguments, "bicubic")
