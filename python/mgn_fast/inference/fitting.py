# SPDX-License-Identifier: Apache-2.0
"""What the caller says of a model, what its file says, and whether the two fit together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mgn_fast.models.contract import Contract
from mgn_fast.models.fit import fitted_to
from mgn_fast.models.presets import with_changes


@dataclass(frozen=True)
class Statement:
    """What the caller says of a model: its contract, and its output; None for what is not said."""

    contract: Contract | None = None
    output: str | None = None

    def completed(self, stored: Callable[[], Contract | None]) -> tuple[Contract | None, str]:
        """The contract in force, and the name of the output that holds the embeddings.

        Args:
            stored: reads the file's contract; not called where the caller states one.

        Returns:
            The contract, or None where nobody says it; the name, or "" where nobody says that.
        """
        contract = stored() if self.contract is None else self.contract
        if contract is None:
            return None, self.output or ""
        if self.output is not None and self.output != contract.output:
            contract = with_changes(contract, {"output": self.output})
        return contract, contract.output or ""


NOTHING_SAID = Statement()


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
