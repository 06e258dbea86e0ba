# SPDX-License-Identifier: Apache-2.0
"""AIPP, the normalisation that ATC can move onto the device: its configuration and its arithmetic.

AIPP computes in float16, so the model gets pictures that are a little off the exact ones;
`worst_errors` says how much.
"""

from __future__ import annotations

import numpy as np

from mgn_fast.errors import InvalidInputError
from mgn_fast.models.contract import MGN, Channels, Contract
from mgn_fast.types import AnyArray, F64Array, U8Array

_LARGEST = 65504  # in float16, and in the configuration's fields


def minima(contract: Contract = MGN) -> Channels:
    """What AIPP subtracts from a picture's levels in each channel: scale x mean.

    AIPP's mean_chn is an integer, so the means, which are not, go into min_chn: it is subtracted
    just the same.

    Args:
        contract: of the network.

    Returns:
        One number a channel, in the contract's order.
    """
    first, second, third = (contract.scale * mean for mean in contract.mean)
    return first, second, third


def factors(contract: Contract = MGN) -> Channels:
    """What AIPP multiplies the differences by in each channel, its var_reci.

    Args:
        contract: of the network.

    Returns:
        1 / (scale x deviation), one number a channel, in the contract's order.
    """
    first, second, third = (1 / (contract.scale * spread) for spread in contract.deviation)
    return first, second, third


def require_float16(contract: Contract) -> None:
    """Raises InvalidInputError for a normalisation whose numbers float16 cannot hold."""
    for least, factor in zip(minima(contract), factors(contract), strict=True):
        centred = max(abs(least), abs(255 - least))
        if max(centred, factor, centred * factor) > _LARGEST or np.float16(factor) == 0:
            raise InvalidInputError(
                f"scale {contract.scale:g}, mean {contract.mean} and deviation "
                f"{contract.deviation} have AIPP compute (x - {least:g}) x {factor:g} in float16, "
                f"expected numbers from 6e-8 to {_LARGEST}; compile without AIPP"
            )


def config_text(contract: Contract = MGN) -> str:
    """AIPP's configuration for ATC's --insert_op_conf: three bytes a pixel in rows, as they come.

    The host gives the bytes in the order that the network reads, BGR where the contract says so;
    the device swaps nothing, whatever the format's name says.

    Args:
        contract: of the network.

    Returns:
        Text of the configuration.

    Raises:
        InvalidInputError: numbers that float16 cannot hold.
    """
    require_float16(contract)
    fields = [
        "aipp_mode: static",
        "related_input_rank: 0",
        "input_format: RGB888_U8",
        f"src_image_size_w: {contract.width}",
        f"src_image_size_h: {contract.height}",
        "crop: false",
        "csc_switch: false",
        "rbuv_swap_switch: false",
    ]
    fields += [f"mean_chn_{channel}: 0" for channel in range(3)]
    # Nine digits: ATC reads float32.
    fields += [f"min_chn_{channel}: {value:.9g}" for channel, value in enumerate(minima(contract))]
    fields += [
        f"var_reci_chn_{channel}: {value:.9g}" for channel, value in enumerate(factors(contract))
    ]
    return "aipp_op {\n" + "".join(f"    {field}\n" for field in fields) + "}\n"


def normalise(pixels: U8Array, contract: Contract = MGN) -> AnyArray:
    """Normalised pictures as AIPP gives them to the network, bit for bit.

    Each step is rounded to float16: the picture minus min_chn, then times var_reci.

    Args:
        pixels: uint8 [N, H, W, 3], channels in the contract's order.
        contract: of the network.

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
    centred = pixels.astype(np.float16) - np.array(minima(contract), np.float16)
    scaled = centred * np.array(factors(contract), np.float16)
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def worst_errors(contract: Contract = MGN) -> tuple[float, float, float]:
    """AIPP's largest error in red, green and blue; for MGN 0.0028, 0.0015 and 0.0013.

    The errors are distances from the exact normalisation over all 256 levels, in units of the
    network's input. For comparison: rounding MGN's exact input to float16, which any float16
    network does, is off by at most 0.0010.

    Args:
        contract: of the network.

    Returns:
        One number each for red, green and blue, whatever the contract's order is.
    """
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(256, 1, 1, 3)
    got = normalise(levels, contract)
    differences = np.abs(got - _exactly(levels, contract)).max((0, 2, 3))
    red, green, blue = map(float, differences[:: -1 if contract.colour == "BGR" else 1])
    return red, green, blue


def _exactly(pixels: U8Array, contract: Contract) -> F64Array:
    scaled: F64Array = pixels.astype(np.float64) / contract.scale
    return ((scaled - contract.mean) / contract.deviation).transpose(0, 3, 1, 2)
