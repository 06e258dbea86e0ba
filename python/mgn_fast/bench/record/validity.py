# SPDX-License-Identifier: Apache-2.0
"""Reasons not to believe a measurement, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mgn_fast.bench.load.noise import Noise
from mgn_fast.bench.load.window import Repeat

# Mean in flight against rate times mean latency (Little 1961): more is an error of the clock or of
# the queue, or results that were not noticed when they came.
MAX_LITTLE_ERROR = 0.05
# Slowest to fastest repeat over the median one.
MAX_SPREAD = 0.10
# A pause counts as a stall if it is so many times the longest usual gap and such a share of its
# repeat. Usual are nine of ten: lanes that end together, or images that come at random, make most
# gaps short and some long.
STALL_GAPS = 10.0
USUAL_SHARE = 0.9
STALL_SHARE = 0.02
MIN_REPEATS = 3
MAX_STEAL_SHARE = 0.02
MAX_THROTTLED_SHARE = 0.02
MAX_FREQUENCY_DROP = 0.10
# Of the rate that was asked for, under an open load; less so many deviations of the number of
# images that come at random, whose share of n is 1 over the root of n.
MIN_KEPT_UP = 0.97
ARRIVAL_DEVIATIONS = 3.0


@dataclass(frozen=True)
class LittlesLaw:
    """Two ways to count the images under way, which agree if nothing was lost or hidden.

    Attributes:
        in_flight: counted, or kept by a closed load.
        rate_times_latency: from the results.
        chance: by how much, as a share, counting at random moments may be off.

    Source:
        Little, A Proof for the Queuing Formula L = lambda W, Operations Research 1961.
    """

    in_flight: float
    rate_times_latency: float
    chance: float = 0.0

    @property
    def error(self) -> float:
        """How far apart the two counts are, as a share."""
        return abs(self.rate_times_latency / self.in_flight - 1) if self.in_flight else 1.0


def doubts(
    repeats: Sequence[Repeat],
    rates: Sequence[float],
    law: LittlesLaw,
    noise: Noise,
    wanted_rate: float | None = None,
) -> Iterator[str]:
    """Sentences on why a measurement cannot be believed; none where it can.

    Args:
        repeats: of it, at least one.
        rates: images per second of each.
        law: of all of them.
        noise: during them.
        wanted_rate: that the images came at, under an open load; else None.

    Yields:
        One sentence per reason.
    """
    if law.error > MAX_LITTLE_ERROR + law.chance:
        yield (
            f"Little's law: {law.in_flight:.2f} images in flight, but rate times latency is "
            f"{law.rate_times_latency:.2f}; at most {MAX_LITTLE_ERROR:.0%} apart is expected"
        )
    if len(repeats) < MIN_REPEATS:
        yield f"{len(repeats)} repeats, expected {MIN_REPEATS} or more to tell chance from speed"
    spread = (max(rates) - min(rates)) / float(np.median(rates))
    # Under an open load repeats differ as the arrivals do.
    if spread > MAX_SPREAD and wanted_rate is None:
        yield (
            f"repeats from {min(rates):.1f} to {max(rates):.1f} images/s, {spread:.0%} apart; at "
            f"most {MAX_SPREAD:.0%} is expected of a stable run"
        )
    yield from _stalls(repeats)
    yield from _noise(noise)
    if wanted_rate is not None:
        yield from _overload(repeats, wanted_rate)


def _overload(repeats: Sequence[Repeat], wanted_rate: float) -> Iterator[str]:
    images = sum(repeat.images for repeat in repeats)
    achieved = images / sum(repeat.seconds for repeat in repeats)
    if achieved < (MIN_KEPT_UP - ARRIVAL_DEVIATIONS / math.sqrt(images)) * wanted_rate:
        yield f"{wanted_rate:g} images/s arrive, {achieved:.1f} are done: the load is too high"


def _stalls(repeats: Sequence[Repeat]) -> Iterator[str]:
    gaps_s = [repeat.gaps_s for repeat in repeats]
    all_s = np.concatenate(gaps_s)
    # Results that were noticed at the same moment have no gap between them.
    usual_s = float(np.quantile(all_s[all_s > 0], USUAL_SHARE, method="lower"))
    for number, (repeat, gaps) in enumerate(zip(repeats, gaps_s, strict=True), start=1):
        longest_s = float(gaps.max())
        if longest_s > STALL_GAPS * usual_s and longest_s > STALL_SHARE * repeat.seconds:
            yield (
                f"stall: {1000 * longest_s:.0f} ms without a result in repeat {number}, "
                f"{longest_s / usual_s:.0f} times the usual gap"
            )


def _noise(noise: Noise) -> Iterator[str]:
    for share, most, what in (
        (noise.steal_share, MAX_STEAL_SHARE, "of the cores' time was stolen by the hypervisor"),
        (noise.throttled_share, MAX_THROTTLED_SHARE, "of the time the control group throttled us"),
        (noise.frequency_drop, MAX_FREQUENCY_DROP, "lower frequency at the end than at the start"),
    ):
        if share is not None and share > most:
            yield f"{share:.1%} {what}; at most {most:.0%} is expected"
