# SPDX-License-Identifier: Apache-2.0
"""What the caller says of a model, what its file says, and whether the two fit together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mgn_fast.errors import ModelError
from mgn_fast.models.contract import Contract
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
    contract = model.contract
    if contract is None:
        return None
    where = f" ({contract.origin})" if contract.origin else ""
    given = model.input_dtype, tuple(model.input_shape)
    said = contract.dtype, contract.picture_shape
    if given != said:
        raise ModelError(
            f"{model.path} has input {given[0]} {given[1]}, and its contract{where} says {said[0]} "
            f"{said[1]} ({contract.layout}); {_difference(model, contract)}"
        )
    if contract.embedding_width not in (None, model.embedding_width):
        raise ModelError(
            f"{model.path} gives embeddings {model.embedding_width} wide, and its contract{where} "
            f"says embedding_width {contract.embedding_width}; state the contract of this model, "
            "or another output"
        )
    return replace(contract, embedding_width=model.embedding_width)


def _difference(model: Opened, contract: Contract) -> str:
    """What to state instead, in the words of a contract's fields."""
    shape = tuple(model.input_shape)
    if contract.dtype != model.input_dtype:
        return f"expected input {str(model.input_dtype)!r}"
    if len(shape) != 3 or 3 not in (shape[0], shape[-1]):
        return "expected a model of pictures with three channels"
    layout = "NCHW" if shape[0] == 3 else "NHWC"
    height, width = shape[1:] if layout == "NCHW" else shape[:2]
    return f"expected layout {layout!r}, height {height} and width {width}"
