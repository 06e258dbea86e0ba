# SPDX-License-Identifier: Apache-2.0
import gc
import threading

import numpy as np
import pytest

from mgn_fast import InvalidInputError
from mgn_fast.inference.session import Session


def test_a_lane_runs_what_was_written_into_its_input(session):
    lane = session.acquire()
    lane.input[:2] = [[1, 2, 3], [4, 5, 6]]
    ticket = lane.submit(2)
    np.testing.assert_array_equal(ticket.result(5), [[2, 4, 6], [8, 10, 12]])
    assert ticket.done()
    np.testing.assert_array_equal(ticket.result(), ticket.result())


@pytest.mark.parametrize("count", [0, -1, 5])
def test_a_count_outside_the_batch_is_refused(session, count):
    with pytest.raises(
        InvalidInputError, match=f"count is {count}, expected a whole number from 1 to 4"
    ):
        session.acquire().submit(count)


def test_taking_the_result_gives_the_lane_back(session):
    for _ in range(5):  # more than there are lanes
        lane = session.acquire(timeout_s=5)
        lane.submit(1).result()


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


def test_an_input_outlives_its_session(model):
    with Session(model, lanes=1) as session:
        view = session.acquire().input
    view[:] = 1
    assert view.sum() == 12


def test_tickets_that_are_dropped_give_their_lanes_back_at_once(session):
    gc.disable()  # a ring of references would need the collector
    try:
        for _ in range(10):
            session.acquire(timeout_s=5).submit(1)
    finally:
        gc.enable()


@pytest.mark.parametrize("count", ["1", None, 1.0, True])
def test_a_count_that_is_no_number_is_refused(session, count):
    with pytest.raises(InvalidInputError, match=f"count is {count!r}, expected a whole number"):
        session.acquire().submit(count)


def test_a_count_may_be_numpys(session):
    assert session.acquire().submit(np.int64(2)).result().shape == (2, 3)
