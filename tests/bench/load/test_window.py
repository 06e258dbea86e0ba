# SPDX-License-Identifier: Apache-2.0
import itertools

import numpy as np
import pytest

from mgn_fast import InvalidInputError
from mgn_fast.bench.load.window import MIN_BURSTS, Pace, Windows
from support.bench_fakes import Clock


def feed(windows, bursts):
    """(moment, images of each result) until the windows are done; what each took is 0.5 s."""
    for number, (now_s, results) in enumerate(bursts):
        for images in results:
            windows.note(now_s - 0.5, now_s, images, number)


def every(gap_s, results, phase_s=0.0):
    """Endless bursts in a steady beat."""
    return ((phase_s + gap_s * number, results) for number in itertools.count())


def until_done(windows, bursts):
    feed(windows, itertools.takewhile(lambda _: not windows.done, bursts))


@pytest.mark.parametrize("phase_s", [0.0, 0.001, 0.0037, 0.0099])
@pytest.mark.parametrize("duration_s", [0.1, 0.123, 0.4567])
def test_a_steady_beat_has_its_exact_rate_whatever_the_phase(phase_s, duration_s):
    windows = Windows(Pace(0.05, duration_s, 4), Clock())
    until_done(windows, every(0.010, [1, 1, 1, 1], phase_s))
    assert len(windows.repeats) == 4
    for repeat in windows.repeats:
        # Moments up to a second, each a sum with an error of 1e-16.
        assert repeat.rate == pytest.approx(400, rel=1e-9)
        assert repeat.seconds >= duration_s
        assert repeat.seconds < duration_s + 0.010 + 1e-9  # not a burst longer than it has to be


def test_nothing_of_the_warm_up_counts():
    windows = Windows(Pace(warmup_s=10.0, duration_s=5.0, repeats=1), Clock(100.0))
    feed(windows, [(100.0 + second, [1]) for second in range(10)])
    assert windows.current is None
    feed(windows, [(110.0, [7])])
    assert windows.current.started_s == 110.0
    assert windows.current.images == 7


@pytest.mark.parametrize("lanes", [1, 2, 5])
def test_the_first_bursts_fill_the_lanes_even_without_a_warm_up(lanes):
    windows = Windows(Pace(0.0, 1.0, 1), Clock(), lanes=lanes)
    feed(windows, [(float(number), [1]) for number in range(lanes + 1)])
    assert windows.current is None
    windows.note(2.5, 100.0, 1, lanes + 1)
    assert windows.current.started_s == 100.0


def test_a_repeat_holds_the_burst_that_begins_it_and_not_the_one_that_ends_it():
    windows = Windows(Pace(0.0, 5.0, 1), Clock())
    feed(windows, [(float(second), [2, 3]) for second in range(8)])
    (repeat,) = windows.repeats
    assert (repeat.started_s, repeat.ended_s) == (2.0, 7.0)
    assert repeat.images == 25  # those of seconds 2, 3, 4, 5 and 6
    assert repeat.bursts_s == [2.0, 3.0, 4.0, 5.0, 6.0]
    assert repeat.latencies_s == [0.5] * 10
    assert repeat.rate == 5.0
    np.testing.assert_array_equal(repeat.gaps_s, [1.0] * 5)


def test_results_of_one_burst_stay_together_though_the_clock_goes_on():
    windows = Windows(Pace(0.0, 1.0, 1), Clock())
    for number in range(8):
        for late_s in (0.0, 0.3, 0.6):  # 0.9 of a second between the first and the last
            windows.note(0.0, number + late_s, 1, number)
    (repeat,) = windows.repeats
    assert (repeat.started_s, repeat.ended_s, repeat.images) == (2.0, 7.0, 15)


def test_repeats_follow_each_other_without_a_break():
    windows = Windows(Pace(0.0, 0.07, 5), Clock())
    until_done(windows, every(0.010, [1]))
    for before, after in itertools.pairwise(windows.repeats):
        assert before.ended_s == after.started_s
    assert sum(repeat.images for repeat in windows.repeats) == sum(
        len(repeat.bursts_s) for repeat in windows.repeats
    )


def test_a_repeat_has_five_bursts_however_short_its_duration():
    windows = Windows(Pace(0.0, 0.001, 3), Clock())
    until_done(windows, every(10.0, [1]))
    assert [len(repeat.bursts_s) for repeat in windows.repeats] == [MIN_BURSTS] * 3
    assert [repeat.seconds for repeat in windows.repeats] == [50.0] * 3


def test_a_repeat_may_have_fewer_bursts_if_that_is_asked_for():
    windows = Windows(Pace(0.0, 0.001, 2, bursts=2), Clock())
    until_done(windows, every(10.0, [1]))
    assert [len(repeat.bursts_s) for repeat in windows.repeats] == [2, 2]


def test_after_the_last_repeat_nothing_is_taken_any_more():
    windows = Windows(Pace(0.0, 0.05, 2), Clock())
    until_done(windows, every(0.010, [1]))
    assert windows.done
    images = [repeat.images for repeat in windows.repeats]
    windows.note(5.0, 6.0, 9, 10_000)
    assert windows.current is None
    assert [repeat.images for repeat in windows.repeats] == images


def test_a_pause_is_one_long_gap():
    windows = Windows(Pace(0.0, 0.05, 1), Clock())
    moments = [0.0, 0.01, 0.02, 0.03, 0.53, 0.54, 0.55, 0.56]
    feed(windows, [(moment, [1]) for moment in moments])
    (repeat,) = windows.repeats
    np.testing.assert_allclose(repeat.gaps_s, [0.01, 0.5, 0.01, 0.01, 0.01], rtol=1e-9)


@pytest.mark.parametrize(
    ("pace", "message"),
    [
        ((-0.1, 1.0, 3), "warmup is -0.1, expected 0 or more"),
        ((0.0, 0.0, 3), "duration is 0.0, expected 0.001 or more"),
        ((0.0, float("nan"), 3), "duration is nan"),
        ((0.0, float("inf"), 3), "duration is inf"),
        ((float("nan"), 1.0, 3), "warmup is nan"),
        ((0.0, 1.0, 0), "repeat is 0, expected 1 or more"),
        ((0.0, 1.0, 3, 0), "bursts is 0, expected 1 or more"),
    ],
)
def test_a_pace_that_measures_nothing_is_refused(pace, message):
    with pytest.raises(InvalidInputError, match=message):
        Pace(*pace)
