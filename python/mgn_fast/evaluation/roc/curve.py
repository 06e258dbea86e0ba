# SPDX-License-Identifier: Apache-2.0
"""What a threshold on the distance accepts: the rates of all thresholds, and what to read off them.

Knows rates alone; `pairs` counts.
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from mgn_fast.errors import InvalidInputError
from mgn_fast.types import F64Array, I64Array

# The false-accept rates of the table.
QUOTED_RATES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
# Half the width of a 95 % interval in standard deviations.
_DEVIATIONS = 1.959963984540054


class Acceptance(NamedTuple):
    """What a threshold accepts: the share of matches, and the threshold on the distance."""

    true_accept_rate: float
    threshold: float


@dataclass(frozen=True)
class OperatingPoint:
    """A line of the table: a threshold, and what it accepts.

    Attributes:
        false_accept_rate: that was asked for.
        threshold: on the Euclidean distance; minus infinity where no match can be accepted.
        true_accept_rate: share of the matches it accepts.
        true_accept_interval: Wilson's, 95 %.
        false_accepts: impostors it accepts.
        false_accept_interval: Wilson's, 95 %, of their share.
    """

    false_accept_rate: float
    threshold: float
    true_accept_rate: float
    true_accept_interval: tuple[float, float]
    false_accepts: int
    false_accept_interval: tuple[float, float]

    @property
    def rate(self) -> str:
        """The false-accept rate as it is written: 1e-4."""
        return _written(self.false_accept_rate)

    def to_dict(self) -> dict[str, Any]:
        """The line as plain numbers; what is no finite number is None."""
        return {
            "false_accept_rate": self.false_accept_rate,
            "threshold": _plain(self.threshold),
            "true_accept_rate": _plain(self.true_accept_rate),
            "true_accept_interval": [_plain(end) for end in self.true_accept_interval],
            "false_accepts": self.false_accepts,
            "false_accept_interval": [_plain(end) for end in self.false_accept_interval],
        }


@dataclass(frozen=True, eq=False, repr=False)
class VerificationCurve:
    """The rates of all thresholds: are these two pictures of one person?

    A pair is a query and a gallery picture that is not junk: a match if both show one person, an
    impostor if not. A threshold accepts the pairs whose Euclidean distance is at most as large. The
    curve is a ROC: points ascend in threshold and both rates, from a threshold that accepts no
    pair, minus infinity, to one that accepts all. Points inside a straight piece are left out,
    because they tell nothing more.

    Attributes:
        false_accept_rate: float64 [K], share of the impostors that are accepted; NaN without any.
        true_accept_rate: float64 [K], share of the matches that are; NaN without any.
        threshold: float64 [K], minus infinity first.
        num_matches: pairs of one person.
        num_impostors: pairs of two.
        notes: what a reader of the figures must know of how they came about, as sentences.
    """

    false_accept_rate: F64Array
    true_accept_rate: F64Array
    threshold: F64Array
    num_matches: int
    num_impostors: int
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    def at(self, false_accept_rate: float) -> Acceptance:
        """The largest share of matches accepted at a false-accept rate, and how to accept it.

        Below 1 / `num_impostors` it is what can be accepted without any impostor: the pairs are too
        few to tell such a rate.

        Args:
            false_accept_rate: at most this share of impostors is accepted, 0 to 1.

        Returns:
            (true_accept_rate, threshold): the smallest threshold that accepts as many matches;
            minus infinity if none can be. NaN both if there are no impostors, or no matches.

        Raises:
            InvalidInputError: no number from 0 to 1.
        """
        if not 0 <= false_accept_rate <= 1:
            raise InvalidInputError(
                f"false_accept_rate is {false_accept_rate}, expected a number from 0 to 1"
            )
        if not (self.num_matches and self.num_impostors):
            return Acceptance(math.nan, math.nan)
        last = int(np.searchsorted(self.false_accept_rate, false_accept_rate, side="right")) - 1
        first = int(np.searchsorted(self.true_accept_rate, self.true_accept_rate[last]))
        return Acceptance(float(self.true_accept_rate[first]), float(self.threshold[first]))

    @property
    def equal_error_rate(self) -> float:
        """Where as large a share of impostors is accepted as of matches is refused.

        The curve is taken as straight between its points. NaN without impostors or matches.
        """
        rate, _ = self._equal_errors()
        return rate

    @property
    def equal_error_threshold(self) -> float:
        """The curve's threshold nearest to equal errors; NaN without impostors or matches."""
        _, threshold = self._equal_errors()
        return threshold

    def table(self) -> tuple[OperatingPoint, ...]:
        """What is accepted at false-accept rates of 1e-2 to 1e-6, as far as the pairs allow.

        Returns:
            A line for each rate of which there is an impostor: rates below 1 / `num_impostors` are
            left out. None without matches.
        """
        # Of exactly 1 / rate impostors there is one, however the product rounds.
        told = [rate for rate in QUOTED_RATES if self.num_impostors * rate >= 1 - 1e-9]
        return tuple(self._point(rate) for rate in told) if self.num_matches else ()

    def to_dict(self) -> dict[str, Any]:
        """The curve summed up as plain numbers, without its points; None for what is not known.

        Returns:
            Numbers of pairs, the equal error rate with its threshold, `table` and the notes.
        """
        return {
            "num_matches": self.num_matches,
            "num_impostors": self.num_impostors,
            "equal_error_rate": _plain(self.equal_error_rate),
            "equal_error_threshold": _plain(self.equal_error_threshold),
            "table": [point.to_dict() for point in self.table()],
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        return "\n".join([self._heading(), *self._lines(), *(f"note: {n}" for n in self.notes)])

    def __repr__(self) -> str:
        return (
            f"<VerificationCurve: EER {self.equal_error_rate:.4f}, {self.num_matches:,} matches, "
            f"{self.num_impostors:,} impostors, {len(self.threshold):,} points>"
        )

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"

    def _heading(self) -> str:
        pairs = f"{self.num_matches:,} matches and {self.num_impostors:,} impostors"
        if not (self.num_matches and self.num_impostors):
            return f"verification: {pairs}; both are needed to tell an error"
        return (
            f"verification: {pairs}; equal error rate {self.equal_error_rate:.4f} at distance "
            f"{self.equal_error_threshold:.4f}"
        )

    def _lines(self) -> list[str]:
        points = self.table()
        if not points:
            return []
        lines = [f"{'FAR':>6}{'TAR':>9}{'distance':>11}{'95 % interval':>19}{'false accepts':>15}"]
        for point in points:
            low, high = point.true_accept_interval
            lines.append(
                f"{point.rate:>6}{point.true_accept_rate:>9.4f}{point.threshold:>11.4f}"
                f"{f'{low:.4f} to {high:.4f}':>19}{point.false_accepts:>15,}"
            )
        untold = [rate for rate in QUOTED_RATES if rate < points[-1].false_accept_rate]
        if untold:
            lines.append(
                f"{self.num_impostors:,} impostors are too few to tell FAR {_written(untold[0])}"
            )
        return lines

    def _point(self, rate: float) -> OperatingPoint:
        accepted = self.at(rate)
        at = int(np.searchsorted(self.threshold, accepted.threshold))
        false_accepts = round(self.false_accept_rate[at] * self.num_impostors)
        true_accepts = round(accepted.true_accept_rate * self.num_matches)
        return OperatingPoint(
            rate,
            accepted.threshold,
            accepted.true_accept_rate,
            wilson_interval(true_accepts, self.num_matches),
            false_accepts,
            wilson_interval(false_accepts, self.num_impostors),
        )

    def _equal_errors(self) -> tuple[float, float]:
        if not (self.num_matches and self.num_impostors):
            return math.nan, math.nan
        accepted, refused = self.false_accept_rate, 1 - self.true_accept_rate
        excess = accepted - refused  # -1 at first, 1 at last, ascending
        after = int(np.searchsorted(excess, 0.0))
        if excess[after] == 0:
            return float(accepted[after]), float(self.threshold[after])
        share = excess[after - 1] / (excess[after - 1] - excess[after])
        rate = accepted[after - 1] + share * (accepted[after] - accepted[after - 1])
        is_first_nearer = after > 1 and -excess[after - 1] < excess[after]
        return float(rate), float(self.threshold[after - 1 if is_first_nearer else after])


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a rate that showed itself in some of so many trials.

    It takes trials as independent. Pairs that share a picture are not, so that the rate of other
    people's pictures may well lie outside.

    Args:
        successes: 0 to `trials`.
        trials: how many.

    Returns:
        Two numbers in [0, 1]; 0 and 1 without a trial.

    Source:
        Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927.

    Example:
        None of 100 may still be one in 28:

        >>> low, high = wilson_interval(0, 100)
        >>> low, round(high, 4)
        (0.0, 0.037)
    """
    if trials == 0:
        return 0.0, 1.0
    rate, square = successes / trials, _DEVIATIONS**2
    middle = rate + square / (2 * trials)
    half = _DEVIATIONS * math.sqrt(rate * (1 - rate) / trials + square / (4 * trials**2))
    scale = 1 + square / trials
    low = 0.0 if successes == 0 else (middle - half) / scale
    high = 1.0 if successes == trials else (middle + half) / scale
    return low, high


def curve_of(
    distances: F64Array, matches: I64Array, impostors: I64Array, notes: tuple[str, ...] = ()
) -> VerificationCurve:
    """The curve of pairs that are counted by distance.

    Args:
        distances: float64 [N], ascending, all different; at least one.
        matches: int64 [N], at each distance.
        impostors: int64 [N], likewise.
        notes: of the curve.

    Returns:
        The curve, with the points that scikit-learn's `roc_curve` keeps.
    """
    accepted = np.cumsum(impostors), np.cumsum(matches)
    keep = np.ones(len(distances), np.bool_)
    keep[1:-1] = (np.diff(impostors[1:]) != 0) | (np.diff(matches[1:]) != 0)
    false, true = (np.concatenate([[0], counts[keep]]) for counts in accepted)
    num_impostors, num_matches = int(false[-1]), int(true[-1])
    return VerificationCurve(
        _rates(false, num_impostors),
        _rates(true, num_matches),
        np.concatenate([[-np.inf], distances[keep]]),
        num_matches,
        num_impostors,
        notes=notes,
    )


def _rates(counts: I64Array, total: int) -> F64Array:
    return counts / total if total else np.full(len(counts), np.nan)


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _written(rate: float) -> str:
    return f"{rate:.0e}".replace("e-0", "e-")
