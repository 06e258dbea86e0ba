# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest

from mgn_fast.bench.record.validity import LittlesLaw, doubts
from support.bench_fakes import QUIET, SILENT, a_repeat

KEPT = LittlesLaw(in_flight=16.0, rate_times_latency=16.2)
STEADY = [0.01] * 50


def found(repeats=None, rates=(800.0, 801.0, 799.0), law=KEPT, noise=QUIET, wanted=None):
    repeats = [a_repeat(STEADY) for _ in range(3)] if repeats is None else repeats
    return list(doubts(repeats, rates, law, noise, wanted))


def test_a_quiet_steady_run_leaves_no_doubt():
    assert found() == []


def test_a_machine_that_tells_nothing_leaves_no_doubt():
    assert found(noise=SILENT) == []


@pytest.mark.parametrize(
    ("in_flight", "product", "kept"),
    [(100.0, 104.9, True), (100.0, 95.1, True), (100.0, 105.1, False), (100.0, 94.9, False)],
)
def test_littles_law_holds_within_five_per_cent(in_flight, product, kept):
    reasons = found(law=LittlesLaw(in_flight, product))
    assert (reasons == []) is kept
    if not kept:
        assert reasons == [
            f"Little's law: 100.00 images in flight, but rate times latency is {product:.2f}; at "
            "most 5% apart is expected"
        ]


def test_nothing_seen_in_flight_breaks_littles_law():
    assert LittlesLaw(0.0, 3.0).error == 1.0
    assert "Little's law: 0.00 images" in found(law=LittlesLaw(0.0, 3.0))[0]


@pytest.mark.parametrize(("number", "enough"), [(1, False), (2, False), (3, True)])
def test_three_repeats_are_the_least(number, enough):
    reasons = found([a_repeat(STEADY) for _ in range(number)], [800.0] * number)
    assert (reasons == []) is enough
    if not enough:
        assert reasons == [f"{number} repeats, expected 3 or more to tell chance from speed"]


@pytest.mark.parametrize(
    ("rates", "stable"),
    # The median is 100: ten apart is a tenth.
    [((95.0, 100.0, 105.0), True), ((95.0, 100.0, 105.2), False), ((100.0, 100.0, 89.0), False)],
)
def test_repeats_may_be_a_tenth_apart(rates, stable):
    reasons = found(rates=rates)
    assert (reasons == []) is stable
    if not stable:
        assert reasons[0].startswith(f"repeats from {min(rates):.1f} to {max(rates):.1f} images/s")


def test_a_stall_is_told_with_its_length_and_its_repeat():
    stalled = a_repeat([*STEADY, 0.3])
    assert found([a_repeat(STEADY), stalled, a_repeat(STEADY)]) == [
        "stall: 300 ms without a result in repeat 2, 30 times the usual gap"
    ]


@pytest.mark.parametrize(
    ("gaps", "stalled"),
    [
        ([0.01] * 50 + [0.099], False),  # less than ten usual gaps
        ([0.01] * 50 + [0.101], True),
        ([0.001] * 500 + [0.0101], False),  # 10.1 of them, but 2.0 % of the repeat is 0.0102
        ([0.001] * 400 + [0.0101], True),
        ([0.1] * 4 + [1.2], True),  # five bursts are enough to see it
    ],
)
def test_a_stall_is_ten_gaps_and_a_fiftieth_of_its_repeat(gaps, stalled):
    reasons = found([a_repeat(gaps)] + [a_repeat(gaps[:-1])] * 2)
    assert any("stall" in reason for reason in reasons) is stalled


@pytest.mark.parametrize("lanes", [2, 3, 8])
def test_lanes_that_end_together_are_no_stall(lanes):
    """Their results come one right after the other, and then nothing for as long as a batch."""
    gaps = ([2e-5] * (lanes - 1) + [0.8]) * 4
    assert found([a_repeat(gaps)] * 3) == []


def test_results_noticed_at_one_moment_are_no_gap():
    assert found([a_repeat(([0.0] * 19 + [0.05]) * 4)] * 3) == []
    assert found([a_repeat([0.0, 0.0, 0.0, 0.0, 0.05])] * 3) == []


@pytest.mark.parametrize("seed", range(20), ids="seed{}".format)
def test_images_that_come_at_random_are_no_stall(seed):
    # Ten seconds in five repeats at 20 per second. A gap of ten times the usual one, 2.3 means, has
    # a chance of exp(-23).
    random = np.random.default_rng(seed)
    repeats = [a_repeat(random.exponential(0.05, 40), images=1) for _ in range(5)]
    assert found(repeats, [repeat.rate for repeat in repeats], wanted=20.0) == []


@pytest.mark.parametrize(
    ("field", "limit", "words"),
    [
        ("steal_share", 0.02, "of the cores' time was stolen by the hypervisor; at most 2%"),
        ("throttled_share", 0.02, "of the time the control group throttled us; at most 2%"),
        ("frequency_drop", 0.10, "lower frequency at the end than at the start; at most 10%"),
    ],
)
def test_noise_is_a_doubt_above_its_limit(field, limit, words):
    assert found(noise=replace(QUIET, **{field: limit})) == []
    (reason,) = found(noise=replace(QUIET, **{field: limit + 0.011}))
    assert reason == f"{100 * (limit + 0.011):.1f}% {words} is expected"


def test_others_load_alone_is_no_doubt():
    assert found(noise=replace(QUIET, other_load_share=0.9)) == []


def test_a_load_that_is_not_kept_up_with_is_told():
    # 10,000 images in 12.5 s: three deviations are 3 %, so 94 % of what is wanted is the least.
    repeats = [a_repeat([0.01] * 250, images=8) for _ in range(5)]
    assert found(repeats, [800.0] * 5, wanted=840.0) == []
    assert found(repeats, [800.0] * 5, wanted=860.0) == [
        "860 images/s arrive, 800.0 are done: the load is too high"
    ]


def test_under_an_open_load_the_results_are_counted_whatever_the_rates_are_of():
    # In scope "compute" rates are those of the execution alone, far above what comes.
    repeats = [a_repeat([0.01] * 250, images=8) for _ in range(5)]
    (reason,) = found(repeats, [5000.0] * 5, wanted=1000.0)
    assert "800.0 are done" in reason


def test_few_images_that_come_at_random_may_be_fewer():
    # 200 wanted in 10 s and 165 came, two and a half deviations less.
    repeats = [a_repeat([2 / 33] * 33, images=1) for _ in range(5)]
    assert found(repeats, [16.5] * 5, wanted=20.0) == []


def test_every_doubt_is_told():
    stalled = a_repeat([*STEADY, 0.3])
    noise = replace(QUIET, steal_share=0.5, throttled_share=0.5, frequency_drop=0.5)
    reasons = found([stalled], [800.0], LittlesLaw(1.0, 2.0), noise, wanted=5000.0)
    words = ("Little's law", "1 repeats", "stall", "stolen", "throttled", "frequency", "arrive")
    assert all(any(word in reason for reason in reasons) for word in words)
    assert len(reasons) == len(words)
