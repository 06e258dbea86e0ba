# SPDX-License-Identifier: Apache-2.0
"""The simulator's deterministic function of the input, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mgn_fast.errors import InvalidInputError
from mgn_fast.types import AnyArray

_U64Array = npt.NDArray[np.uint64]
_OUTPUT_STEP = 0x9E3779B97F4A7C15
_ELEMENT_STEP = 0xD1B54A32D192ED03
_ALL_BITS = (1 << 64) - 1


def stand_in(
    inputs: Sequence[AnyArray],
    *,
    widths: Sequence[int] = (2048,),
    dtypes: Sequence[npt.DTypeLike] = (np.float32,),
) -> list[AnyArray]:
    """A model's outputs under compute="deterministic": a cheap function of every input bit.

    Each row depends on its own input rows only, so not on batch size or position. The formula is
    in the package's documentation.

    Args:
        inputs: arrays [N, ...] as they are fed, one per input; with static AIPP the uint8 picture.
        widths: elements of one row of each output.
        dtypes: element type of each output.

    Returns:
        One array [N, width] per output.

    Raises:
        InvalidInputError: no input, different row counts, or not one dtype per width.
    """
    rows = {len(array) for array in inputs}
    if len(rows) != 1 or len(widths) != len(dtypes):
        raise InvalidInputError(
            f"inputs have {sorted(rows)} rows, {len(widths)} widths and {len(dtypes)} dtypes; "
            "expected equal rows and one dtype per width"
        )
    sums = np.zeros(rows.pop(), np.uint64)
    for index, array in enumerate(inputs):
        words = _words(array)
        factors = 2 * np.arange(words.shape[1], dtype=np.uint64) + np.uint64(1 + (index << 32))
        sums += (words * factors).sum(1, dtype=np.uint64)
    results = []
    for index, (width, dtype) in enumerate(zip(widths, dtypes, strict=True)):
        steps = [index * _OUTPUT_STEP + (j + 1) * _ELEMENT_STEP & _ALL_BITS for j in range(width)]
        mixed = _splitmix64(sums[:, None] + np.array(steps, np.uint64))
        results.append(_values(mixed, np.dtype(dtype)))
    return results


def _words(array: AnyArray) -> _U64Array:
    """Each row's bytes as little-endian words of 64 bits, padded with zeros."""
    bytes_each = array[:1].nbytes
    rows = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)
    rows = rows.reshape(len(array), bytes_each)
    padded = np.zeros((len(rows), -(-bytes_each // 8) * 8), np.uint8)
    padded[:, :bytes_each] = rows
    return padded.view("<u8")


def _splitmix64(state: _U64Array) -> _U64Array:
    state = state + np.uint64(_OUTPUT_STEP)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def _values(mixed: _U64Array, dtype: np.dtype[np.generic]) -> AnyArray:
    if dtype.kind == "f":
        return ((mixed >> np.uint64(53)).astype(np.float64) / 1024 - 1).astype(dtype)
    shift = 63 if dtype.kind == "b" else 57
    return (mixed >> np.uint64(shift)).astype(dtype)
