# SPDX-License-Identifier: Apache-2.0
"""The page's plots as SVG elements that take their colours from the page's own style sheet.

Lines differ in dashes and areas in pattern as well as in colour. Names are escaped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from mgn_fast.common.text import printable
from mgn_fast.evaluation.report import Report
from mgn_fast.evaluation.roc.curve import VerificationCurve
from mgn_fast.report.histograms import DistanceHistogram
from mgn_fast.types import F64Array, I64Array

# As wide as a phone's screen, so that the text is legible there.
WIDTH, HEIGHT = 430, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 12, 42
LEGEND_LINE = 20
MOST_BINS = 56
NUM_LINES = 6  # looks that the style sheet has


def cmc_plot(reports: Mapping[str, Report]) -> str:
    """The share of queries with a match among the first k, against k, as an <svg> element."""
    longest = max(len(report.cmc) for report in reports.values())
    lowest = min(float(report.cmc.min()) for report in reports.values())
    floor = max(0.0, math.floor(lowest * 10 - 0.5) / 10)
    head = LEGEND_LINE * len(reports)
    frame = _Frame((1, max(2, longest)), (floor, 1.0), head)
    marks = frame.axes("rank k", _rank_ticks(longest), _ticks(floor, 1.0, 5), percent=True)
    for index, (name, report) in enumerate(reports.items()):
        look = f"line line-{index % NUM_LINES}"
        points = [(k, float(value)) for k, value in enumerate(report.cmc, start=1)]
        path = "M" + " L".join(f"{frame.x(k):.1f} {frame.y(v):.1f}" for k, v in points)
        y = 12 + LEGEND_LINE * index
        marks += [
            f'<path class="{look}" d="{path}"><title>{_escaped(name)}</title></path>',
            f'<circle class="dot line-{index % NUM_LINES}" cx="{frame.x(1):.1f}" '
            f'cy="{frame.y(points[0][1]):.1f}" r="4"/>',
            f'<path class="{look}" d="M{LEFT} {y} h34"/>',
            f'<text x="{LEFT + 42}" y="{y + 5}">{_escaped(name)}</text>',
        ]
    return frame.element(marks, "CMC: share of queries with a match among the first k, against k")


def histogram_plot(histogram: DistanceHistogram, ranking: str) -> str:
    """Distances of matches and of others, as shares of their number, as an <svg> element."""
    drawn = histogram.drawn(MOST_BINS)
    shares = _shares(drawn.matches), _shares(drawn.others)
    top = max(max(shares[0]), max(shares[1])) * 1.05 or 1.0
    edges = (float(drawn.edges[0]), float(drawn.edges[-1]))
    frame = _Frame(edges, (0.0, top), 2 * LEGEND_LINE)
    ticks = _ticks(0.0, top, 4)
    label = "Euclidean distance" if ranking == "plain" else f"{printable(ranking)} distance"
    marks = frame.axes(label, _ticks(*edges, 6), ticks, percent=True)
    # Others first: where both are, the matches' outline and pattern lie above.
    for kind, values in (("others", shares[1]), ("matches", shares[0])):
        path = _steps(frame, drawn.edges, values)
        marks.append(f'<path class="area {kind}" d="{path}"/>')
    for index, (kind, name) in enumerate((("matches", "matches"), ("others", "non-matches"))):
        y = 4 + LEGEND_LINE * index
        marks += [
            f'<rect class="area {kind}" x="{LEFT}" y="{y}" width="34" height="12"/>',
            f'<text x="{LEFT + 42}" y="{y + 11}">{name}</text>',
        ]
    for kind, counts in (("matches", histogram.matches), ("others", histogram.others)):
        median = histogram.median(counts)
        if not math.isnan(median):
            at = min(max(frame.x(median), LEFT), WIDTH - RIGHT)
            marks.append(
                f'<path class="median {kind}" d="M{at:.1f} {frame.top} V{frame.bottom}">'
                f"<title>median {median:.4g}</title></path>"
            )
    return frame.element(marks, f"{printable(ranking)}: distances of matches and of non-matches")


def roc_plot(curve: VerificationCurve) -> str:
    """The share of matches accepted against that of impostors, on a log axis, as an <svg>.

    Args:
        curve: of matches and impostors; shown from the decade of the rate that one impostor makes.

    Returns:
        The element.
    """
    decades = max(1, math.floor(math.log10(max(1, curve.num_impostors))))
    frame = _Frame((-decades, 0), (0.0, 1.0))
    across = [(float(n), f"1e{n}" if n else "1") for n in range(-decades, 1)]
    if decades > 7:  # or the numbers would touch
        across = across[decades % 2 :: 2]
    marks = frame.axes("false-accept rate", across, _ticks(0.0, 1.0, 5), percent=True)
    exponents = np.linspace(-decades, 0, WIDTH - LEFT - RIGHT)
    at = np.searchsorted(curve.false_accept_rate, 10.0**exponents, side="right") - 1
    for kind, values in (
        ("equal grid", 1 - 10.0**exponents),
        ("line line-0", curve.true_accept_rate[at]),
    ):
        points = zip(exponents.tolist(), values.tolist(), strict=True)
        path = "M" + " L".join(f"{frame.x(x):.1f} {frame.y(y):.1f}" for x, y in points)
        marks.append(f'<path class="{kind}" d="{path}"/>')
    rate = curve.equal_error_rate
    dot = frame.x(max(-decades, math.log10(rate))) if rate > 0 else LEFT
    marks.append(
        f'<circle class="dot line-0" cx="{dot:.1f}" cy="{frame.y(1 - rate):.1f}" r="4">'
        f"<title>equal error rate {rate:.4g}</title></circle>"
    )
    return frame.element(marks, "ROC: share of matches accepted, against that of impostors")


class _Frame:
    """The scales of a plot: where a pair of values lies in the drawing."""

    def __init__(self, across: tuple[float, float], up: tuple[float, float], head: int = 0) -> None:
        self._across, self._up = across, up
        self.height = HEIGHT + head
        self.top, self.bottom = TOP + head, HEIGHT + head - BOTTOM

    def x(self, value: float) -> float:
        low, high = self._across
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self._up
        return self.bottom - (value - low) / (high - low) * (self.bottom - self.top)

    def axes(
        self,
        label: str,
        across: Sequence[float | tuple[float, str]],
        up: Sequence[float],
        *,
        percent: bool,
    ) -> list[str]:
        """A plot's grid, the numbers along it and the label below, as SVG.

        A place across that is no number as it stands comes with its name.
        """
        marks = []
        for value in up:
            y = self.y(value)
            text = f"{100 * value:.10g} %" if percent else f"{value:.10g}"
            marks += [
                f'<path class="grid" d="M{LEFT} {y:.1f} H{WIDTH - RIGHT}"/>',
                f'<text class="end" x="{LEFT - 6}" y="{y + 4.5:.1f}">{text}</text>',
            ]
        for place in across:
            value, name = place if isinstance(place, tuple) else (place, f"{place:.10g}")
            x = self.x(value)
            marks += [
                f'<path class="tick" d="M{x:.1f} {self.bottom} v5"/>',
                f'<text class="mid" x="{x:.1f}" y="{self.bottom + 18}">{name}</text>',
            ]
        middle = (LEFT + WIDTH - RIGHT) / 2
        marks.append(f'<path class="axis" d="M{LEFT} {self.bottom} H{WIDTH - RIGHT}"/>')
        at = f'x="{middle:.0f}" y="{self.height - 6}"'
        marks.append(f'<text class="mid label" {at}>{_escaped(label)}</text>')
        return marks

    def element(self, marks: Sequence[str], title: str) -> str:
        return (
            f'<svg role="img" aria-label="{_escaped(title)}" viewBox="0 0 {WIDTH} {self.height}">'
            + "".join(marks)
            + "</svg>"
        )


def _steps(frame: _Frame, edges: F64Array, values: Sequence[float]) -> str:
    path = f"M{frame.x(float(edges[0])):.1f} {frame.bottom}"
    for left, right, value in zip(edges[:-1], edges[1:], values, strict=True):
        path += f" L{frame.x(float(left)):.1f} {frame.y(value):.1f} H{frame.x(float(right)):.1f}"
    return path + f" V{frame.bottom} Z"


def _shares(counts: I64Array) -> list[float]:
    total = int(counts.sum())
    return [int(n) / total if total else 0.0 for n in counts]


def _rank_ticks(longest: int) -> list[float]:
    """The ranks that the axis names: 1, then round numbers."""
    return [1.0, *(tick for tick in _ticks(1, max(2, longest), 6) if tick > longest / 20 + 1)]


def _ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers from low to high, about so many."""
    rough = (high - low) / about
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * k for k in (1, 2, 2.5, 5, 10) if unit * k >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _escaped(text: str) -> str:
    from markupsafe import escape

    return str(escape(printable(text)))
