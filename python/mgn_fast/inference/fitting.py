# SPDX-License-Identifier: Apache-2.0
"""Whether an opened model and the contract in force fit together."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mgn_fast.models.contract import Contract
from mgn_fast.models.fit import fitted_to


class Opened(Protocol):
    """The part of an opened model that a contract speaks of."""

    path: Path
    contract: Contract | None
    input_shape: tuple[int, ...]
    input_dtype: np.dtype[Any]
    embedding_width: int


def fitted(model: Opened) -> Contract | None:
    """The contract of an opened model with the width of its embeddings, if it fits the model.

    Args:
        model: an opened one.

    Returns:
        The contract; None where there is none.

    Raises:
        ModelError: the contract says another size, order, element type or width than the file has.
    """
    if model.contract is None:
        return None
    return fitted_to(
        model.path,
        model.contract,
        str(model.input_dtype),
        model.input_shape,
        model.embedding_width,
    )
