# SPDX-License-Identifier: Apache-2.0
import threading

import numpy as np
import pytest

from mgn_fast import DeviceError
from mgn_fast.flight import Flight
from mgn_fast.session import Session


def send(flight, value):
    """One batch of one row, tagged with its value."""
    lane = flight.acquire()
    lane.input[0] = value
    flight.submit(lane, 1, value)


def test_every_result_comes_once_with_its_tag(session):
    flight = Flight(session)
    got = {}
    for value in range(10):
        send(flight, value)
        got |= {tag: rows[0, 0] for tag, rows in flight.finished()}
    got |= {tag: rows[0, 0] for tag, rows in flight.drain()}
    assert got == {value: 2 * value for value in range(10)}
    assert list(flight.drain()) == []


def test_acquire_takes_own_results_when_no_lane_is_free(session):
    flight = Flight(session)
    for value in range(6):  # three times the lanes, and nothing taken in between
        send(flight, value)
    assert {tag for tag, _ in flight.drain()} == set(range(6))


def test_a_batch_that_ends_early_does_not_wait_for_an_older_one(session, model):
    slow = threading.Event()
    model.gate = slow
    flight = Flight(session)
    send(flight, 0)  # blocked
    model.gate = None
    for value in range(1, 8):
        send(flight, value)
    done = {tag for tag, _ in flight.finished()}
    assert 0 not in done
    slow.set()
    assert done | {tag for tag, _ in flight.drain()} == set(range(8))


def test_two_flights_on_one_lane_do_not_wait_for_each_other(model):
    with Session(model, lanes=1) as session:
        first, second = Flight(session), Flight(session)
        send(first, 1)
        assert [tag for tag, _ in first.drain()] == [1]
        send(second, 2)
        assert [tag for tag, _ in second.drain()] == [2]


def test_abandoned_batches_give_their_lanes_back(session, model):
    model.gate = threading.Event()
    flight = Flight(session)
    send(flight, 0)
    kept = flight.acquire()  # acquired, never submitted
    flight.abandon()
    model.gate.set()
    lanes = [session.acquire(timeout_s=5), session.acquire(timeout_s=5)]
    assert kept not in lanes


def test_a_failure_is_raised_where_results_are_taken(session, model):
    model.fail = True
    flight = Flight(session)
    send(flight, 0)
    with pytest.raises(DeviceError, match="lost"):
        list(flight.drain())
    flight.abandon()
    model.fail = False
    np.testing.assert_array_equal(session.run(np.ones((3, 3), np.float32)), 2)
