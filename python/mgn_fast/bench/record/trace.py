# SPDX-License-Identifier: Apache-2.0
"""The spans of a run in the format of Chrome's tracing, which Perfetto reads too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mgn_fast.common.observer import Span

# Of each case: the last ones, so that a file stays small enough to open.
MAX_SPANS = 20_000


def trace_events(title: str, process: int, spans: Sequence[Span]) -> list[dict[str, Any]]:
    """One process of the trace, with a row for each thread and for each lane's stages.

    Args:
        title: of the process.
        process: its number.
        spans: in any order; the last 20,000 are taken.

    Returns:
        Events, times in microseconds.

    Source:
        Trace Event Format, the Chromium project.
    """
    chosen = sorted(spans, key=lambda span: span.started_s)[-MAX_SPANS:]
    rows = {row: number for number, row in enumerate(sorted({span.track for span in chosen}))}
    events: list[dict[str, Any]] = [_name("process_name", process, 0, title)]
    events += [_name("thread_name", process, number, row) for row, number in rows.items()]
    events += [
        {
            "name": span.stage,
            "ph": "X",
            "pid": process,
            "tid": rows[span.track],
            "ts": 1e6 * span.started_s,
            "dur": 1e6 * (span.ended_s - span.started_s),
        }
        for span in chosen
    ]
    return events


def _name(kind: str, process: int, row: int, text: str) -> dict[str, Any]:
    return {"name": kind, "ph": "M", "pid": process, "tid": row, "args": {"name": text}}
