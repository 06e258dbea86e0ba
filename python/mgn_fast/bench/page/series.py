# SPDX-License-Identifier: Apache-2.0
"""What the page's plots show: a record's rows as series, one for each number of lanes.

Knows nothing of drawing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mgn_fast.bench.record.row import Row


@dataclass(frozen=True)
class Series:
    """One line of a plot: its name, its points and how it is drawn.

    Attributes:
        label: what the legend calls it.
        batch_sizes: ascending.
        values: one per batch size; NaN is a gap.
        intervals: lowest and highest value of each; empty where there are none.
        valid: whether the row of each is; others are drawn hollow.
    """

    label: str
    batch_sizes: Sequence[int]
    values: Sequence[float]
    intervals: Sequence[Sequence[float]]
    valid: Sequence[bool]


def lanes_series(runs: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by what their series is called: the lanes, and what else differs among such rows.

    Args:
        runs: rows of one plot.

    Returns:
        Rows by ascending batch size, under "1 lane", "2 lanes" ...; with, for instance, ", device
        0,1" after it where rows of as many lanes differ in their device.
    """
    details = {"backend", "device", "workers", "threads", "mirror", "load"}
    differing = {
        name
        for name in details
        if any(a[name] != b[name] for a in runs for b in runs if a["lanes"] == b["lanes"])
    }
    found: dict[str, list[Row]] = {}
    for run in sorted(runs, key=lambda run: (run["lanes"], run["batch_size"])):
        found.setdefault(", ".join(_label_parts(run, differing)), []).append(run)
    return found


def _label_parts(run: Row, differing: set[str]) -> Iterator[str]:
    yield f"{run['lanes']} lane{'s' * (run['lanes'] > 1)}"
    for name in sorted(differing):
        value = run[name]
        if name == "load":
            yield f"{value['rate']:g} arrive/s" if value["kind"] == "open" else "closed loop"
        elif name == "mirror":
            yield "mirrored too" if value else "plain"
        elif value is not None:
            yield {"backend": f"{value}", "device": f"device {value}"}.get(name, f"{value} {name}")


def throughput_series(runs: Sequence[Row]) -> list[Series]:
    """Images per second with their intervals, for each number of lanes."""
    return [
        Series(
            label,
            [run["batch_size"] for run in rows],
            [run["images_per_s"] for run in rows],
            [_interval(run) for run in rows],
            [run["valid"] for run in rows],
        )
        for label, rows in lanes_series(runs).items()
    ]


def _interval(run: Row) -> Sequence[float]:
    """One repeat has no interval, whatever was resampled from it."""
    if len(run["images_per_s_repeats"]) < 2:
        return (run["images_per_s"],) * 2
    return tuple(run["images_per_s_ci95"])


def published_series(runs: Sequence[Row]) -> Series | None:
    """What was published for these batch sizes; None where nothing was."""
    rates = {
        run["batch_size"]: run["published"]["images_per_s"] for run in runs if run["published"]
    }
    if not rates:
        return None
    batch_sizes = sorted(rates)
    values = [rates[batch_size] for batch_size in batch_sizes]
    return Series("published", batch_sizes, values, [], [True] * len(values))


def latency_statistic(runs: Sequence[Row]) -> str:
    """What of the latency is plotted: p99; the highest percentile that a row has; or the mean.

    Args:
        runs: rows of one plot.

    Returns:
        A key of `latency_ms`.
    """
    there = {
        name
        for run in runs
        for name, value in run["latency_ms"].items()
        if name.startswith("p") and value is not None
    }
    if "p99" in there or not there:
        return "p99" if there else "mean"
    highest: str = max(there, key=lambda name: float(name[1:]))
    return highest


def latency_series(runs: Sequence[Row], statistic: str) -> list[Series]:
    """That statistic in milliseconds, for each number of lanes.

    Args:
        runs: rows of one plot.
        statistic: a key of `latency_ms`, such as "p99".

    Returns:
        Series whose value is NaN where a row has no such percentile.
    """
    return [
        Series(
            label,
            [run["batch_size"] for run in rows],
            [_or_gap(run["latency_ms"].get(statistic)) for run in rows],
            [],
            [run["valid"] for run in rows],
        )
        for label, rows in lanes_series(runs).items()
    ]


def _or_gap(value: float | None) -> float:
    return math.nan if value is None else value
