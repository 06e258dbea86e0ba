# SPDX-License-Identifier: Apache-2.0
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from mgn_fast import Report
from mgn_fast.evaluation.roc.curve import curve_of
from mgn_fast.report.histograms import BINS, DistanceHistogram
from mgn_fast.report.page.plots import (
    HEIGHT,
    LEFT,
    RIGHT,
    WIDTH,
    cmc_plot,
    histogram_plot,
    roc_plot,
)
from support.report_runs import HOSTILE

pytestmark = pytest.mark.usefixtures("plots")


def report(*cmc):
    return Report(0.5, 0.5, np.array(cmc), np.array([0.5]), 1)


def texts(svg):
    return [element.text for element in svg.iter("text")]


def numbers_of(path):
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", path)]


def test_a_curve_rises_from_left_to_right():
    svg = ElementTree.fromstring(cmc_plot({"plain": report(0.5, 0.75, 1.0), "chance": report(0.1)}))
    line, _, other, *_ = (e for e in svg.iter("path") if "line" in e.get("class"))
    x, y = numbers_of(line.get("d"))[::2], numbers_of(line.get("d"))[1::2]
    assert x == sorted(x)
    assert y == sorted(y, reverse=True)
    assert min(x) >= 0
    assert max(x) <= WIDTH
    assert {"plain", "chance", "rank k", "100 %", "0 %"} <= set(texts(svg))
    assert line.get("class") != other.get("class")


def test_the_axis_of_good_curves_begins_above_0_and_says_so():
    svg = ElementTree.fromstring(cmc_plot({"plain": report(0.95, 0.98)}))
    assert "90 %" in texts(svg)
    assert "0 %" not in texts(svg)


@pytest.mark.parametrize("cmc", [(1.0,), (0.0,), (0.3,) * 10_000])
def test_extremes_are_drawn(cmc):
    drawn = cmc_plot({"a": report(*cmc)})
    assert "nan" not in drawn
    ElementTree.fromstring(drawn)


def histogram(matches, others):
    counts = np.zeros((2, BINS), np.int64)
    counts[0, matches], counts[1, others] = 1, 1
    return DistanceHistogram(np.arange(BINS + 1) * 2.0 / BINS, *counts)


@pytest.mark.parametrize("counts", [([100, 200], [300]), ([], [5]), ([7], []), ([], [])], ids=str)
def test_distances_are_drawn_inside_the_plot(counts):
    drawn = histogram_plot(histogram(*counts), "plain")
    assert "nan" not in drawn
    svg = ElementTree.fromstring(drawn)
    assert "Euclidean distance" in texts(svg)
    for path in svg.iter("path"):
        if "area" in path.get("class"):
            numbers = numbers_of(path.get("d"))
            assert min(numbers) >= 0
            assert max(numbers) <= max(WIDTH, HEIGHT + 60)
    medians = [path for path in svg.iter("path") if "median" in path.get("class")]
    assert len(medians) == sum(map(bool, counts))


def test_names_are_escaped():
    for drawn in (
        cmc_plot({HOSTILE: report(0.5)}),
        histogram_plot(histogram([1], [2]), HOSTILE),
    ):
        assert "<script" not in drawn
        assert "alert(1)" in drawn
        ElementTree.fromstring(drawn)


def roc(matches, impostors):
    """A curve of pairs at distances 1, 2, 3, ..."""
    distances = np.arange(1.0, len(matches) + 1)
    return roc_plot(curve_of(distances, np.array(matches), np.array(impostors)))


def test_a_roc_rises_over_decades_of_false_accepts():
    svg = ElementTree.fromstring(roc([50, 30, 20, 0], [0, 1, 99, 900]))
    equal, line = (e for e in svg.iter("path") if e.get("class") in ("equal grid", "line line-0"))
    x, y = numbers_of(line.get("d"))[::2], numbers_of(line.get("d"))[1::2]
    assert x == sorted(x)
    assert (min(x), max(x)) == (LEFT, WIDTH - RIGHT)
    assert y == sorted(y, reverse=True)
    assert [text for text in texts(svg) if "e" in text] == [
        "1e-3",
        "1e-2",
        "1e-1",
        "false-accept rate",
    ]
    # At one impostor in a thousand 80 matches of a hundred, at a tenth all.
    level = {share: 208 - share * 196 for share in (0.8, 1.0)}
    assert y[0] == pytest.approx(level[0.8], abs=0.1)
    assert y[-1] == pytest.approx(level[1.0], abs=0.1)
    tenth = next(n for n, at in enumerate(x) if at >= LEFT + 2 / 3 * (WIDTH - LEFT - RIGHT))
    assert y[tenth] == pytest.approx(level[1.0], abs=0.1)
    assert y[tenth - 2] == pytest.approx(level[0.8], abs=0.1)
    (dot,) = svg.iter("circle")
    assert "equal error rate" in dot[0].text
    assert numbers_of(equal.get("d"))[1] == pytest.approx(208 - 0.999 * 196, abs=0.1)


@pytest.mark.parametrize(
    "counts",
    [([1], [1]), ([1, 0], [0, 1]), ([0, 1], [1, 0]), ([1, 1], [10**8, 10**9])],
    ids=str,
)
def test_extreme_curves_are_drawn_inside_the_plot(counts):
    svg = ElementTree.fromstring(roc(*counts))
    (dot,) = svg.iter("circle")
    assert LEFT - 1 <= float(dot.get("cx")) <= WIDTH
    assert 0 <= float(dot.get("cy")) <= HEIGHT
    names = [text for text in texts(svg) if re.fullmatch(r"1(e-\d+)?", text)]
    assert len(names) <= 8
    assert names[-1] == "1"
