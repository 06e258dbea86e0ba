# SPDX-License-Identifier: Apache-2.0
"""Who has which lane: waiting, coming back, closing, and a child of fork."""

# SPDX-License-Identifier: Apache-2.0
import gc
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mgn_fast import DeviceError, InvalidInputError
from mgn_fast.inference.session import Session
from support.fake_model import FakeModel


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


@pytest.mark.usefixtures("own_process")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # newer Pythons warn
def test_a_child_of_fork_is_told_to_open_its_own(session, random):
    images = random.standard_normal((9, 3), np.float32)
    session.run(images)  # the lanes' threads are running now, in this process alone
    lane = session.acquire()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        answers = []
        for use in (session.acquire, lambda: session.run(images), lambda: lane.submit(1)):
            try:
                use()
                answers.append("no error")
            except InvalidInputError as error:
                answers.append(str(error))
        session.close()
        os.write(writer, "\n".join(answers).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        lines = answers.read().splitlines()
    assert os.waitpid(child, 0)[1] == 0
    assert len(lines) == 3
    assert all("open a session here, or start processes by 'spawn'" in line for line in lines)
    np.testing.assert_array_equal(session.run(images), 2 * images)


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


@pytest.mark.parametrize("timeout_s", [-1, float("nan"), "1"])
def test_what_is_no_time_to_wait_is_refused(session, timeout_s):
    with pytest.raises(InvalidInputError, match=r"timeout_s is .*, expected seconds from 0 up"):
        session.acquire(timeout_s)
    ticket = session.acquire().submit(1)
    with pytest.raises(InvalidInputError, match="timeout_s is "):
        ticket.result(timeout_s)
    ticket.result()


def test_a_dead_lane_is_given_to_nobody(session, model):
    model.dead = {1}
    for _ in range(3):
        with session.acquire(timeout_s=1) as lane:
            assert lane.submit(1).result().shape == (1, 3)
        with session.acquire(timeout_s=1), pytest.raises(TimeoutError):
            session.acquire(timeout_s=0.02)


def test_when_all_lanes_are_dead_nobody_waits(session, model):
    """Nor for one that another caller still has."""
    held = [session.acquire(), session.acquire()]
    with ThreadPoolExecutor(1) as waiter:
        waiting = waiter.submit(session.acquire)
        time.sleep(0.05)
        model.dead = {0, 1}
        with pytest.raises(DeviceError, match="lane 0 is dead"):
            waiting.result(5)
    with pytest.raises(DeviceError, match="lane 0 is dead"):
        session.acquire()
    assert len(held) == 2
    del held
    with pytest.raises(DeviceError, match="lane 0 is dead"):
        session.run(np.zeros((9, 3), np.float32))
