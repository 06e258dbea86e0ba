# SPDX-License-Identifier: Apache-2.0
import time

import pytest

from mgn_fast.cli.screen.course import Course, Step, clock, per_second
from mgn_fast.common.bottleneck import StageTally
from mgn_fast.common.observer import Span


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def time_of(monkeypatch):
    passing = Clock()
    monkeypatch.setattr(time, "perf_counter", passing)
    return passing


def test_a_steady_step_tells_its_rate_and_the_time_left(time_of):
    step = Step("embedding", 1000, "pictures")
    assert step.state() == "0/1,000  0:00"
    for done in range(1, 301):
        time_of.now_s += 0.05
        step.reach(done)
    assert step.rate == pytest.approx(20)
    assert step.left_s == pytest.approx(35)
    time_of.now_s += 0.5  # nothing comes, and the time left runs down all the same
    assert step.left_s == pytest.approx(34.5)
    assert step.state("decoding") == "300/1,000  20.0/s  0:34 left  bound by decoding"


def test_pictures_that_come_in_batches_are_counted_whole(time_of):
    """Eight at once every four seconds are two a second, from the first batch on."""
    step = Step("embedding", 345, "pictures")
    for batch in range(1, 6):
        time_of.now_s += 4
        for done in range(8 * batch - 7, 8 * batch + 1):
            time_of.now_s += 0.001
            step.reach(done)
        assert step.rate == pytest.approx(2, rel=0.01)


def test_the_rate_is_that_of_late(time_of):
    step = Step("embedding", None, "pictures")
    for done in range(1, 401):
        time_of.now_s += 0.1 if done <= 200 else 0.5
        step.reach(done)
    assert step.rate == pytest.approx(2, rel=0.02)
    assert step.left_s is None
    assert step.state() == "400  2.0/s  2:00"


def test_what_is_over_tells_how_long_it_took(time_of):
    step = Step("ranking", 10)
    time_of.now_s += 60
    step.reach(10)
    step.finish()
    time_of.now_s += 60
    assert step.seconds == 60
    assert step.state() == "100%  6.0 s each  1:00"


def test_what_is_not_counted_shows_a_clock(time_of):
    step = Step("exporting", 0)
    time_of.now_s += 7
    assert step.state() == "0:07"


@pytest.mark.parametrize(
    ("step", "where"),
    [
        (Step("embedding", 1000, "pictures", done=300), "embedding: 300 of 1,000 pictures"),
        (Step("embedding", None, "pictures", done=3000), "embedding: 3,000 pictures"),
        (Step("ranking", 200, done=90), "ranking: 45%"),
        (Step("exporting", 0), "exporting"),
    ],
)
def test_where_a_step_is_fits_into_a_sentence(step, where):
    assert step.where() == where


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (18.94, "18.9/s"),
        (1.0, "1.0/s"),
        (9999.0, "9,999.0/s"),
        (12_345.0, "12.3k/s"),
        (2_100_000.0, "2.1M/s"),
        (3.21e9, "3.2G/s"),
        (0.5, "2.0 s each"),
        (0.01, "1:40 each"),
    ],
)
def test_rates_are_short(rate, words):
    assert per_second(rate) == words


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (7.9, "0:07"), (754, "12:34"), (3723, "1:02:03")]
)
def test_times_are_those_of_a_clock(seconds, shown):
    assert clock(seconds) == shown


def test_the_newest_step_that_is_not_over_is_under_way():
    course = Course()
    assert course.under_way() is None
    first, second = course.begin("first", 1), course.begin("second", 1)
    assert course.under_way() is second
    second.finish()
    assert course.under_way() is first
    first.finish()
    assert course.under_way() is None
    assert [step.title for step in course.steps] == ["first", "second"]


def test_what_bounded_one_step_does_not_stay_for_the_next(time_of):
    course = Course(StageTally())
    course.begin("embedding", 10, "pictures")
    time_of.now_s += 1
    course.tally.spent(Span("lane_wait", 1000.0, 1000.9, "main"))
    assert course.bottleneck() == "the model"
    course.begin("ranking", 10)
    time_of.now_s += 1
    assert course.bottleneck() == ""
