# SPDX-License-Identifier: Apache-2.0
"""What any model file says of its contract, whatever kind of file it is; no runtime is needed."""

from __future__ import annotations

from pathlib import Path

from mgn_fast.errors import ModelError
from mgn_fast.models.contract import Contract
from mgn_fast.models.om_file import read_contract
from mgn_fast.models.onnx_file import described_in, read_bytes

SUFFIXES = (".onnx", ".om", ".xml")


def contract_in(model: Path) -> Contract | None:
    """The contract that a model file says by itself: in its metadata, or in its sidecar.

    Args:
        model: an .onnx, .om or .xml file.

    Returns:
        The contract; None where the file says none.

    Raises:
        ModelError: another kind of file, one that cannot be read, or a contract that no model has.
    """
    require_kind(model)
    if model.suffix == ".onnx":
        return described_in(read_bytes(model), model).contract
    return read_contract(model)


def require_kind(model: Path) -> None:
    """Raises ModelError unless the file's name ends as a model's does."""
    if model.suffix not in SUFFIXES:
        raise ModelError(
            f"model {str(model)!r} ends in {model.suffix!r}, expected '.onnx', '.om' or '.xml'"
        )
