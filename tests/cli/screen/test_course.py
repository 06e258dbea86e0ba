# SPDX-License-Identifier: Apache-2.0
import time

import pytest

from mgn_fast.cli.screen.course import Course, Step
from mgn_fast.common.bottleneck import StageTally
from mgn_fast.common.observer import Span


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


def test_a_step_that_is_over_takes_no_more_time():
    step = Course().begin("ranking", 10)
    assert step.seconds <= step.seconds
    step.finish()
    assert step.seconds == step.ended_s - step.started_s


def test_what_bounded_one_step_does_not_stay_for_the_next(monkeypatch):
    monkeypatch.setattr(time, "perf_counter", lambda: 1000.0)
    course = Course(StageTally())
    course.begin("embedding", 10, "pictures")
    monkeypatch.setattr(time, "perf_counter", lambda: 1001.0)
    course.tally.spent(Span("lane_wait", 1000.0, 1000.9, "main"))
    assert course.bottleneck() == "the model"
    course.begin("ranking", 10)
    assert course.bottleneck() == ""
