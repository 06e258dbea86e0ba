# SPDX-License-Identifier: Apache-2.0
"""AIPP, the normalisation that ATC can move onto the device: its configuration and its arithmetic.

AIPP computes in float16, so the model gets pictures that are a little off the exact ones;
`worst_errors` says how much.
"""

from __future__ import annotations

import numpy as np

from mgn_fast.errors import InvalidInputError
from mgn_fast.models.contract import DEVIATION, HEIGHT, MEAN, WIDTH
from mgn_fast.types import AnyArray, F64Array, U8Array

# Per channel, for a level of 0 to 255. AIPP's mean_chn is an integer, so the means, which are not,
# go into min_chn: it is subtracted just the same.
MIN_CHN: tuple[float, ...] = tuple(255 * mean for mean in MEAN)
VAR_RECI: tuple[float, ...] = tuple(1 / (255 * deviation) for deviation in DEVIATION)


def config_text() -> str:
    """AIPP's configuration for ATC's --insert_op_conf: R, G, B bytes in rows, taken as they are."""
    fields = [
        "aipp_mode: static",
        "related_input_rank: 0",
        "input_format: RGB888_U8",
        f"src_image_size_w: {WIDTH}",
        f"src_image_size_h: {HEIGHT}",
        "crop: false",
        "csc_switch: false",
        "rbuv_swap_switch: false",
    ]
    fields += [f"mean_chn_{channel}: 0" for channel in range(3)]
    # Nine digits: ATC reads float32.
    fields += [f"min_chn_{channel}: {value:.9g}" for channel, value in enumerate(MIN_CHN)]
    fields += [f"var_reci_chn_{channel}: {value:.9g}" for channel, value in enumerate(VAR_RECI)]
    return "aipp_op {\n" + "".join(f"    {field}\n" for field in fields) + "}\n"


def normalise(pixels: U8Array) -> AnyArray:
    """Normalised pictures as AIPP gives them to the network, bit for bit.

    Each step is rounded to float16: the picture minus min_chn, then times var_reci.

    Args:
        pixels: uint8 [N, H, W, 3], RGB.

    Returns:
        float16 [N, 3, H, W].

    Raises:
        InvalidInputError: another dtype or shape.

    Example:
        >>> float(normalise(np.full((1, 1, 1, 3), 255, np.uint8))[0, 0, 0, 0])
        2.24609375

        255 - 123.6875 is 131.3125, which float16 keeps as 131.25; times 0.01712036 is 2.24705,
        which it keeps as 2.24609375. Exactly it is 2.248908.

    Source:
        CANN's AIPP: (in - mean - min) * var_reci, with min and var_reci as float16.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] != 3:
        raise InvalidInputError(
            f"pixels are {pixels.dtype} {pixels.shape}, expected uint8 [N, H, W, 3]"
        )
    centred = pixels.astype(np.float16) - np.array(MIN_CHN, np.float16)
    return np.ascontiguousarray((centred * np.array(VAR_RECI, np.float16)).transpose(0, 3, 1, 2))


def worst_errors() -> tuple[float, float, float]:
    """AIPP's largest error in red, green and blue: 0.0028, 0.0015 and 0.0013.

    The errors are distances from the exact normalisation over all 256 levels, in units of the
    network's input. For comparison: rounding the exact result to float16, which any float16 network
    does, is off by at most 0.0010.

    Returns:
        One number each for red, green and blue.
    """
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(256, 1, 1, 3)
    differences = np.abs(normalise(levels) - _exactly(levels)).max((0, 2, 3))
    red, green, blue = (float(difference) for difference in differences)
    return red, green, blue


def _exactly(pixels: U8Array) -> F64Array:
    scaled: F64Array = pixels.astype(np.float64) / 255
    return ((scaled - MEAN) / DEVIATION).transpose(0, 3, 1, 2)
