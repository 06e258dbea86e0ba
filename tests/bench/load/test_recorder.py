# SPDX-License-Identifier: Apache-2.0
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mgn_fast.bench.load.recorder import DEVICE_STAGES, Recorder, busy_s, service_times_s
from mgn_fast.common.observer import Span


def spans(stage, *pairs, engine=0):
    return [Span(stage, float(a), float(b), "lane 0", engine) for a, b in pairs]


@pytest.mark.parametrize(
    ("pairs", "seconds"),
    [
        ([], 0),
        ([(1, 3)], 2),
        ([(1, 3), (4, 5)], 3),
        ([(1, 3), (3, 5)], 4),  # they touch
        ([(1, 4), (2, 6)], 5),  # they overlap
        ([(1, 9), (2, 3), (4, 5)], 8),  # one holds the others
        ([(1, 9), (2, 3), (8, 10)], 9),  # and the next begins inside the first
        ([(4, 5), (1, 3)], 3),  # in no order
        ([(2, 2), (5, 5)], 0),
    ],
)
@pytest.mark.parametrize("stage", DEVICE_STAGES)
def test_an_engine_is_busy_while_any_batch_is_in_the_stage(stage, pairs, seconds):
    assert busy_s(spans(stage, *pairs), stage, 0, 100) == seconds


def test_engines_are_added_up():
    both = spans("compute", (1, 4), (2, 6)) + spans("compute", (1, 4), (2, 6), engine=1)
    assert busy_s(both, "compute", 0, 100) == 10


@pytest.mark.parametrize("stage", ["decode", "resize", "pack", "lane_wait", "fuse"])
def test_threads_of_the_host_are_added_up(stage):
    assert busy_s(spans(stage, (1, 4), (2, 6)), stage, 0, 100) == 7


@pytest.mark.parametrize("stage", ["decode", "compute"])
@pytest.mark.parametrize(
    ("window", "seconds"),
    [((0, 10), 6), ((3, 10), 4), ((0, 3), 2), ((3, 8), 3), ((5, 6), 0), ((20, 30), 0), ((2, 3), 1)],
)
def test_what_lies_outside_the_window_does_not_count(stage, window, seconds):
    assert busy_s(spans(stage, (1, 5), (7, 9)), stage, *window) == seconds


def test_other_stages_do_not_count():
    mixed = spans("h2d", (0, 1)) + spans("compute", (1, 3)) + spans("decode", (0, 9))
    assert busy_s(mixed, "compute", 0, 100) == 2


@pytest.mark.parametrize("seed", range(6), ids="seed{}".format)
def test_the_union_is_that_of_a_grid(seed):
    """Spans with whole ends, so that a cell of the grid is busy or is not."""
    random = np.random.default_rng(seed)
    drawn, grid = [], np.zeros((3, 100), bool)
    for _ in range(int(random.integers(0, 60))):
        engine, first = int(random.integers(3)), int(random.integers(0, 100))
        last = min(100, first + int(random.integers(0, 12)))
        drawn += spans("compute", (first, last), engine=engine)
        grid[engine, first:last] = True
    low, high = sorted(random.integers(0, 101, 2).tolist())
    assert busy_s(drawn, "compute", low, high) == grid[:, low:high].sum()


def test_spans_are_given_out_once():
    recorder = Recorder()
    first, second = spans("decode", (0, 1), (1, 2))
    recorder.spent(first)
    assert recorder.take() == [first]
    recorder.spent(second)
    assert recorder.take() == [second]
    assert recorder.take() == []


def test_waits_for_a_lane_count_batches():
    recorder = Recorder()
    for span in spans("lane_wait", (0, 1), (2, 3)) + spans("pack", (1, 2)):
        recorder.spent(span)
    assert recorder.num_batches == 2
    recorder.take()
    assert recorder.num_batches == 2


def test_no_thread_loses_a_span():
    recorder = Recorder()
    (span,) = spans("decode", (0, 1))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: [recorder.spent(span) for _ in range(500)], range(8)))
    assert len(recorder.take()) == 4000


def test_a_batch_has_the_engine_from_when_the_last_one_left():
    spans = [
        Span("compute", 0.0, 5.0, "lane 0"),
        Span("compute", 1.0, 10.0, "lane 1"),  # waited until 5
        Span("compute", 11.0, 16.0, "lane 0"),  # the engine was free
        Span("compute", 2.0, 4.0, "lane 2", engine=1),
        Span("h2d", 0.0, 100.0, "lane 0"),
    ]
    times = service_times_s(reversed(spans), "compute")
    assert times == [(4.0, 2.0), (5.0, 5.0), (10.0, 5.0), (16.0, 5.0)]
    assert sum(seconds for _, seconds in times) == busy_s(spans, "compute", 0.0, 100.0)
