# SPDX-License-Identifier: Apache-2.0
import threading

import pytest

from fake_model import FakeModel
from mgn_fast.flight import Flight
from mgn_fast.observer import NOBODY, Observer, current_observer, observing
from mgn_fast.session import Session


class Notes(Observer):
    def __init__(self):
        self.spans = []

    def spent(self, stage, started_s, ended_s):
        self.spans.append((stage, started_s, ended_s))


def test_nobody_observes_outside_a_block_and_in_other_threads():
    seen = []
    with observing(Notes()):
        thread = threading.Thread(target=lambda: seen.append(current_observer()))
        thread.start()
        thread.join()
    assert seen == [NOBODY]
    assert current_observer() is NOBODY


def test_the_innermost_block_counts():
    outer, inner = Notes(), Notes()
    with observing(outer):
        with observing(inner):
            assert current_observer() is inner
        assert current_observer() is outer


def test_a_step_that_fails_is_told_all_the_same():
    notes = Notes()
    with pytest.raises(ZeroDivisionError), notes.spending("decode"):
        _ = 1 / 0
    ((stage, started_s, ended_s),) = notes.spans
    assert stage == "decode"
    assert started_s <= ended_s


def test_a_flight_tells_of_its_waits_and_of_what_its_batches_did():
    notes = Notes()
    with Session(FakeModel(4, delay_s=0.02), 1, notes) as session:
        flight = Flight(session)
        for _ in range(2):
            with flight.lane() as lane:
                flight.submit(lane, 4, None)
        list(flight.drain())
    stages = [span[0] for span in notes.spans]
    assert sorted(stages) == ["compute", "compute", "lane_wait", "lane_wait"]
    waits = [ended - started for stage, started, ended in notes.spans if stage == "lane_wait"]
    assert waits[0] < 0.01  # the lane was free
    assert 0.01 < waits[1] < 1.0  # it ran the first batch
    computed = [ended - started for stage, started, ended in notes.spans if stage == "compute"]
    assert all(0.02 <= seconds < 1.0 for seconds in computed)
