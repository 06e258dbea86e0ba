# SPDX-License-Identifier: Apache-2.0
"""cpp/image/levels.cpp: the values that bytes become, for any scale, mean and deviation."""

import numpy as np
import pytest

from mgn_fast import _core
from oracles.pixels import Form, check_form, check_pack, every_level
from support.late import late

torch = late("torch")

LEVELS = _core.simd_levels()
ONE = np.full((1, 1, 3), 255, np.uint8)


def half_of(value, deviation=1.0):
    """What white becomes in float16 when (1 - mean) / deviation is value / deviation exactly."""
    out = np.empty((3, 1, 1), np.float16)
    form = Form(mean=(1 - value,) * 3, deviation=(deviation,) * 3)
    _core.pack(ONE, out, None, *form.arguments)
    return out.ravel()


@pytest.mark.parametrize(
    ("value", "deviation", "expected"),
    [
        (2049, 1, 2048),  # halfway: the even one of 2048 and 2050
        (2051, 1, 2052),  # halfway: the even one of 2050 and 2052
        (-2051, 1, -2052),
        (2049.5, 1, 2050),  # above halfway
        (65519, 1, 65504),  # the largest that does not become infinity
        (65520, 1, np.inf),
        (-65520, 1, -np.inf),
        (0, 1, 0),
        (1, 2**14, 2**-14),  # the smallest normal
        (1, 2**24, 2**-24),  # the smallest subnormal
        (1, 2**25, 0),  # halfway to it: even
        (3, 2**25, 2**-23),  # halfway between the first two subnormals: even
        (-3, 2**25, -(2**-23)),
        (1, 2**30, 0),
        (2047, 2**25, 2**-14),  # the last subnormal rounds up to a normal
    ],
)
def test_float16_worked_by_hand(value, deviation, expected):
    assert (half_of(value, deviation) == expected).all()


@pytest.mark.parametrize("simd", LEVELS)
@pytest.mark.parametrize("scale", [255, 1, 127.5])
def test_every_level_is_torchs_to_the_bit(simd, scale):
    form = Form(scale=scale)
    pixels = every_level(32)
    planes = torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
    mean, deviation = (torch.tensor(of)[:, None, None] for of in (form.mean, form.deviation))
    expected = planes.float().div(scale).sub(mean).div(deviation)
    out = np.empty((3, 8, 32), np.float32)
    _core.pack(pixels, out, None, *form.arguments, simd)
    np.testing.assert_array_equal(out, expected.numpy())


@pytest.mark.parametrize("simd", LEVELS)
@pytest.mark.parametrize("seed", range(40))
def test_any_scale_mean_and_deviation_give_true_quotients(simd, seed):
    random = np.random.default_rng(seed)
    scale = float(random.choice([255.0, 1.0, 256.0, random.random() * 1000]))
    mean = tuple(random.random(3).tolist())
    deviation = tuple((random.random(3) * 10.0 ** random.integers(-6, 5)).tolist())
    check_pack(simd, every_level(32), scale=scale, mean=mean, deviation=deviation)


@pytest.mark.parametrize("simd", LEVELS)
@pytest.mark.parametrize("deviation", [3e38, 1e38, 2e-38, 1e-39])
def test_quotients_stay_true_where_reciprocals_are_not(simd, deviation):
    """Reciprocals that are subnormal or infinite; results that are, too."""
    check_pack(simd, every_level(32), deviation=(0.5, deviation, deviation))


@pytest.mark.parametrize("simd", LEVELS)
@pytest.mark.parametrize("scale", [3e38, 2e-38, 1e-39, 1e-45])
def test_quotients_stay_true_at_the_ends_of_the_scale(simd, scale):
    check_pack(simd, every_level(32), scale=scale)


def test_levels_of_earlier_pictures_are_not_mixed_up():
    """Forms that differ in one thing alone, one after the other in one thread."""
    forms = [Form(), Form(scale=1.0), Form(colour="BGR"), Form(mean=(0.5,) * 3), Form()]
    for form in forms:
        check_form("scalar", every_level(32), np.float32, form)
