# SPDX-License-Identifier: Apache-2.0
import threading

import numpy as np
import pytest

from mgn_fast import DeviceError
from mgn_fast.inference.lane import Flight
from mgn_fast.inference.session import Session
from support.fake_model import FakeModel


def send(flight, value):
    """One batch of one row, tagged with its value."""
    with flight.lane() as lane:
        lane.input[0] = value
        flight.submit(lane, 1, value)


def test_every_result_comes_once_with_its_tag(session):
    flight = Flight(session.pool)
    got = {}
    for value in range(10):
        send(flight, value)
        got |= {tag: rows[0, 0] for tag, rows in flight.finished()}
    got |= {tag: rows[0, 0] for tag, rows in flight.drain()}
    assert got == {value: 2 * value for value in range(10)}
    assert list(flight.drain()) == []


def test_results_may_wait_while_lanes_go_on(session):
    flight = Flight(session.pool)
    for value in range(6):  # three times the lanes, and nothing taken in between
        send(flight, value)
    assert {tag for tag, _ in flight.drain()} == set(range(6))


def test_a_batch_that_ends_early_does_not_wait_for_an_older_one(session, model):
    slow = threading.Event()
    model.gate = slow
    flight = Flight(session.pool)
    send(flight, 0)  # blocked
    model.gate = None
    for value in range(1, 8):
        send(flight, value)
    done = {tag for tag, _ in flight.finished()}
    assert 0 not in done
    slow.set()
    assert done | {tag for tag, _ in flight.drain()} == set(range(8))


def test_flights_of_one_thread_on_one_lane_may_be_interleaved():
    with Session(FakeModel(), lanes=1) as session:
        first, second = Flight(session.pool), Flight(session.pool)
        for value in range(5):
            send(first, value)
            send(second, 10 + value)
        assert {tag for tag, _ in first.drain()} == set(range(5))
        assert {tag for tag, _ in second.drain()} == set(range(10, 15))


def test_a_lane_that_is_not_submitted_comes_back(session):
    flight = Flight(session.pool)

    def fail():
        with flight.lane():
            raise KeyError("while filling")

    for _ in range(3):
        with pytest.raises(KeyError):
            fail()
    assert session.acquire(timeout_s=0) is not session.acquire(timeout_s=0)


def test_a_flight_that_is_dropped_keeps_no_lane(session, model):
    model.gate = threading.Event()
    flight = Flight(session.pool)
    send(flight, 0)
    del flight
    model.gate.set()
    assert session.acquire(timeout_s=5) is not session.acquire(timeout_s=5)


def test_a_failure_is_raised_where_results_are_taken(session, model):
    model.fail = True
    flight = Flight(session.pool)
    send(flight, 0)
    with pytest.raises(DeviceError, match="lost"):
        list(flight.drain())
    model.fail = False
    np.testing.assert_array_equal(session.run(np.ones((3, 3), np.float32)), 2)
