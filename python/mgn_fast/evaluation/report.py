# SPDX-License-Identifier: Apache-2.0
"""Rankings and reports: the results of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mgn_fast.common.files import write_json
from mgn_fast.types import F32Array, F64Array, I32Array, PathLike

QUOTED_RANKS = (1, 3, 5, 10)  # the recipe's


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
    """mAP, mINP, CMC and average precisions: how well queries find their person.

    Attributes:
        mean_average_precision: mean over the queries that have a match, in [0, 1].
        mean_inverse_negative_penalty: mean of matches / rank of the last match, in [0, 1].
        cmc: float64 [max_rank]; `cmc[k - 1]` is the share of these with a match among the first k.
        average_precision: float64 [Q]; NaN for a query without match.
        num_valid_queries: queries that have a match.
        notes: what a reader of the figures must know of how they came about, as sentences.
    """

    mean_average_precision: float
    mean_inverse_negative_penalty: float
    cmc: F64Array
    average_precision: F64Array
    num_valid_queries: int
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    def row(self) -> dict[str, float]:
        """The report as the numbers of one table row.

        Returns:
            mAP, the CMC at ranks 1, 3, 5 and 10 as far as it reaches, and mINP, in [0, 1].
        """
        row = {"mAP": self.mean_average_precision}
        row |= {f"R{k}": float(self.cmc[k - 1]) for k in QUOTED_RANKS if k <= len(self.cmc)}
        return row | {"mINP": self.mean_inverse_negative_penalty}

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
            "notes": list(self.notes),
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
        return write_json(path, self.to_dict())
