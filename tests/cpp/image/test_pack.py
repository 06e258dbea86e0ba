# SPDX-License-Identifier: Apache-2.0
"""cpp/image/pack.cpp against NumPy, with every set of kernels."""

from dataclasses import replace

import numpy as np
import pytest

from mgn_fast import InvalidInputError, _core
from mgn_fast.pictures.pixels import pack
from oracles.pixels import KINDS, Form, check_form, check_pack, every_level, mgn_form

LEVELS = _core.simd_levels()


@pytest.fixture
def picture():
    return every_level(32)


def test_worked_by_hand():
    pixels = np.array([[[255, 0, 51], [0, 255, 0]]], np.uint8)
    out = np.empty((3, 1, 2), np.float32)
    pack(pixels, out)
    red = [(1 - 0.485) / 0.229, -0.485 / 0.229]
    green = [-0.456 / 0.224, (1 - 0.456) / 0.224]
    blue = [(0.2 - 0.406) / 0.225, -0.406 / 0.225]
    np.testing.assert_allclose(out[:, 0], [red, green, blue], rtol=1e-6)
    pack(pixels, out, mirror=True)
    np.testing.assert_allclose(out[:, 0], [red[::-1], green[::-1], blue[::-1]], rtol=1e-6)


def test_both_at_once_worked_by_hand():
    pixels = np.array([[[1, 2, 3], [4, 5, 6], [7, 8, 9]]], np.uint8)
    plain, mirrored = np.empty_like(pixels), np.empty_like(pixels)
    pack(pixels, plain, mirrored=mirrored)
    assert plain.tolist() == [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]
    assert mirrored.tolist() == [[[7, 8, 9], [4, 5, 6], [1, 2, 3]]]


def test_other_forms_worked_by_hand():
    """Mean and deviation are in the order of the output's channels."""
    pixels = np.array([[[10, 20, 30], [11, 21, 31]]], np.uint8)
    form = Form("NHWC", "BGR", 1.0, (30, 20, 10), (1, 2, 4))
    out, mirrored = np.empty((2, 1, 2, 3), np.float32)
    _core.pack(pixels, out, mirrored, *form.arguments)
    assert out.tolist() == [[[0, 0, 0], [1, 0.5, 0.25]]]
    assert mirrored.tolist() == [[[1, 0.5, 0.25], [0, 0, 0]]]
    planes, mirrored = np.empty((2, 3, 1, 2), np.float16)
    _core.pack(pixels, planes, mirrored, *replace(form, layout="NCHW").arguments)
    assert planes.tolist() == [[[0, 1]], [[0, 0.5]], [[0, 0.25]]]
    assert mirrored.tolist() == [[[1, 0]], [[0.5, 0]], [[0.25, 0]]]
    planes, mirrored = np.empty((2, 3, 1, 2), np.uint8)
    _core.pack(pixels, planes, mirrored, *replace(form, layout="NCHW").arguments)
    assert planes.tolist() == [[[30, 31]], [[20, 21]], [[10, 11]]]
    assert mirrored.tolist() == [[[31, 30]], [[21, 20]], [[11, 10]]]


