# SPDX-License-Identifier: Apache-2.0
"""The numbers that define MGN's input and output, and the contract stored in every model file.

Knows nothing of any backend. Whatever prepares or checks pictures takes its numbers here.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from mgn_fast.errors import ModelError

HEIGHT = 384
WIDTH = 128
EMBEDDING_WIDTH = 2048
# ImageNet's statistics of RGB scaled to 0..1, as torchvision publishes them; MGN was trained so.
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
INPUT_NAME = "image"
OUTPUT_NAME = "features"
METADATA_KEY = "mgn_fast.contract"
# Of a model with a fixed size, and of a session.
MAX_BATCH_SIZE = 1024

InputKind = Literal["float32", "uint8"]
OutputKind = Literal["embedding", "all"]


@dataclass(frozen=True)
class Contract:
    """What a model expects of a picture, and what it gives: stored in the file, checked at load.

    Attributes:
        input: "float32" (NCHW, normalised outside) or "uint8" (NHWC RGB, normalised in the graph).
        outputs: "embedding" (2048 wide) or "all" (the recipe's twelve).
        fuse_mirror: the graph itself runs picture and mirror, adds and normalises.
        checkpoint_sha256: of the weights' file; "" for seeded random weights.
        seed: of the random weights; None for a checkpoint.
        height, width, colour, mean, deviation, interpolation: how a picture becomes the input.
    """

    input: InputKind = "float32"
    outputs: OutputKind = "embedding"
    fuse_mirror: bool = False
    checkpoint_sha256: str = ""
    seed: int | None = None
    height: int = HEIGHT
    width: int = WIDTH
    colour: str = "RGB"
    mean: tuple[float, float, float] = MEAN
    deviation: tuple[float, float, float] = DEVIATION
    interpolation: str = "pillow-bicubic"

    def to_json(self) -> str:
        """The contract as one line of JSON, keys sorted.

        Returns:
            Text that `from_json` reads back to an equal contract.
        """
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str, *, source: str) -> Contract:
        """Reads a stored contract and checks that this version can keep it.

        Args:
            text: what `to_json` wrote.
            source: the file it came from, for messages.

        Returns:
            The contract.

        Raises:
            ModelError: no contract, or one that asks for preprocessing this version lacks.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            for key in ("mean", "deviation"):
                fields[key] = tuple(fields[key])
            contract = cls(**fields)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ModelError(
                f"{source} has metadata {METADATA_KEY} = {text[:200]!r}, which is no contract: "
                f"{error}"
            ) from error
        contract._require_supported(source)
        return contract

    def _require_supported(self, source: str) -> None:
        ours = Contract()
        for name in ("height", "width", "colour", "mean", "deviation", "interpolation"):
            if getattr(self, name) != getattr(ours, name):
                raise ModelError(
                    f"{source} expects {name} = {getattr(self, name)!r}; "
                    f"this version prepares {getattr(ours, name)!r}"
                )
        if self.input not in get_args(InputKind) or self.outputs not in get_args(OutputKind):
            raise ModelError(
                f"{source} has input {self.input!r} and outputs {self.outputs!r}; "
                f"expected one of {get_args(InputKind)} and one of {get_args(OutputKind)}"
            )
