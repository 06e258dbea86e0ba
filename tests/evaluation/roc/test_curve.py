# SPDX-License-Identifier: Apache-2.0
"""Curves of counted pairs, and what is read off them."""

import json
import math

import numpy as np
import pytest

from mgn_fast import InvalidInputError
from mgn_fast.evaluation.roc.curve import VerificationCurve, curve_of, wilson_interval
from oracles import verification
from support.late import late

roc_curve = late("sklearn.metrics.roc_curve")
proportion_interval = late("scipy.stats.binomtest")


def curve(distances, matches, impostors, notes=()):
    return curve_of(
        np.array(distances, float), np.array(matches), np.array(impostors), tuple(notes)
    )


# Matches at 1, 2 and 4, impostors at 2, 3, 3 and 5.
WORKED = curve([1, 2, 3, 4, 5], [1, 1, 0, 1, 0], [0, 1, 2, 0, 1])


def test_rates_worked_by_hand():
    assert WORKED.threshold.tolist() == [-np.inf, 1, 2, 3, 4, 5]
    assert WORKED.false_accept_rate.tolist() == [0, 0, 1 / 4, 3 / 4, 3 / 4, 1]
    assert WORKED.true_accept_rate.tolist() == [0, 1 / 3, 2 / 3, 2 / 3, 1, 1]
    assert (WORKED.num_matches, WORKED.num_impostors) == (3, 4)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (0, (1 / 3, 1)),
        (0.2, (1 / 3, 1)),
        (0.25, (2 / 3, 2)),
        (0.74, (2 / 3, 2)),  # 3 would accept no match more
        (0.75, (1, 4)),
        (1, (1, 4)),
    ],
)
def test_the_smallest_threshold_with_the_most_matches_is_found(rate, expected):
    assert tuple(WORKED.at(rate)) == expected


def test_nothing_is_accepted_where_an_impostor_is_nearest():
    assert tuple(curve([1, 2], [0, 1], [1, 0]).at(0.5)) == (0, -math.inf)


@pytest.mark.parametrize("rate", [-0.1, 1.1, math.nan])
def test_rates_that_are_none_are_refused(rate):
    with pytest.raises(InvalidInputError, match="expected a number from 0 to 1"):
        WORKED.at(rate)


@pytest.mark.parametrize(
    ("counted", "rate", "threshold"),
    [
        # Refused are 1, 2/3, 1/3, 1/3, 0, 0: they meet the accepted ones between 2 and 3.
        (([1, 2, 3, 4, 5], [1, 1, 0, 1, 0], [0, 1, 2, 0, 1]), 1 / 3, 2),
        (([1, 2, 3, 4], [1, 0, 1, 0], [0, 1, 0, 1]), 1 / 2, 2),  # met at a point
        (([1, 2], [1, 0], [0, 1]), 0, 1),  # apart
        (([1, 2], [0, 1], [1, 0]), 1, 1),  # the other way round
        (([1], [3], [5]), 1 / 2, 1),  # all pairs at one distance: halfway of the only step
    ],
)
def test_equal_errors_worked_by_hand(counted, rate, threshold):
    found = curve(*counted)
    assert found.equal_error_rate == pytest.approx(rate, abs=1e-15)
    assert found.equal_error_threshold == threshold


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("levels", [3, 40, 10**6])
def test_points_are_those_of_scikit_learn(seed, levels):
    random = np.random.default_rng(seed)
    count = int(random.integers(2, 200))
    distances = random.integers(0, levels, count) / 8
    is_match = random.random(count) < random.random()
    is_match[:2] = True, False
    thresholds, false, true = verification.rates(distances, is_match)
    matches, impostors = (
        np.array([np.sum(kind & (distances == t)) for t in thresholds])
        for kind in (is_match, ~is_match)
    )
    found = curve(thresholds, matches, impostors)
    expected = roc_curve(is_match, -distances)
    np.testing.assert_array_equal(found.false_accept_rate, expected[0])
    np.testing.assert_array_equal(found.true_accept_rate, expected[1])
    np.testing.assert_array_equal(-found.threshold, expected[2])
    for rate in (0, 0.1, 0.5, 1):
        accepted, threshold = found.at(rate)
        assert accepted == max(true[false <= rate], default=0)
        within = thresholds[(true == accepted) & (false <= rate)]
        assert threshold == (within.min() if accepted else -math.inf)


