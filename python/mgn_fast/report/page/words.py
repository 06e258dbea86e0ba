# SPDX-License-Identifier: Apache-2.0
"""Figures, crowds and rules as the page says them."""

from __future__ import annotations

import math

import numpy as np

from mgn_fast.models.contract import Contract
from mgn_fast.models.in_use import in_one_line
from mgn_fast.report.kit.words import count
from mgn_fast.types import I32Array, Identities

# None: of given distances.
METRIC_RULES = {
    "euclidean": "Euclidean, of the rows as they are",
    "cosine": "Euclidean, of the rows scaled to length 1 (cosine)",
    None: "as given",
}
PRECISION_RULES = {
    "sklearn": "equal distances are found together (sklearn, the recipe's)",
    "hits": "mean precision at the matches (hits)",
    "market1501": "trapezoids between them (market1501)",
}
CAMERA_RULES = {
    "drop": "the person's pictures by the query's camera are junk (drop)",
    "keep": "counts (keep)",
    "separate": "all pictures by the query's camera are junk (separate)",
}


def score(value: float) -> str:
    """A figure with four decimals, as the recipe prints it; a dash for what is no finite number."""
    return f"{value:.4f}" if math.isfinite(value) else "\u2013"


def share(value: float) -> str:
    """A share in percent, with two figures: 0.031 %, 4.1 %, 41 %; a dash for NaN."""
    if math.isnan(value):
        return "\u2013"
    percent = 100 * value
    if percent == 0 or percent >= 10:
        return f"{percent:.0f}\u00a0%"
    decimals = min(4, 1 - math.floor(math.log10(percent)))
    return f"{percent:.{decimals}f}\u00a0%"


def crowd(identities: Identities) -> str:
    """How many pictures by how many cameras, such as "118 pictures by 6 cameras"."""
    pictures = count(len(identities), "picture")
    if identities.camera is None:
        return f"{pictures}, cameras not known"
    return f"{pictures} by {count(len(np.unique(identities.camera)), 'camera')}"


def persons(identities: Identities) -> str:
    """How many people are on pictures, such as "23 persons"."""
    return count(len(np.unique(identities.person)), "person")


def cameras(identities: Identities, numbers: I32Array) -> list[str]:
    """The words of some cameras' numbers, or the numbers where cameras have no words."""
    names = identities.camera_names
    return [str(number) if names is None else names[number] for number in numbers.tolist()]


def no_pairs(query: Identities) -> str:
    """Why a page has no matrix of camera pairs."""
    if query.camera is None:
        return "Cameras are not known."
    return "There are too many cameras for a matrix of their pairs."


def prepared(contract: Contract) -> str:
    """How the model's pictures were prepared, and who says so, as a note of a page."""
    source = f", from {contract.origin}" if contract.origin else ""
    return f"The model's contract{source}: {in_one_line(contract)}."
