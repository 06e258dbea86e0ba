# SPDX-License-Identifier: Apache-2.0
"""Sizes that each data set's authors publish: data only, compared by `dataset.count_problems`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """Sizes of one split. Junk is left out, distractors are pictures but no persons.

    Attributes:
        pictures: files that are embedded.
        persons: different persons on them.
        cameras: different cameras; None where no per-split number is published.
    """

    pictures: int
    persons: int
    cameras: int | None


# Market-1501's gallery is its 19,732 files less 3,819 of person -1. Occluded-Duke is counted from
# its authors' lists. VeRi's 20 cameras are of all splits; what each uses is not published.
PUBLISHED: dict[str, dict[str, Counts]] = {
    "market1501": {"query": Counts(3368, 750, 6), "gallery": Counts(15913, 750, 6)},
    "dukemtmc": {"query": Counts(2228, 702, 8), "gallery": Counts(17661, 1110, 8)},
    "occluded-duke": {"query": Counts(2210, 519, 8), "gallery": Counts(17661, 1110, 8)},
    "msmt17": {"query": Counts(11659, 3060, 15), "gallery": Counts(82161, 3060, 15)},
    "cuhk03-np-labeled": {"query": Counts(1400, 700, 2), "gallery": Counts(5328, 700, 2)},
    "cuhk03-np-detected": {"query": Counts(1400, 700, 2), "gallery": Counts(5332, 700, 2)},
    "veri776": {"query": Counts(1678, 200, None), "gallery": Counts(11579, 200, None)},
}
