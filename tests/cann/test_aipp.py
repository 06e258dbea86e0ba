# SPDX-License-Identifier: Apache-2.0
import re
from dataclasses import replace

import numpy as np
import pytest

from mgn_fast.cann import aipp
from mgn_fast.errors import InvalidInputError
from mgn_fast.models.contract import DEVIATION, HEIGHT, MEAN, WIDTH, Contract
from mgn_fast.pictures.pixels import pack

# Numbers that float16 holds exactly, so that results can be worked out by hand.
OTHER = Contract(
    height=64,
    width=32,
    colour="BGR",
    scale=2.0,
    mean=(8.0, 16.0, 32.5),
    deviation=(0.25, 1.0, 4.0),
    embedding_width=5,
    mirror="none",
)
AS_IT_IS = Contract(scale=1.0, mean=(0, 0, 0), deviation=(1, 1, 1))


def levels():
    """All 256 levels in each channel: [256, 1, 1, 3]."""
    return np.arange(256, dtype=np.uint8).repeat(3).reshape(256, 1, 1, 3)


# Level, channel, result; every step rounded by hand to float16.
WORKED = {
    # 255 - 123.6875 = 131.3125 -> 131.25 (tie to even); * 0.0171203613 = 2.24704... -> 1150/512
    "white, red": (255, 0, 1150 / 512),
    # 0 - 123.6875; * 0.017120361328125 = -2.117574... -> -1084/512
    "black, red": (0, 0, -1084 / 512),
    # 116 - 116.25 = -0.25 exactly; a quarter of 0.0175018310546875, exactly
    "near the mean, green": (116, 1, -0.0175018310546875 / 4),
    # 104 - 103.5 = 0.5 exactly; half of 0.017425537109375, exactly
    "near the mean, blue": (104, 2, 0.017425537109375 / 2),
}


@pytest.mark.parametrize(("level", "channel", "expected"), WORKED.values(), ids=WORKED.keys())
def test_worked_by_hand(level, channel, expected):
    got = aipp.normalise(np.full((1, 1, 1, 3), level, np.uint8))
    assert got.dtype == np.float16
    assert float(got[0, channel, 0, 0]) == expected


def test_the_constants_as_float16_are_the_known_ones():
    assert [float(np.float16(x)) for x in aipp.minima()] == [123.6875, 116.25, 103.5]
    rounded = [round(float(np.float16(x)), 8) for x in aipp.factors()]
    assert rounded == [0.01712036, 0.01750183, 0.01742554]


def test_each_step_rounds_once_as_in_exact_arithmetic():
    """A float64 holds each exact difference and product, so rounding it once is the device's."""
    exact = levels().astype(np.float64) - np.array(aipp.minima(), np.float16).astype(np.float64)
    centred = exact.astype(np.float16).astype(np.float64)
    product = centred * np.array(aipp.factors(), np.float16).astype(np.float64)
    expected = product.astype(np.float16).transpose(0, 3, 1, 2)
    assert np.array_equal(aipp.normalise(levels()), expected)


def test_the_error_over_all_levels_is_the_stated_one():
    assert [round(error, 4) for error in aipp.worst_errors()] == [0.0028, 0.0015, 0.0013]


def test_it_is_the_error_against_what_pictures_get_outside_the_model():
    """`images.pack` rounds to float32, far below the error."""
    pixels = levels()
    outside = np.empty((256, 3, 1, 1), np.float32)
    for row in range(256):
        picture = np.broadcast_to(pixels[row, 0, 0], (HEIGHT, WIDTH, 3))
        packed = np.empty((3, HEIGHT, WIDTH), np.float32)
        pack(np.ascontiguousarray(picture), packed)
        outside[row] = packed[:, :1, :1]
    drift = np.abs(aipp.normalise(pixels).astype(np.float64) - outside).max((0, 2, 3))
    np.testing.assert_allclose(drift, aipp.worst_errors(), atol=1e-6)


def test_rounding_the_exact_result_alone_is_off_by_a_thousandth():
    exact = ((levels() / 255 - MEAN) / DEVIATION).transpose(0, 3, 1, 2)
    assert 0.0009 < np.abs(exact.astype(np.float16) - exact).max() < 0.0010