FORMS = [
    Form(layout, colour, scale, mean, deviation)
    for layout in ("NCHW", "NHWC")
    for colour in ("RGB", "BGR")
    for scale, mean, deviation in [
        (255.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        (1.0, (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)),
        (127.5, (1.0, 0.5, 0.25), (1.0, 2.0, 3.0)),
    ]
]


@pytest.mark.parametrize("simd", LEVELS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("size", [(8, 64), (9, 37), (1, 1), (17, 3)], ids=str)
def test_every_form_is_numpys_to_the_bit(random, simd, kind, form, size):
    pixels = random.integers(0, 256, (*size, 3), dtype=np.uint8)
    check_form(simd, pixels, kind, form)
    check_form(simd, pixels, kind, form, offset=3)


@pytest.mark.parametrize("simd", LEVELS)
@pytest.mark.parametrize("width", [1, 2, 7, 8, 16, 31, 32, 64, 128])
def test_every_value_in_every_channel_is_numpys_to_the_bit(simd, width):
    check_pack(simd, every_level(width))


@pytest.mark.parametrize("simd", LEVELS)
@pytest.mark.parametrize("offset", [0, 1, 3, 4, 8, 16, 31])
def test_where_the_output_starts_makes_no_difference(simd, offset):
    """Streaming stores need whole lines; other places get ordinary ones."""
    check_pack(simd, every_level(64), offset)


@pytest.mark.parametrize("simd", LEVELS)
@pytest.mark.parametrize("height", [1, 7, 8, 9, 17, 64])
def test_pictures_of_any_rest_after_a_strip(random, simd, height):
    check_pack(simd, random.integers(0, 256, (height, 3, 3), dtype=np.uint8))
    check_pack(simd, random.integers(0, 256, (height, 70, 3), dtype=np.uint8))


def test_a_batch_is_filled_in_place(picture):
    batch = np.full((3, 3, 8, 32), np.float32(7))
    pack(picture, batch[1])
    assert (batch[[0, 2]] == 7).all()
    assert not (batch[1] == 7).any()


BOTH = np.zeros((2, 3, 8, 32), np.float32)
FLAT = BOTH.reshape(-1)
MISALIGNED = np.zeros(3073, np.uint8)[1:].view(np.float32).reshape(3, 8, 32)


@pytest.mark.parametrize(
    ("plain", "mirrored", "message"),
    [
        (None, None, "plain and mirrored are both None, expected at least one array"),
        (np.zeros((3, 32, 8), np.float32), None, r"pixels is uint8 .*, expected the outputs' size"),
        (None, np.zeros((9, 32, 3), np.uint8), r"expected the outputs' size, uint8 \(9, 32, 3\)"),
        (np.zeros((8, 32, 3), np.float32), None, r"plain is float32 \(8, 32, 3\), expected \(3, h"),
        (np.zeros((4, 8, 32), np.float16), None, r"plain is float16 \(4, 8, 32\), expected \(3, h"),
        (np.zeros((3, 8, 32, 1), np.float16), None, r"plain is float16 \(3, 8, 32, 1\)"),
        (np.zeros((3, 8, 32), np.uint8), None, r"plain is uint8 \(3, 8, 32\), expected \(height"),
        (np.zeros((3, 8, 32), np.float64), None, "plain is float64 .*, expected float32, float16"),
        (np.zeros((3, 8, 32), ">f4"), None, "plain is >f4 .*, expected float32, float16 or uint8"),
        (np.zeros((3, 8, 32), np.int16), None, "plain is int16 .*, expected float32, float16"),
        (np.zeros((3, 8, 64), np.float32)[..., ::2], None, "plain is .*, expected C order"),
        (BOTH[0], BOTH[1].astype(np.float16), r"mirrored is float16 .* expected float32 \(3, 8, 3"),
        (BOTH[0], np.zeros((3, 8, 31), np.float32), r"mirrored is float32 \(3, 8, 31\), expected"),
        (BOTH[0], np.zeros((2, 3, 8, 64), np.float32)[0, ..., ::2], "mirrored is .* C order"),
        (BOTH[0], BOTH[0], "plain and mirrored share memory, expected arrays that do not overlap"),
        (FLAT[:768].reshape(3, 8, 32), FLAT[767:1535].reshape(3, 8, 32), "share memory"),
        (MISALIGNED, None, "plain is float32 .*, expected C order, aligned"),
    ],
    ids=str,
)  # fmt: skip
def test_outputs_of_another_form_are_refused(picture, plain, mirrored, message):
    some = plain if plain is not None else mirrored
    form = mgn_form(np.float32 if some is None else some.dtype)
    with pytest.raises(InvalidInputError, match=message):
        _core.pack(picture, plain, mirrored, *form.arguments)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (Form(layout="CHW"), "layout is 'CHW', expected 'NCHW' or 'NHWC'"),
        (Form(layout=""), "layout is '', expected 'NCHW' or 'NHWC'"),
        (Form(colour="rgb"), "colour is 'rgb', expected 'RGB' or 'BGR'"),
        (Form(scale=0.0), r"scale is 0\.0+ in float32, expected a finite number above 0"),
        (Form(scale=-255.0), r"scale is -255\.0+ in float32, expected a finite number above 0"),
        (Form(scale=1e-50), r"scale is 0\.0+ in float32, expected a finite number above 0"),
        (Form(scale=1e300), "scale is inf in float32, expected a finite number above 0"),
        (Form(scale=float("nan")), "scale is nan in float32, expected a finite number above 0"),
    ],
    ids=str,
)
def test_values_of_another_form_are_refused(picture, form, message):
    for _ in range(2):
        with pytest.raises(InvalidInputError, match=message):
            _core.pack(picture, BOTH[0].copy(), None, *form.arguments)


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.uint8])
@pytest.mark.parametrize("mirror", [False, True])
def test_a_read_only_output_is_refused(picture, kind, mirror):
    out = np.zeros((8, 32, 3) if kind is np.uint8 else (3, 8, 32), kind)
    out.flags.writeable = False
    with pytest.raises(InvalidInputError, match="expected an array that may be written"):
        pack(picture, out, mirror=mirror)
    assert not out.any()


def test_an_output_over_the_picture_is_refused(picture):
    for mirror in (False, True):
        with pytest.raises(InvalidInputError, match=r"pixels and (plain|mirrored) share memory"):
            pack(picture, picture, mirror=mirror)


def test_neighbours_are_not_taken_for_overlap():
    plain, mirrored = BOTH.copy()
    pack(every_level(32), plain, mirrored=mirrored)
    np.testing.assert_array_equal(mirrored, plain[..., ::-1])


def test_mirror_together_with_mirrored_is_refused(picture):
    with pytest.raises(InvalidInputError, match="mirror is True and mirrored is given"):
        pack(picture, picture.copy(), mirror=True, mirrored=picture.copy())
