# SPDX-License-Identifier: Apache-2.0
"""Rankings and reports: the results of an evaluation."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mgn_fast.common.extras import require_extra
from mgn_fast.common.files import write_json
from mgn_fast.common.text import csv_text, printable
from mgn_fast.evaluation.roc.curve import VerificationCurve
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


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """mAP, mINP, CMC and average precisions: how well queries find their person.

    `str(report)` is the table that the command line prints; notebooks show it as HTML.

    Attributes:
        mean_average_precision: mean over the queries that have a match, in [0, 1].
        mean_inverse_negative_penalty: mean of matches / rank of the last match, in [0, 1].
        cmc: float64 [max_rank]; `cmc[k - 1]` is the share of these with a match among the first k.
        average_precision: float64 [Q]; NaN for a query without match.
        num_valid_queries: queries that have a match.
        notes: what a reader of the figures must know of how they came about, as sentences.
        verification: what thresholds on the distance accept, where that was asked for; else None.
        metric: how rows were compared, "euclidean" or "cosine"; None of given distances.
    """

    mean_average_precision: float
    mean_inverse_negative_penalty: float
    cmc: F64Array
    average_precision: F64Array
    num_valid_queries: int
    notes: tuple[str, ...] = field(default=(), kw_only=True)
    verification: VerificationCurve | None = field(default=None, kw_only=True)
    metric: str | None = field(default=None, kw_only=True)

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
            "metric": self.metric,
            "notes": list(self.notes),
            "verification": None if self.verification is None else self.verification.to_dict(),
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

    def to_dataframe(self) -> Any:
        """The figures as a table of pandas: one row, the columns of `row` and the two counts.

        Returns:
            A `pandas.DataFrame`.

        Raises:
            RuntimeUnavailableError: pandas is not installed.
        """
        require_extra("tables", "pandas")
        import pandas as pd

        return pd.DataFrame([_with_counts(self)])

    def print(self) -> None:
        """Prints `str(report)` to standard output."""
        print(self)  # noqa: T201

    def __str__(self) -> str:
        return table_of({"": self})

    def __repr__(self) -> str:
        figures = ", ".join(f"{name} {value:.4f}" for name, value in self.row().items())
        return f"<{type(self).__name__}: {figures}, {self.num_valid_queries:,} queries>"

    def _repr_html_(self) -> str:
        row = self.row()
        cells = "".join(f"<td>{value:.4f}</td>" for value in row.values())
        heads = "".join(f"<th>{name}</th>" for name in row)
        said = "".join(f"<p>{html.escape(printable(line))}</p>" for line in _said({"": self}))
        told = "" if self.verification is None else self.verification._repr_html_()
        return f"<table><tr>{heads}</tr><tr>{cells}</tr></table>{said}{told}"


def table_of(reports: Mapping[str, Report]) -> str:
    """One line for each report, four decimals as the recipe prints, and what must be said of them.

    Args:
        reports: by the name of their line; at least one.

    Returns:
        Lines of text, without a newline at the end.
    """
    width = max(map(len, reports))
    heads = next(iter(reports.values())).row()
    lines = [" " * width + "".join(f"{name:>9}" for name in heads)]
    for name, report in reports.items():
        figures = "".join(f"{value:9.4f}" for value in report.row().values())
        lines.append(f"{name:<{width}}{figures}")
    curves = (report.verification for report in reports.values())
    told = [str(curve) for curve in curves if curve is not None]
    return "\n".join([*lines, *map(printable, _said(reports)), *told])


def notes_of(reports: Mapping[str, Report]) -> list[str]:
    """What reports say of themselves, each note once, in their order."""
    return list(dict.fromkeys(note for report in reports.values() for note in report.notes))


def csv_of(reports: Mapping[str, Report]) -> str:
    """The figures as CSV: a line for each report, under a line of names.

    Args:
        reports: by name; at least one.

    Returns:
        CSV with a newline at the end of each line.
    """
    rows = [{"report": name} | _with_counts(report) for name, report in reports.items()]
    names = max((list(row) for row in rows), key=len)
    return csv_text([names, *([row.get(name, "") for name in names] for row in rows)])


def _with_counts(report: Report) -> dict[str, float]:
    queries = {"num_valid_queries": report.num_valid_queries}
    return report.row() | queries | {"num_queries": len(report.average_precision)}


def _said(reports: Mapping[str, Report]) -> list[str]:
    """How many queries counted, and each report's notes once."""
    first = next(iter(reports.values()))
    total = len(first.average_precision)
    counted = f"{first.num_valid_queries} of {total} queries have a match"
    return [counted, *(f"note: {note}" for note in notes_of(reports))]
