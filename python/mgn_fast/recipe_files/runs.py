# SPDX-License-Identifier: Apache-2.0
"""The published recipe's files between its steps: where they stand and what they are called.

`write` makes the tensors that a tool runs, `find` finds the tool's outputs, and `read` turns those
into embeddings. Imports no OpenCV.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mgn_fast.datasets.dataset import Dataset, Split
from mgn_fast.evaluation.report import Report
from mgn_fast.models.contract import HEIGHT, WIDTH

# float32, channels first: what one picture takes.
BIN_BYTES = 3 * HEIGHT * WIDTH * 4


@dataclass(frozen=True)
class Run:
    """One of the recipe's four runs of the model: a split, plain or mirrored.

    Attributes:
        split: which pictures.
        mirrored: whether left and right are swapped.
        folder: of its tensors, below the directory written.
        info: the list of them that the benchmark tool takes.
        results: what the recipe calls the directory of its outputs, for any of its tools. Its
            newer script writes "filp"; the word meant is taken too.
    """

    split: Literal["query", "gallery"]
    mirrored: bool
    folder: str
    info: str
    results: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.split} {'mirrored' if self.mirrored else 'plain'}"


RUNS = (
    Run("query", False, "bin_data/q", "q_bin.info", ("q_bin", "q_out")),
    Run("gallery", False, "bin_data/g", "g_bin.info", ("g_bin", "g_out")),
    Run("query", True, "bin_data_flip/q", "q_bin_flip.info", ("q_bin_flip", "q_filp", "q_flip")),
    Run("gallery", True, "bin_data_flip/g", "g_bin_flip.info", ("g_bin_flip", "g_filp", "g_flip")),
)


def pictures_of(dataset: Dataset, run: Run) -> Split:
    """The pictures of a run, query or gallery, in the order of the files' numbers."""
    return dataset.query if run.split == "query" else dataset.gallery


def stem_of(index: int) -> str:
    """A picture's file name before suffix and output number: its place, of five digits or more."""
    return f"{index:05d}"


def result_lines(reports: Mapping[str, Report]) -> list[str]:
    """Reports in the recipe's words, one line each, re-ranked first as the recipe prints them.

    Args:
        reports: "plain" and, if there is one, "re-ranked"; each with a cmc of at least 10 ranks.

    Returns:
        Lines without their ends.
    """
    names = {"re-ranked": "[With    Re-Ranking]", "plain": "[Without Re-Ranking]"}
    lines = []
    for name in (name for name in names if name in reports):
        report = reports[name]
        ranks = " ".join(f"rank{k}: {report.cmc[k - 1]:.4f}" for k in (1, 3, 5, 10))
        lines.append(f"{names[name]} mAP: {report.mean_average_precision:.4f} {ranks}")
    return lines
