# SPDX-License-Identifier: Apache-2.0
"""Whether a contract and a model's ends fit together, and which output holds the embeddings.

Knows inputs and outputs as a file describes them, whatever runs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mgn_fast.errors import ModelError
from mgn_fast.models.contract import OUTPUT_NAME, Contract
from mgn_fast.models.onnx_file import OnnxTensor

OUTPUT_DTYPES = ("float32", "float16")


def fitted_to(
    model: Path, contract: Contract, dtype: str, picture_shape: Sequence[int], width: int | None
) -> Contract:
    """The contract with the width of the model's embeddings, if it is this model's.

    Args:
        model: its file, for messages.
        contract: as stated, or as the file says.
        dtype: NumPy's name of the element type of the model's input.
        picture_shape: of one picture in the model's input.
        width: of its embeddings; None where the file leaves that open.

    Returns:
        The contract.

    Raises:
        ModelError: the contract says another size, order, element type or width than the file has.
    """
    where = f" ({contract.origin})" if contract.origin else ""
    shape = tuple(picture_shape)
    if (dtype, shape) != (contract.input, contract.picture_shape):
        raise ModelError(
            f"{model} has input {dtype} {shape}, and its contract{where} says {contract.input} "
            f"{contract.picture_shape} ({contract.layout}); {_difference(dtype, shape, contract)}"
        )
    if width is None:
        return contract
    if contract.embedding_width not in (None, width):
        raise ModelError(
            f"{model} gives embeddings {width} wide, and its contract{where} says embedding_width "
            f"{contract.embedding_width}; state the contract of this model, or another output"
        )
    return replace(contract, embedding_width=width)


def completed_shape(shape: Sequence[int | str], contract: Contract | None) -> tuple[int | str, ...]:
    """The shape of a picture, the sizes that the file leaves free taken from the contract.

    Args:
        shape: without the batch axis; a name, or a number below 1, is a free size.
        contract: None where there is none.

    Returns:
        The shape, with what is free left as it is where the contract cannot say it.
    """
    if contract is None or len(shape) != len(contract.picture_shape):
        return tuple(shape)
    return tuple(
        size if isinstance(size, int) and size > 0 else said
        for size, said in zip(shape, contract.picture_shape, strict=True)
    )


def embeddings_output(model: Path, outputs: Sequence[OnnxTensor], wanted: str) -> OnnxTensor:
    """The output that is named; else MGN's own, the only one, or the only one of embeddings.

    Sizes that the file leaves open may turn out to be those of embeddings.

    Args:
        model: its file, for messages.
        outputs: of the model.
        wanted: a name; "" where nobody says it.

    Returns:
        One of the outputs.

    Raises:
        ModelError: none has the name, none is named and several could be meant, or it holds no
            embeddings.
    """
    found = [entry for entry in outputs if entry.name == (wanted or OUTPUT_NAME)]
    if not wanted and not found:
        found = [e for e in outputs if e.dtype in OUTPUT_DTYPES and width_of(e) is not None]
    if not wanted and len(outputs) == 1:
        found = list(outputs)
    if len(found) == 1:
        (entry,) = found
        if entry.dtype not in OUTPUT_DTYPES or not _may_be_rows(entry.shape):
            raise no_embeddings(model, entry)
        return entry
    shapes = "; ".join(map(described, outputs))
    if wanted:
        raise ModelError(f"{model} has no output {wanted!r}, expected one of: {shapes}")
    raise ModelError(
        f"{model} has {len(outputs)} outputs: {shapes}; expected the name of the one that holds "
        "the embeddings, as output in Python and --output-name on the command line"
    )


def width_of(entry: OnnxTensor) -> int | None:
    """Numbers per picture of an output (batch, width) or (batch, width, 1, 1); None for others."""
    if len(entry.shape) < 2 or any(size != 1 for size in entry.shape[2:]):
        return None
    width = entry.shape[1]
    return width if isinstance(width, int) and width > 0 else None


def no_embeddings(model: Path, entry: OnnxTensor) -> ModelError:
    """The error of an output that holds no embeddings, to be raised."""
    return ModelError(
        f"{model} has output {described(entry)}, expected float32 or float16 (batch, width), with "
        "sizes of 1 behind it or none"
    )


def described(entry: OnnxTensor) -> str:
    """An output's name, element type and shape, for messages."""
    return f"{entry.name} {entry.dtype} {list(entry.shape)}"


def _may_be_rows(shape: Sequence[int | str]) -> bool:
    return len(shape) >= 2 and not any(isinstance(size, int) and size > 1 for size in shape[2:])


def _difference(dtype: str, shape: tuple[int, ...], contract: Contract) -> str:
    """What to state instead, in the words of a contract's fields."""
    if dtype != contract.input:
        return f"expected input {dtype!r}"
    if len(shape) != 3 or 3 not in (shape[0], shape[-1]):
        return "expected a model of pictures with three channels"
    layout = "NCHW" if shape[0] == 3 else "NHWC"
    height, width = shape[1:] if layout == "NCHW" else shape[:2]
    return f"expected layout {layout!r}, height {height} and width {width}"