def test_the_table_tells_what_the_pairs_allow():
    few = curve([1, 2, 3], [50, 50, 0], [0, 1, 998])
    assert [point.false_accept_rate for point in few.table()] == [1e-2]
    thousand = curve([1, 2, 3], [50, 50, 0], [0, 1, 999])
    (loose, strict) = thousand.table()
    assert (loose.threshold, loose.true_accept_rate, loose.false_accepts) == (2, 1, 1)
    assert (strict.false_accept_rate, strict.false_accepts) == (1e-3, 1)
    assert loose.true_accept_interval == wilson_interval(100, 100)
    assert loose.false_accept_interval == wilson_interval(1, 1000)
    million = curve([1, 2, 3], [50, 50, 0], [0, 1, 10**6 - 1])
    assert [point.false_accept_rate for point in million.table()] == [1e-2, 1e-3, 1e-4, 1e-5, 1e-6]
    assert curve([1], [2], [99]).table() == ()


@pytest.mark.parametrize(
    ("successes", "trials"), [(0, 1), (1, 1), (0, 100), (3, 7), (50, 100), (10**6, 10**8)]
)
def test_intervals_are_wilsons(successes, trials):
    interval = proportion_interval(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson_interval(successes, trials) == pytest.approx(
        (interval.low, interval.high), abs=1e-14
    )


def test_nothing_tried_says_nothing():
    assert wilson_interval(0, 0) == (0, 1)


@pytest.mark.parametrize(
    ("matches", "impostors"), [([1, 2], [0, 0]), ([0, 0], [1, 2])], ids=["matches", "impostors"]
)
def test_one_class_alone_has_no_errors(matches, impostors):
    found = curve([1, 2], matches, impostors)
    there, missing = found.true_accept_rate, found.false_accept_rate
    if not sum(matches):
        there, missing = missing, there
    assert np.isnan(missing).all()
    assert there.tolist() == [0, 1 / 3, 1]
    assert all(map(math.isnan, found.at(0.1)))
    assert math.isnan(found.equal_error_rate)
    assert math.isnan(found.equal_error_threshold)
    assert found.table() == ()
    assert found.to_dict()["equal_error_rate"] is None
    assert "both are needed" in str(found)


def test_a_summary_is_plain_and_has_no_points():
    found = curve([1, 2, 3], [0, 100, 0], [20, 0, 980], ["said"])
    summary = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert summary == found.to_dict()
    assert summary["table"][0] == {
        "false_accept_rate": 1e-2,
        "threshold": None,  # the nearest are 20 impostors: more than one in a hundred
        "true_accept_rate": 0.0,
        "true_accept_interval": list(wilson_interval(0, 100)),
        "false_accepts": 0,
        "false_accept_interval": list(wilson_interval(0, 1000)),
    }
    assert (summary["num_matches"], summary["num_impostors"], summary["notes"]) == (
        100,
        1000,
        ["said"],
    )


def test_a_curve_is_printed_as_its_table():
    found = curve([0.5, 1.25, 3], [900, 100, 0], [0, 4, 1996], ["rows <scaled>"])
    assert str(found).splitlines() == [
        "verification: 1,000 matches and 2,000 impostors; equal error rate 0.0020 at distance "
        "1.2500",
        "   FAR      TAR   distance      95 % interval  false accepts",
        "  1e-2   1.0000     1.2500   0.9962 to 1.0000              4",
        "  1e-3   0.9000     0.5000   0.8798 to 0.9171              0",
        "2,000 impostors are too few to tell FAR 1e-4",
        "note: rows <scaled>",
    ]
    assert repr(found) == (
        "<VerificationCurve: EER 0.0020, 1,000 matches, 2,000 impostors, 4 points>"
    )
    assert "rows &lt;scaled&gt;" in found._repr_html_()
    assert isinstance(found, VerificationCurve)
