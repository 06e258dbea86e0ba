# SPDX-License-Identifier: Apache-2.0
"""Types that all rooms share: arrays by their dtype, paths, and who is on a picture."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mgn_fast.errors import InvalidInputError

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
        person: integers [N]; 0 marks a distractor, a picture of no person that is sought.
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
