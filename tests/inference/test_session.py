# SPDX-License-Identifier: Apache-2.0
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mgn_fast import DeviceError, InvalidInputError
from mgn_fast.inference.session import Session
from support.fake_model import FakeModel


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("lanes", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 8, 9, 31])
def test_run_takes_any_number_in_order(random, fixed, lanes, count):
    images = random.standard_normal((count, 3), np.float32)
    model = FakeModel(fixed=fixed)
    with Session(model, lanes) as session:
        np.testing.assert_array_equal(session.run(images), 2 * images)
    assert sum(model.counts) == count


def test_batches_get_smaller_towards_the_end_so_that_lanes_end_together(session):
    counts, remaining = [], 19
    while remaining:
        counts.append(session.next_count(remaining))
        remaining -= counts[-1]
    assert counts == [4, 4, 4, 4, 2, 1]


def test_a_fixed_batch_is_always_filled():
    with Session(FakeModel(fixed=True), lanes=2) as session:
        assert [session.next_count(n) for n in (9, 5, 4, 1)] == [4, 4, 4, 1]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([[1, 2, 3]], r"images is a list, expected float32 \(N, 3\)"),
        (np.zeros((2, 3)), r"images is float64 \(2, 3\)"),
        (np.zeros((2, 4), np.float32), r"images is float32 \(2, 4\)"),
        (np.zeros(3, np.float32), r"images is float32 \(3,\)"),
        (np.zeros((2, 3, 1), np.float32), r"images is float32 \(2, 3, 1\)"),
    ],
)
def test_images_of_another_form_are_refused(session, images, message):
    with pytest.raises(InvalidInputError, match=message):
        session.run(images)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_with_their_picture(session, bad):
    images = np.zeros((11, 3), np.float32)
    images[9, 1] = bad
    with pytest.raises(InvalidInputError, match=r"images\[9\] holds NaN or infinity"):
        session.run(images)
    np.testing.assert_array_equal(session.run(images[:9]), images[:9])  # no lane was lost


def test_finite_values_whose_sum_is_not_are_taken(session):
    images = np.full((8, 3), np.finfo(np.float32).max / 4, np.float32)
    np.testing.assert_array_equal(session.run(images), 2 * images)


def test_images_need_not_be_contiguous(session, random):
    images = random.standard_normal((6, 6), np.float32)[::2, ::2]
    np.testing.assert_array_equal(session.run(images), 2 * images)


def test_a_failed_batch_raises_and_loses_no_lane(session, model, random):
    images = random.standard_normal((20, 3), np.float32)
    model.fail = True
    with pytest.raises(DeviceError, match="the device is lost") as error:
        session.run(images)
    assert error.value.call == "run"
    assert error.value.code == 7
    model.fail = False
    np.testing.assert_array_equal(session.run(images), 2 * images)


def test_a_closed_session_says_so(model):
    session = Session(model, lanes=2)
    lane = session.acquire()
    session.close()
    session.close()
    for use in (session.acquire, lambda: session.run(np.zeros((1, 3), np.float32))):
        with pytest.raises(InvalidInputError, match="the session of fake is closed"):
            use()
    with pytest.raises(InvalidInputError, match="closed"):
        lane.submit(1)


def test_eight_threads_on_one_session_get_their_own_results(random):
    with (
        Session(FakeModel(delay_s=0.0005), lanes=3) as session,
        ThreadPoolExecutor(8) as threads,
    ):
        inputs = [random.standard_normal((n, 3), np.float32) for n in range(40)]
        for images, got in zip(inputs, threads.map(session.run, inputs, timeout=30), strict=True):
            np.testing.assert_array_equal(got, 2 * images)


@pytest.mark.usefixtures("simulated_time")
def test_all_lanes_work_at_once(random):
    model = FakeModel(delay_s=0.02)
    with Session(model, lanes=4) as session:
        started = time.monotonic()
        session.run(random.standard_normal((64, 3), np.float32))
        elapsed = time.monotonic() - started
    one_after_the_other = len(model.counts) * model.delay_s
    assert elapsed < 0.6 * one_after_the_other
