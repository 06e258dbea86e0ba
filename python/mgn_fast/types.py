# SPDX-License-Identifier: Apache-2.0
"""Values that cross between modules: identities, rankings and reports."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .errors import InvalidInputError
from .files import write_atomically

U8Array: TypeAlias = npt.NDArray[np.uint8]
I32Array: TypeAlias = npt.NDArray[np.int32]
F32Array: TypeAlias = npt.NDArray[np.float32]
F64Array: TypeAlias = npt.NDArray[np.float64]
I64Array: TypeAlias = npt.NDArray[np.int64]
AnyArray: TypeAlias = npt.NDArray[Any]
PathLike: TypeAlias = str | os.PathLike[str]


def _as_int32(name: str, values: Any) -> I32Array:
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise InvalidInputError(
            f"{name} is {array.dtype} {array.shape}, expected integers in one dimension"
        )
    limits = np.iinfo(np.int32)
    if array.size and (array.min() < limits.min or array.max() > limits.max):
        raise InvalidInputError(
            f"{name} has values from {array.min()} to {array.max()}, expected them to fit int32"
        )
    return np.ascontiguousarray(array, dtype=np.int32)


@dataclass(frozen=True, eq=False)
class Identities:
    """Who is on each picture, and which camera took it.

    Args:
        person: integers [N]; 0 marks a distractor, which is nobody sought.
        camera: integers [N].

    Raises:
        InvalidInputError: not one-dimensional integers that fit int32, or lengths that differ.
    """

    person: I32Array
    camera: I32Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "person", _as_int32("person", self.person))
        object.__setattr__(self, "camera", _as_int32("camera", self.camera))
        if len(self.person) != len(self.camera):
            raise InvalidInputError(
                f"person has {len(self.person)} entries and camera {len(self.camera)}; "
                "expected one of each per picture"
            )

    def __len__(self) -> int:
        return len(self.person)


@dataclass(frozen=True, eq=False)
class Ranking:
    """The nearest gallery pictures of each query, nearest first; ties keep gallery order.

    Attributes:
        indices: int32 [Q, K], positions in the gallery.
        distances: float32 [Q, K], Euclidean.
    """

    indices: I32Array
    distances: F32Array


@dataclass(frozen=True, eq=False)
class Report:
    """How well queries find their person in the gallery.

    Attributes:
        mean_average_precision: mean over the queries that have a match, in [0, 1].
        mean_inverse_negative_penalty: mean of matches / rank of the last match, in [0, 1].
        cmc: float64 [max_rank]; `cmc[k - 1]` is the share of these with a match among the first k.
        average_precision: float64 [Q]; NaN for a query without match.
        num_valid_queries: queries that have a match.
    """

    mean_average_precision: float
    mean_inverse_negative_penalty: float
    cmc: F64Array
    average_precision: F64Array
    num_valid_queries: int

    def to_dict(self) -> dict[str, Any]:
        """The report as plain numbers and lists; a query without match is None.

        Returns:
            A dict with the attributes' names as keys.
        """
        precision = [None if np.isnan(x) else float(x) for x in self.average_precision]
        return {
            "mean_average_precision": self.mean_average_precision,
            "mean_inverse_negative_penalty": self.mean_inverse_negative_penalty,
            "cmc": [float(x) for x in self.cmc],
            "average_precision": precision,
            "num_valid_queries": self.num_valid_queries,
        }

    def to_json(self, path: PathLike) -> Path:
        """Writes the report as JSON; the file appears whole or not at all.

        Args:
            path: where to write.

        Returns:
            The path written.

        Raises:
            InvalidInputError: the directory is missing or cannot be written.
        """
        return write_atomically(path, json.dumps(self.to_dict(), indent=1).encode() + b"\n")
