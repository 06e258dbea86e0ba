# SPDX-License-Identifier: Apache-2.0
import json

from mgn_fast.bench.record import trace
from mgn_fast.bench.record.trace import trace_events
from mgn_fast.common.observer import Span

SPANS = [
    Span("compute", 2.0, 2.5, "lane 1"),
    Span("decode", 1.0, 1.25, "worker_0"),
    Span("h2d", 1.5, 2.0, "lane 1"),
    Span("decode", 3.0, 3.0, "worker_1"),
]


def test_events_are_what_viewers_expect():
    events = json.loads(json.dumps(trace_events("bs 8", 3, SPANS)))
    assert all(event["pid"] == 3 for event in events)
    names = {
        (event["name"], event["args"]["name"]): event["tid"]
        for event in events
        if event["ph"] == "M"
    }
    assert set(names) == {
        ("process_name", "bs 8"),
        ("thread_name", "lane 1"),
        ("thread_name", "worker_0"),
        ("thread_name", "worker_1"),
    }
    done = [event for event in events if event["ph"] == "X"]
    assert len(done) + len(names) == len(events)
    # Microseconds, in the order in which they began.
    assert [(event["name"], event["ts"], event["dur"]) for event in done] == [
        ("decode", 1e6, 250_000.0),
        ("h2d", 1.5e6, 500_000.0),
        ("compute", 2e6, 500_000.0),
        ("decode", 3e6, 0.0),
    ]
    assert [event["tid"] for event in done] == [
        names["thread_name", row] for row in ("worker_0", "lane 1", "lane 1", "worker_1")
    ]


def test_every_track_has_a_row_of_its_own():
    events = trace_events("t", 0, [Span("pack", 0.0, 1.0, f"t{n}") for n in range(30)])
    assert len({event["tid"] for event in events if event["ph"] == "X"}) == 30


def test_of_too_many_the_last_are_taken(monkeypatch):
    monkeypatch.setattr(trace, "MAX_SPANS", 10)
    spans = [Span("pack", float(n), n + 0.5, "main") for n in range(100)]
    done = [event for event in trace_events("t", 0, spans[::-1]) if event["ph"] == "X"]
    assert [event["ts"] for event in done] == [1e6 * n for n in range(90, 100)]


def test_a_file_stays_small_enough_to_open():
    assert trace.MAX_SPANS <= 20_000


def test_no_spans_are_a_process_without_rows():
    (event,) = trace_events("t", 0, [])
    assert event["name"] == "process_name"
