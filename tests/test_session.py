# SPDX-License-Identifier: Apache-2.0
import gc
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import DeviceError, InvalidInputError
from mgn_fast.session import Session


class FakeLane:
    """Doubles its input; as slow, or as broken, as its model says."""

    def __init__(self, model):
        self.model = model
        self.input = np.zeros((model.batch_size, 3), np.float32)
        self.thread = ThreadPoolExecutor(1)

    def submit(self, count) -> Future:
        return self.thread.submit(self.run, count)

    def run(self, count):
        self.model.counts.append(count)
        if self.model.gate is not None:
            assert self.model.gate.wait(10)
        time.sleep(self.model.delay_s)
        if self.model.fail:
            raise DeviceError("the device is lost", call="run", code=7)
        return 2 * self.input[:count]

    def close(self):
        self.thread.shutdown()


class FakeModel:
    """A backend in a few lines: rows of three numbers in, their doubles out."""

    backend = "fake"
    path = Path("fake")
    contract = None
    input_shape = (3,)
    input_dtype = np.dtype(np.float32)
    embedding_width = 3

    def __init__(self, batch_size=4, *, fixed=False, delay_s=0.0):
        self.batch_size = batch_size
        self.batch_sizes = (batch_size,) if fixed else tuple(range(1, batch_size + 1))
        self.delay_s = delay_s
        self.gate = None
        self.fail = False
        self.counts = []

    def open_lane(self):
        return FakeLane(self)


@pytest.fixture
def model():
    return FakeModel()


@pytest.fixture
def session(model):
    with Session(model, lanes=2) as opened:
        yield opened


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


def test_images_need_not_be_contiguous(session, random):
    images = random.standard_normal((6, 6), np.float32)[::2, ::2]
    np.testing.assert_array_equal(session.run(images), 2 * images)


def test_a_lane_runs_what_was_written_into_its_input(session):
    lane = session.acquire()
    lane.input[:2] = [[1, 2, 3], [4, 5, 6]]
    ticket = lane.submit(2)
    np.testing.assert_array_equal(ticket.result(5), [[2, 4, 6], [8, 10, 12]])
    assert ticket.done()
    np.testing.assert_array_equal(ticket.result(), ticket.result())


@pytest.mark.parametrize("count", [0, -1, 5])
def test_a_count_outside_the_batch_is_refused(session, count):
    with pytest.raises(InvalidInputError, match=f"count is {count}, expected 1 to the batch size 4"):
        session.acquire().submit(count)


def test_taking_the_result_gives_the_lane_back(session):
    for _ in range(5):  # more than there are lanes
        lane = session.acquire(timeout_s=5)
        lane.submit(1).result()


def test_a_lane_may_be_used_again_while_nobody_else_wants_it(session):
    lane = session.acquire()
    for _ in range(5):
        lane.submit(1).result()
    other = [session.acquire(), session.acquire()]
    with pytest.raises(InvalidInputError, match="another caller has it now"):
        lane.submit(1)
    with pytest.raises(InvalidInputError, match="another caller has it now"):
        lane.input  # noqa: B018
    assert len(other) == 2


def test_a_with_block_keeps_the_lane_until_its_end(session):
    with session.acquire() as lane:
        lane.submit(1).result()
        second = session.acquire()
        with pytest.raises(TimeoutError, match=r"none of 2 lanes became free in 0\.01 s"):
            session.acquire(timeout_s=0.01)
        lane.submit(1).result()
    assert session.acquire(timeout_s=0) is not second


def test_a_second_submit_needs_the_first_ones_result(session, model):
    model.gate = threading.Event()
    lane = session.acquire()
    ticket = lane.submit(1)
    with pytest.raises(InvalidInputError, match="batch in flight; take its result first"):
        lane.submit(1)
    model.gate.set()
    ticket.result()


def test_a_result_that_is_late_can_be_asked_for_again(session, model):
    model.gate = threading.Event()
    ticket = session.acquire().submit(1)
    with pytest.raises(TimeoutError, match=r"not done after 0\.01 s"):
        ticket.result(timeout_s=0.01)
    assert not ticket.done()
    model.gate.set()
    assert ticket.result(timeout_s=5).shape == (1, 3)


def test_lanes_that_are_dropped_come_back(session, model):
    session.acquire()
    session.acquire()
    gc.collect()
    lanes = [session.acquire(timeout_s=1), session.acquire(timeout_s=1)]
    model.gate = threading.Event()
    lanes[0].submit(1)
    del lanes
    gc.collect()
    first = session.acquire(timeout_s=0)
    with pytest.raises(TimeoutError):  # the other still runs
        session.acquire(timeout_s=0)
    model.gate.set()
    assert session.acquire(timeout_s=5) is not first


def test_an_input_outlives_its_session(model):
    with Session(model, lanes=1) as session:
        view = session.acquire().input
    view[:] = 1
    assert view.sum() == 12


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


def test_closing_wakes_those_who_wait_for_a_lane(model):
    session = Session(model, lanes=1)
    held = session.acquire()
    with ThreadPoolExecutor(1) as waiter:
        waiting = waiter.submit(session.acquire)
        time.sleep(0.05)
        session.close()
        with pytest.raises(InvalidInputError, match="closed"):
            waiting.result(5)
    assert held is not None


def test_eight_threads_on_one_session_get_their_own_results(random):
    with (
        Session(FakeModel(delay_s=0.0005), lanes=3) as session,
        ThreadPoolExecutor(8) as threads,
    ):
        inputs = [random.standard_normal((n, 3), np.float32) for n in range(40)]
        for images, got in zip(inputs, threads.map(session.run, inputs, timeout=30), strict=True):
            np.testing.assert_array_equal(got, 2 * images)


def test_threads_that_hold_lanes_and_threads_that_run_share_a_session(random):
    def hold(session):
        for _ in range(30):
            with session.acquire(timeout_s=10) as lane:
                lane.input[:] = 1
                assert lane.submit(4).result().sum() == 24

    images = random.standard_normal((50, 3), np.float32)
    with Session(FakeModel(delay_s=0.0005), lanes=2) as session, ThreadPoolExecutor(6) as threads:
        held = [threads.submit(hold, session) for _ in range(3)]
        ran = [threads.submit(session.run, images) for _ in range(3)]
        for future in held:
            future.result(30)
        for future in ran:
            np.testing.assert_array_equal(future.result(30), 2 * images)


def test_all_lanes_work_at_once(random):
    model = FakeModel(delay_s=0.02)
    with Session(model, lanes=4) as session:
        started = time.monotonic()
        session.run(random.standard_normal((64, 3), np.float32))
        elapsed = time.monotonic() - started
    one_after_the_other = len(model.counts) * model.delay_s
    assert elapsed < 0.6 * one_after_the_other
