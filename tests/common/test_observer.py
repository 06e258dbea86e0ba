# SPDX-License-Identifier: Apache-2.0
import threading

import pytest

from mgn_fast.common.observer import NO_OBSERVER, Observer, current_observer, observing
from mgn_fast.inference.lane import Flight
from mgn_fast.inference.session import Session
from support.fake_model import FakeModel


class Notes(Observer):
    def __init__(self):
        self.spans = []

    def spent(self, span):
        self.spans.append(span)


def test_nobody_observes_outside_a_block_and_in_other_threads():
    seen = []
    with observing(Notes()):
        thread = threading.Thread(target=lambda: seen.append(current_observer()))
        thread.start()
        thread.join()
    assert seen == [NO_OBSERVER]
    assert current_observer() is NO_OBSERVER


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
    (span,) = notes.spans
    assert span.stage == "decode"
    assert span.started_s <= span.ended_s
    assert span.track == threading.current_thread().name


@pytest.mark.usefixtures("simulated_time")
def test_a_flight_tells_of_its_waits_and_of_what_its_batches_did():
    notes = Notes()
    with Session(FakeModel(4, delay_s=0.02), 1, notes) as session:
        flight = Flight(session.pool)
        for _ in range(2):
            with flight.lane() as lane:
                flight.submit(lane, 4, None)
        list(flight.drain())
    stages = [span.stage for span in notes.spans]
    assert sorted(stages) == [*2 * ["compute"], *2 * ["lane_wait"], *2 * ["result_wait"]]
    waits = [s.ended_s - s.started_s for s in notes.spans if s.stage == "lane_wait"]
    assert waits[0] < 0.01  # the lane was free
    assert 0.01 < waits[1] < 1.0  # it ran the first batch
    computed = [span for span in notes.spans if span.stage == "compute"]
    assert all(0.02 <= span.ended_s - span.started_s < 1.0 for span in computed)
    assert {(span.track, span.engine) for span in computed} == {("lane 0", 0)}


def test_lanes_are_spread_over_the_engines_in_turn():
    model = FakeModel(4)
    model.num_engines = 2
    notes = Notes()
    with Session(model, 3, notes) as session:
        lanes = [session.acquire() for _ in range(3)]
        for ticket in [lane.submit(4) for lane in lanes]:
            ticket.result()
            for span in ticket.spans():
                notes.spent(span)
    engines = {span.track: span.engine for span in notes.spans}
    assert engines == {"lane 0": 0, "lane 1": 1, "lane 2": 0}