@pytest.mark.parametrize("seed", range(3))
def test_pictures_become_planes(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (2, 5, 3, 3), dtype=np.uint8)
    got = aipp.normalise(pixels)
    assert got.shape == (2, 3, 5, 3)
    for place in np.ndindex(2, 5, 3, 3):
        n, h, w, c = place
        assert got[n, c, h, w] == aipp.normalise(levels())[pixels[place], c, 0, 0]


def test_the_configuration_is_static_rgb_with_means_in_min_chn():
    text = aipp.config_text()
    assert re.fullmatch(r"aipp_op \{\n(?:    [a-z_0-9]+: \S+\n)+\}\n", text)
    fields = dict(re.findall(r"(\w+): (\S+)", text))
    assert fields["aipp_mode"] == "static"
    assert fields["input_format"] == "RGB888_U8"
    assert fields["rbuv_swap_switch"] == fields["csc_switch"] == "false"
    assert (fields["src_image_size_w"], fields["src_image_size_h"]) == ("128", "384")
    assert [fields[f"mean_chn_{channel}"] for channel in range(3)] == ["0"] * 3
    assert [fields[f"min_chn_{channel}"] for channel in range(3)] == ["123.675", "116.28", "103.53"]
    for channel in range(3):
        assert np.float32(fields[f"min_chn_{channel}"]) == np.float32(aipp.minima()[channel])
        assert np.float32(fields[f"var_reci_chn_{channel}"]) == np.float32(aipp.factors()[channel])


def test_another_contract_is_its_own_numbers_worked_by_hand():
    """(x / scale - mean) / deviation is (x - scale x mean) / (scale x deviation)."""
    assert aipp.minima(OTHER) == (16.0, 32.0, 65.0)
    assert aipp.factors(OTHER) == (2.0, 0.5, 0.125)
    pixel = np.array([[[[20, 30, 73]]]], np.uint8)
    assert aipp.normalise(pixel, OTHER).ravel().tolist() == [8.0, -1.0, 1.0]


def test_another_contract_is_in_the_configuration():
    fields = dict(re.findall(r"(\w+): (\S+)", aipp.config_text(OTHER)))
    assert (fields["src_image_size_w"], fields["src_image_size_h"]) == ("32", "64")
    assert [fields[f"min_chn_{channel}"] for channel in range(3)] == ["16", "32", "65"]
    assert [fields[f"var_reci_chn_{channel}"] for channel in range(3)] == ["2", "0.5", "0.125"]
    # The host gives the bytes as the network reads them.
    assert fields["rbuv_swap_switch"] == "false"


def test_pictures_that_are_taken_as_they_are_are_exact():
    assert aipp.worst_errors(AS_IT_IS) == (0.0, 0.0, 0.0)
    assert np.array_equal(aipp.normalise(levels(), AS_IT_IS)[:, 0, 0, 0], np.arange(256))


def test_errors_are_those_of_red_green_and_blue_whatever_the_order():
    """Only the first channel of BGR, blue, has numbers that float16 rounds."""
    blue = replace(OTHER, mean=(8.3, 16.0, 32.5))
    errors = aipp.worst_errors(blue)
    # 16.6 is 16.59375 in float16: 0.00625 off, times 2. Differences are exact below 128, and above
    # rounded by a sixteenth at most, times 2.
    assert errors[:2] == (0.0, 0.0)
    assert 0.0125 <= errors[2] <= 0.0125 + 0.125
    assert aipp.worst_errors(replace(blue, colour="RGB")) == errors[::-1]


@pytest.mark.parametrize(
    "changes",
    [
        {"mean": (300.0, 0, 0)},  # 76500 is no float16
        {"scale": 1.0, "mean": (-65400.0, 0, 0)},  # 255 + 65400 is none
        {"scale": 1.0, "deviation": (1, 1, 0.001)},  # 255000 is none
        {"deviation": (1, 1e6, 1)},  # 4e-9 is 0
    ],
    ids=repr,
)
def test_a_normalisation_that_float16_cannot_hold_is_refused(changes):
    with pytest.raises(InvalidInputError, match=r"in float16, expected .* compile without AIPP"):
        aipp.config_text(replace(AS_IT_IS, **({"scale": 255.0} | changes)))


@pytest.mark.parametrize(
    "pixels", [np.zeros((1, 2, 2, 3), np.float32), np.zeros((2, 2, 3), np.uint8)]
)
def test_other_arrays_are_refused(pixels):
    with pytest.raises(InvalidInputError, match=r"expected uint8 \[N, H, W, 3\]"):
        aipp.normalise(pixels)
