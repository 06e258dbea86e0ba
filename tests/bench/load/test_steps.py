# SPDX-License-Identifier: Apache-2.0

# SPDX-License-Identifier: Apache-2.0
import threading
import time

import numpy as np
import pytest

from mgn_fast.bench.load.steps import (
    fill_inputs,
    random_images,
    sampling,
)
from mgn_fast.bench.load.window import Pace, Windows
from support.bench_fakes import Clock


def test_the_model_gets_images_and_not_zeros(session):
    fill_inputs(session)
    lanes = [session.acquire() for _ in range(2)]
    images = np.concatenate([lane.input for lane in lanes])
    assert np.unique(images).size == images.size  # and not the same ones twice
    for lane in lanes:
        lane.release()


def test_every_lane_is_free_after_filling(session):
    fill_inputs(session)
    for _ in range(2):
        session.acquire(timeout_s=0)


def test_images_are_the_same_each_time():
    again = [random_images(np.random.default_rng(0), (2, 3), np.float32) for _ in range(2)]
    np.testing.assert_array_equal(*again)
    assert again[0].dtype == np.float32
    halves = random_images(np.random.default_rng(0), (2, 3), np.float16)
    np.testing.assert_array_equal(halves, again[0].astype(np.float16))
    assert halves.dtype == np.float16


def test_bytes_reach_from_0_to_255():
    images = random_images(np.random.default_rng(0), (100, 100), np.uint8)
    assert images.dtype == np.uint8
    assert (images.min(), images.max()) == (0, 255)


def test_samples_are_taken_while_a_repeat_is_measured():
    windows = Windows(Pace(0.0, 10.0, 1), Clock())
    calls = []

    def count():
        calls.append(threading.current_thread().name)
        return 7

    with sampling(count, windows):
        time.sleep(0.05)
        assert calls == []  # nothing is measured yet
        for number in range(4):
            windows.note(0.0, float(number), 1, number)
        deadline = time.monotonic() + 5
        while len(windows.current.in_flight) < 5 and time.monotonic() < deadline:
            time.sleep(0.005)
    taken = list(windows.current.in_flight)
    assert len(taken) >= 5
    assert set(taken) == {7}
    assert set(calls) == {"mgn_fast-sampler"}
    time.sleep(0.05)
    assert windows.current.in_flight == taken  # the thread has ended


def test_the_sampler_ends_if_the_load_fails():
    with pytest.raises(ValueError, match="the load"), sampling(lambda: 0, Windows(Pace())):
        raise ValueError("the load")
    assert "mgn_fast-sampler" not in [thread.name for thread in threading.enumerate()]
