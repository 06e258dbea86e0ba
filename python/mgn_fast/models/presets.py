# SPDX-License-Identifier: Apache-2.0
"""The contracts of well-known trainings by name, and what a caller states of a model.

A preset says how its repository prepares pictures to test a model. Its embeddings are as wide as
the model gives them, unless the network fixes that.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from mgn_fast.common.files import read_limited
from mgn_fast.errors import InvalidInputError, ModelError
from mgn_fast.models.contract import (
    METADATA_KEY,
    MGN_PARTS,
    OUTPUT_NAME,
    Contract,
    contract_from,
)
from mgn_fast.models.om_file import sidecar_path
from mgn_fast.types import PathLike

StatedContract: TypeAlias = "Contract | Mapping[str, Any] | PathLike"

MAX_FILE_BYTES = 1 << 20
_HALF = (0.5, 0.5, 0.5)
# 256 x 128, ImageNet's statistics, torchvision's `Resize` of a Pillow picture.
_STRONG_BASELINE = Contract(
    height=256,
    width=128,
    interpolation="pillow-bilinear",
    embedding_width=None,
    mirror="none",
    parts=None,
)

PRESETS: Mapping[str, Contract] = MappingProxyType(
    {
        name: replace(contract, origin=f"preset {name!r}")
        for name, contract in {
            # Hu's ReID-MGN, exported as the published recipe does.
            "recipe": Contract(output=OUTPUT_NAME, parts=MGN_PARTS),
            # JDAI-CV's fast-reid, its MGN exported with its own tool: normalised inside.
            "fast-reid-mgn": Contract(
                scale=1.0, mean=(0, 0, 0), deviation=(1, 1, 1), mirror="none", parts=MGN_PARTS
            ),
            # Zhou's torchreid: OSNet and its zoo.
            "torchreid": _STRONG_BASELINE,
            # He's TransReID, and CLIP-ReID, which took its data pipeline.
            "transreid": replace(_STRONG_BASELINE, mean=_HALF, deviation=_HALF),
            # Intel's person-reidentification-retail.
            "openvino-retail": replace(
                _STRONG_BASELINE,
                colour="BGR",
                scale=1.0,
                mean=(0, 0, 0),
                deviation=(1, 1, 1),
                interpolation="opencv-bilinear",
            ),
            # Luo's bag of tricks (reid-strong-baseline).
            "bot": _STRONG_BASELINE,
        }.items()
    }
)


def contract_of(given: StatedContract) -> Contract:
    """The contract that a caller states: as it is, as a dict, by a preset's name or in a file.

    Args:
        given: a `Contract`; a dict of its fields; "recipe", "fast-reid-mgn", "torchreid",
            "transreid", "openvino-retail" or "bot"; or the path of a .json file that holds a
            contract, alone or under "contract" as sidecars have it.

    Returns:
        The contract, with its origin.

    Raises:
        InvalidInputError: none of these; a file that cannot be read; a value that no model has.
    """
    if isinstance(given, Contract):
        return given if given.origin else replace(given, origin="the contract given")
    if isinstance(given, Mapping):
        return contract_from(given, source="the contract given")
    if isinstance(given, str) and given in PRESETS:
        return PRESETS[given]
    if not isinstance(given, (str, os.PathLike)) or Path(given).suffix != ".json":
        raise InvalidInputError(
            f"contract is {given!r:.200}, expected one of {', '.join(map(repr, PRESETS))}, or a "
            "file that ends in '.json'"
        )
    return _from_file(Path(given))


@dataclass(frozen=True)
class Statement:
    """What the caller says of a model: its contract, and its output; None for what is not said.

    Raises:
        InvalidInputError: an output that is no name.
    """

    contract: Contract | None = None
    output: str | None = None

    def __post_init__(self) -> None:
        if self.output is not None and not (isinstance(self.output, str) and self.output):
            raise InvalidInputError(f"output is {self.output!r}, expected the name of an output")

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
        if self.output not in (None, contract.output):
            contract = with_changes(contract, {"output": self.output})
        return contract, contract.output or ""


NOTHING_SAID = Statement()


def with_changes(contract: Contract, changes: Mapping[str, Any]) -> Contract:
    """The contract with some fields stated otherwise, which its origin then says.

    Args:
        contract: any.
        changes: fields by name.

    Returns:
        The contract; the same one where nothing changes.

    Raises:
        InvalidInputError: a value that no model has.
    """
    if not changes:
        return contract
    said = f"{contract.origin} with {', '.join(changes)} given" if contract.origin else ""
    return replace(contract, **changes, origin=said)


def proposal(picture_shape: Sequence[int], output_widths: Sequence[int]) -> str | None:
    """The one preset whose network has this signature; None where several could.

    Args:
        picture_shape: of one picture in the model's input.
        output_widths: numbers per picture of every output.

    Returns:
        "recipe" for its twelve outputs (the embedding, three parts, eight heads of one width).
    """
    widths = sorted(output_widths)
    if tuple(picture_shape) != (3, 384, 128) or len(widths) != 12:
        return None
    left = [width for width in widths if width not in (256, 2048)]
    counts = widths.count(2048), widths.count(256), len(left)
    return "recipe" if counts == (1, 3, 8) and len(set(left)) == 1 else None


def no_contract(
    model: Path, picture_shape: Sequence[int], output_widths: Sequence[int]
) -> ModelError:
    """The error of a model whose contract nobody says, with what can be done about it.

    Args:
        model: its file.
        picture_shape: of one picture in its input, for `proposal`.
        output_widths: of its outputs, likewise.

    Returns:
        The error, to be raised.
    """
    name = proposal(picture_shape, output_widths)
    ours = f"; its outputs are those of the published recipe: contract {name!r}" if name else ""
    beside = model.suffix in (".om", ".xml")
    sidecar = f"no contract in {sidecar_path(model).name} beside it"
    where = sidecar if beside else f"no metadata {METADATA_KEY}"
    return ModelError(
        f"{model} has {where}, so how to prepare pictures for it is not known{ours}; state its "
        f"contract (contract= in Python, --contract on the command line: {', '.join(PRESETS)} or a "
        ".json file), or write it down once with `mgn-fast adopt`"
    )


def _from_file(path: Path) -> Contract:
    try:
        held = json.loads(read_limited(path, MAX_FILE_BYTES, InvalidInputError, what="contract"))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError(f"contract {str(path)!r} is no JSON: {error}") from error
    if isinstance(held, dict) and "contract" in held:
        held = held["contract"]
    return contract_from(held, source=str(path))
