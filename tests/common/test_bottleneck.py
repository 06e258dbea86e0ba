# SPDX-License-Identifier: Apache-2.0
import threading
import time
from typing import get_args

import numpy as np
import pytest

from mgn_fast import Embedder, simulator
from mgn_fast.common.bottleneck import NOUNS, Bottleneck, StageTally, bottleneck_of
from mgn_fast.common.observer import Span, Stage, observing
from mgn_fast.pictures.decoders import Decoded
from mgn_fast.simulator import write_om


def test_what_is_told_has_a_noun_and_is_a_bound_of_the_benchmark():
    told = {bottleneck_of({stage: 1.0}, 1.0) for stage in get_args(Stage)} - {None}
    assert told == set(NOUNS) <= set(get_args(Bottleneck))


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ({"decode_wait": 7.0, "lane_wait": 2.0}, "decode"),
        ({"decode_wait": 2.0, "lane_wait": 7.0}, "compute"),
        # What is still to come when all is sent counts as the lanes' too.
        ({"decode_wait": 4.0, "lane_wait": 3.0, "result_wait": 3.0}, "compute"),
        ({"pack": 3.0, "fuse": 3.0, "lane_wait": 4.0}, "feed"),
        # Busy workers and lanes limit nothing as long as no thread waits for them.
        ({"decode": 20.0, "compute": 20.0}, None),
        # The thread did something else for longer.
        ({"lane_wait": 4.0}, None),
        ({}, None),
    ],
)
def test_worked_by_hand(seconds, expected):
    assert bottleneck_of(seconds, 10.0) == expected


def span(stage, seconds):
    return Span(stage, 5.0, 5.0 + seconds, "thread")


def test_a_tally_adds_up_whoever_tells_it():
    tally = StageTally()
    threads = [
        threading.Thread(target=lambda: [tally.spent(span("decode", 0.5)) for _ in range(1000)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tally.spent(span("pack", 0.25))
    assert tally.seconds() == {"decode": 2000.0, "pack": 0.25}


def test_what_was_long_ago_bounds_nothing_now(monkeypatch):
    now = 100.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    tally = StageTally()
    assert tally.recent() is None
    for _ in range(20):
        now += 1
        tally.spent(span("decode_wait", 0.9))
        assert tally.recent() == "decode"
    for _ in range(9):
        now += 1
        tally.spent(span("lane_wait", 0.9))
        tally.recent()
    assert tally.recent() == "compute"
    now += 60  # one wait, which is not over
    assert tally.recent() == "compute"
    tally.restart()
    now += 1
    assert tally.recent() is None


def slow_pictures(monkeypatch, seconds):

    def decoded(source, **options):
        time.sleep(seconds)
        return Decoded(source)

    monkeypatch.setattr("mgn_fast.embedding.reading.decoded", decoded)
    return [np.zeros((64, 32, 3), np.uint8)] * 60


@pytest.mark.usefixtures("simulated_time")
def test_a_slow_decoder_is_named(tiny_model, monkeypatch):
    tally = StageTally()
    with observing(tally), Embedder(tiny_model, workers=1) as embedder:
        started_s = time.perf_counter()
        embedder(slow_pictures(monkeypatch, 0.01))
        assert bottleneck_of(tally.seconds(), time.perf_counter() - started_s) == "decode"
    assert tally.seconds()["decode"] >= 0.6


@pytest.mark.usefixtures("simulated_time")
def test_a_slow_npu_is_named_and_asked_for_no_times(tiny_model, tmp_path, monkeypatch):
    """Its times are of the chip's published speed: 8 rows take some 5 ms."""
    model = write_om(tmp_path / "tiny.om", onnx=tiny_model, batch_sizes=(1, 8))
    simulator.enable(compute="deterministic", guard=False)
    tally = StageTally()
    try:
        with observing(tally), Embedder(model, workers=1) as embedder:
            pictures = slow_pictures(monkeypatch, 0.0)
            started_s = time.perf_counter()
            embedder(pictures)
            assert bottleneck_of(tally.seconds(), time.perf_counter() - started_s) == "compute"
    finally:
        simulator.disable()
    assert {"h2d", "compute", "d2h"}.isdisjoint(tally.seconds())


@pytest.mark.usefixtures("simulated_time")
def test_a_step_costs_about_a_microsecond():
    """The best of several, and generous, because other work may be running."""
    tally, best_s = StageTally(), float("inf")
    for _ in range(5):
        started_s = time.perf_counter()
        for _ in range(1000):
            with tally.spending("pack"):
                pass
        best_s = min(best_s, (time.perf_counter() - started_s) / 1000)
    assert best_s < 10e-6
