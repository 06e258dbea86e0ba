# SPDX-License-Identifier: Apache-2.0
import itertools

import numpy as np
import pytest

from mgn_fast.bench.record.statistics import chance_of_lower, mean_interval, percentile
from support.late import late

stats = late("scipy.stats")


def ordered(count):
    """1, 2, ... count, shuffled: the k-th smallest is k."""
    return np.random.default_rng(count).permutation(np.arange(1.0, count + 1))


@pytest.mark.parametrize(
    ("count", "percent", "rank"),
    [
        (20, 50.0, 10),  # ten lie beyond the tenth
        (21, 50.0, 11),  # 10.5 of 21: the eleventh is the first that half do not exceed
        (100, 90.0, 90),
        (101, 90.0, 91),
        (200, 95.0, 190),
        (1000, 99.0, 990),
        (10_000, 99.9, 9990),
        (41_000, 99.9, 40_959),  # 40959.00000000001, as floats go
        (40, 75.0, 30),
        (12, 1.0, 1),
    ],
)
def test_a_percentile_is_the_sample_of_the_nearest_rank(count, percent, rank):
    assert percentile(ordered(count), percent) == rank


@pytest.mark.parametrize(
    ("count", "percent"),
    [(19, 50.0), (99, 90.0), (199, 95.0), (999, 99.0), (9999, 99.9), (1, 50.0), (0, 50.0)],
)
def test_a_percentile_is_not_told_where_fewer_than_ten_samples_lie_beyond_it(count, percent):
    assert percentile(ordered(count), percent) is None


@pytest.mark.parametrize("seed", range(5), ids="seed{}".format)
def test_percentiles_are_those_of_numpys_inverted_cdf(seed):
    random = np.random.default_rng(seed)
    samples = random.integers(0, 50, int(random.integers(200, 400))).astype(float)  # with ties
    for percent in (5.0, 50.0, 90.0, 95.0):
        expected = np.percentile(samples, percent, method="inverted_cdf")
        assert percentile(samples, percent) == expected


def test_the_samples_stay_as_they_are():
    samples = ordered(30)
    before = samples.copy()
    percentile(samples, 50.0)
    np.testing.assert_array_equal(samples, before)


@pytest.mark.usefixtures("many_examples")
@pytest.mark.parametrize("seed", range(4), ids="seed{}".format)
def test_the_interval_of_the_mean_is_scipys(seed):
    values = np.random.default_rng(seed).normal(100, 5, 7)
    low, high = mean_interval(values)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=10_000, method="percentile", rng=seed
    ).confidence_interval
    # Both ends are quantiles of 10,000 draws. Of a normal distribution with deviation s the error
    # of its 2.5 % quantile is sqrt(q (1 - q) / n) / density = 0.027 s; two of them are compared, at
    # five times that: 0.19 s.
    tolerance = 0.19 * np.std(values) / np.sqrt(len(values))
    assert low == pytest.approx(expected.low, abs=tolerance)
    assert high == pytest.approx(expected.high, abs=tolerance)
    assert low < values.mean() < high


def test_the_interval_of_two_values_reaches_from_one_to_the_other():
    # A quarter of the draws is (a, a), another (b, b): beyond 2.5 % on either side.
    assert mean_interval([10.0, 30.0]) == (10.0, 30.0)


def test_one_value_is_an_interval_without_length():
    assert mean_interval([42.5]) == (42.5, 42.5)


def test_a_lower_level_gives_a_shorter_interval():
    values = [90.0, 95.0, 100.0, 105.0, 110.0]
    wide, narrow = mean_interval(values, level=0.99), mean_interval(values, level=0.5)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_the_same_values_give_the_same_interval():
    assert mean_interval([1.0, 2.0, 4.0]) == mean_interval([1.0, 2.0, 4.0])


@pytest.mark.parametrize(
    ("values", "others", "ways"),
    [
        # Of the 20 ways to choose three of six, those with a sum of ranks no greater:
        ([1, 2, 3], [4, 5, 6], 1),  # ranks 1 2 3
        ([1, 2, 4], [3, 5, 6], 2),  # 7: also 1 2 3
        ([1, 2, 5], [3, 4, 6], 4),  # 8: 123, 124, 125, 134
        ([4, 5, 6], [1, 2, 3], 20),
        # The 5s share rank 3.5. Doubled ranks 2 4 | 7 7 | 10 12: 2 4 7 twice are 13 at most.
        ([1, 2, 5], [5, 8, 9], 2),
        ([7, 7, 7], [7, 7, 7], 20),  # nothing tells them apart
    ],
)
def test_the_chance_is_a_share_of_the_ways_to_choose(values, others, ways):
    assert chance_of_lower(values, others) == pytest.approx(ways / 20, abs=1e-12)


def test_one_against_one_says_nothing():
    assert chance_of_lower([1.0], [2.0]) == 0.5
    assert chance_of_lower([2.0], [1.0]) == 1.0


@pytest.mark.parametrize("seed", range(6), ids="seed{}".format)
def test_the_chance_is_scipys_where_nothing_ties(seed):
    random = np.random.default_rng(seed)
    values = random.normal(100, 5, int(random.integers(2, 12)))
    others = random.normal(102, 5, int(random.integers(2, 12)))
    expected = stats.mannwhitneyu(values, others, alternative="less", method="exact").pvalue
    assert chance_of_lower(values, others) == pytest.approx(expected, rel=1e-9)


def brute_force(values, others):
    """Every way to choose as many of the pooled values, ranks of equal ones shared."""
    ranks = stats.rankdata([*values, *others])
    observed = ranks[: len(values)].sum()
    sums = [sum(chosen) for chosen in itertools.combinations(ranks, len(values))]
    return sum(total <= observed for total in sums) / len(sums)


@pytest.mark.parametrize("seed", range(8), ids="seed{}".format)
def test_the_chance_is_that_of_all_permutations_where_values_tie(seed):
    random = np.random.default_rng(seed)
    values = random.integers(0, 5, int(random.integers(1, 7))).astype(float)
    others = random.integers(0, 6, int(random.integers(1, 7))).astype(float)
    expected = brute_force(values, others)
    assert chance_of_lower(values, others) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("first", "second"), [(101, 101), (5, 3000), (3000, 5), (400, 300)])
def test_the_chance_of_many_values_is_scipys_approximation(first, second):
    random = np.random.default_rng(first)
    values = np.round(random.normal(100, 5, first), 1)  # with ties
    others = np.round(random.normal(100.5, 5, second), 1)
    expected = stats.mannwhitneyu(values, others, alternative="less", method="asymptotic").pvalue
    assert chance_of_lower(values, others) == pytest.approx(expected, rel=1e-9)


@pytest.mark.usefixtures("many_examples")
def test_the_chance_is_the_same_counted_and_approximated():
    random = np.random.default_rng(0)
    values, others = random.normal(100, 5, 100), random.normal(101, 5, 100)
    counted = chance_of_lower(values, others)
    # One value more, in the middle of both, moves the sum by half a deviation in a hundred.
    approximated = chance_of_lower([*values, 100.5], others)
    assert counted == pytest.approx(approximated, rel=0.1)


def test_many_equal_values_say_nothing():
    assert chance_of_lower([1.0] * 200, [1.0] * 200) == 1.0
