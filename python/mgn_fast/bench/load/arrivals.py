# SPDX-License-Identifier: Apache-2.0
"""Arrival times of the pictures of an open load."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mgn_fast.errors import InvalidInputError

Arrival = Literal["poisson", "constant"]
# More than one thread of Python can let arrive.
MAX_RATE = 1e5


@dataclass(frozen=True)
class Arrivals:
    """The rate at which images come, and whether at random or evenly.

    Attributes:
        rate: images per second, above 0, at most 100,000.
        arrival: "poisson", as independent cameras, or "constant".
        seed: of the former.
    """

    rate: float
    arrival: Arrival = "poisson"
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.rate <= MAX_RATE:
            raise InvalidInputError(
                f"rate is {self.rate}, expected images per second above 0, at most {MAX_RATE:g}"
            )

    def times(self, started_s: float) -> Iterator[float]:
        """Moments at which images come, in seconds after `started_s` on its clock; endless."""
        random = np.random.default_rng(self.seed)
        now_s = started_s
        while True:
            wait = 1.0 if self.arrival == "constant" else random.exponential()
            now_s += wait / self.rate
            yield now_s
