# SPDX-License-Identifier: Apache-2.0
"""A benchmark's record as one HTML page that opens anywhere, offline and without scripts.

The record follows schema.json. Every text of it is escaped: file names are anybody's. What is said
stands in page.html.jinja; here is what is chosen, grouped and counted for it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mgn_fast.bench.page import plots, series, words
from mgn_fast.bench.record.row import Row
from mgn_fast.common.extras import require_extra
from mgn_fast.report.kit.templates import render

Record = Mapping[str, Any]

# End to end first: it is what a user gets.
_SCOPE_ORDER = ("e2e", "device", "compute")

# Columns that are there only if rows differ in them.
_DIFFERING = ("model", "backend", "precision", "device", "workers", "threads", "load")

# Each with its decimals.
_ACCURACY = (
    ("cosine_mean", 5),
    ("cosine_min", 5),
    ("top1_agreement", 4),
    ("map_drop", 4),
    ("map_drop_reranked", 4),
)


def render_page(record: Record) -> str:
    """A record as one HTML page that asks for nothing outside itself.

    Args:
        record: as `mgn-fast bench --json` writes it; follows schema.json.

    Returns:
        HTML that can be encoded as UTF-8; the same record gives the same text.

    Raises:
        RuntimeUnavailableError: the report extra is not installed.
    """
    require_extra("report", "jinja2", "matplotlib")
    return render("mgn_fast.bench.page", words, _chosen(record))


def best_run(runs: Sequence[Row]) -> Row | None:
    """The fastest run that can be believed, which the page's heading tells; None without runs.

    Of the valid rows those end to end come first, then those with copies; measured ones before
    simulated ones; those that meet the bound on latency before others. Of what is left the fastest.

    Args:
        runs: all rows.

    Returns:
        One of them; None if none is valid.
    """
    return max((run for run in runs if run["valid"]), key=_merit, default=None)


def _merit(run: Row) -> tuple[int, bool, bool, float]:
    met = run["slo"] is None or run["slo"]["met"] is True
    return -_SCOPE_ORDER.index(run["scope"]), not run["simulated"], met, run["images_per_s"]


def _chosen(record: Record) -> dict[str, Any]:
    """The values that the template names, picked and counted from the record."""
    runs: Sequence[Row] = record["runs"]
    return {
        "record": record,
        "runs": runs,
        "best": best_run(runs),
        "command": [shlex.quote(argument) for argument in record["command"]],
        "simulated": [run for run in runs if run["simulated"]],
        "any_simulated": _any_simulated(record),
        "not_valid": [run for run in runs if not run["valid"]],
        "regressed": [run for run in runs if run["baseline"] and run["baseline"]["regressed"]],
        "groups": [_group(group, i, record) for i, group in enumerate(_groups(runs))],
        "percentiles": words.percentile_keys(runs),
        "differing": [n for n in _DIFFERING if any(run[n] != runs[0][n] for run in runs)],
        "has": _columns(runs),
        "stage_names": words.STAGES,
        "busy_parts": words.BUSY_PARTS,
        "accuracy_columns": _ACCURACY,
    }


def _any_simulated(record: Record) -> bool:
    """True if a run was simulated, or would have been where none was finished."""
    ascend = record["environment"]["ascend"]
    return any(run["simulated"] for run in record["runs"]) or bool(ascend and ascend["simulated"])


def _columns(runs: Sequence[Row]) -> dict[str, bool]:
    """Which columns are there because some row has something to say in them."""
    told = ("slo", "accuracy", "baseline", "published")
    has = {name: any(run[name] is not None for run in runs) for name in told}
    has["scopes"] = len({run["scope"] for run in runs}) > 1
    has["mirror"] = any(run["mirror"] for run in runs)
    has["device_memory"] = any(run["memory"]["peak_device_bytes"] is not None for run in runs)
    return has


def _groups(runs: Sequence[Row]) -> list[list[Row]]:
    """Rows whose rates count the same thing, in the order in which each kind came first."""
    found: dict[tuple[object, ...], list[Row]] = {}
    for run in runs:
        key = (run["model"], run["scope"], run["precision"], run["simulated"])
        found.setdefault(key, []).append(run)
    return list(found.values())


def _group(runs: Sequence[Row], index: int, record: Record) -> dict[str, Any]:
    """One pair of plots and the stages of its rows."""
    first = runs[0]
    statistic = series.latency_statistic(runs)
    published = series.published_series(runs)
    told = [f"{first['scope']}: {words.SCOPES[first['scope']]}", first["precision"]]
    if len(record["models"]) > 1:
        told.insert(0, words.file_name(first["model"]))
    longest = max(sum(_per_image(run).values()) for run in runs)
    return {
        "title": " · ".join(part for part in told if part),
        "unit": "pictures" if first["scope"] == "e2e" else "rows of the network",
        "simulated": first["simulated"],
        "latency_of": "picture" if any(_counts_pictures(run) for run in runs) else "batch",
        "mirror": first["scope"] == "e2e" and any(run["mirror"] for run in runs),
        "not_valid": sum(not run["valid"] for run in runs),
        "published": sorted({run["published"]["source"] for run in runs if run["published"]}),
        "statistic": statistic,
        "gaps": [run for run in runs if run["latency_ms"].get(statistic) is None],
        "throughput": _throughput_plot(runs, published, f"rate-{index}"),
        "latency": _latency_plot(runs, statistic, f"latency-{index}"),
        "stages": _told(words.STAGES, runs, "stages_ms"),
        "parts": _told(words.BUSY_PARTS, runs, "occupancy"),
        "rows": [
            {"name": name, "run": run, "total_ms": sum(run["stages_ms"].values()), "bars": bars}
            for name, run in _named(runs)
            for bars in [_bars(run, longest)]
        ],
    }


def _counts_pictures(run: Row) -> bool:
    """Whether its latency is that of a picture, not of a batch."""
    return bool(run["scope"] == "e2e" or run["load"]["kind"] == "open")


def _told(names: Iterable[str], runs: Sequence[Row], where: str) -> list[str]:
    """Of these names those that some row has, in their order."""
    return [name for name in names if any(name in run[where] for run in runs)]


def _named(runs: Sequence[Row]) -> list[tuple[str, Row]]:
    """Each row with the name of its series, by batch size, so that lanes stand together."""
    named = [(n, run) for n, rows in series.lanes_series(runs).items() for run in rows]
    return sorted(named, key=lambda pair: pair[1]["batch_size"])


def _per_image(run: Row) -> dict[str, float]:
    """Milliseconds of every stage for one row of the batch: comparable between batch sizes."""
    return {stage: ms / run["batch_size"] for stage, ms in run["stages_ms"].items()}


def _bars(run: Row, longest: float) -> list[dict[str, Any]]:
    """Where each stage's bar starts and how long it is, in thousandths of the longest row."""
    bars, start = [], 0.0
    per_image = _per_image(run)
    for stage in words.STAGES:
        if per_image.get(stage):
            width = 1000 * per_image[stage] / longest
            ms = run["stages_ms"][stage]
            bars.append({"stage": stage, "x": f"{start:.2f}", "width": f"{width:.2f}", "ms": ms})
            start += width
    return bars


def _throughput_plot(runs: Sequence[Row], published: series.Series | None, name: str) -> str:
    unit = "pictures/s" if runs[0]["scope"] == "e2e" else "images/s"
    return plots.draw(
        series.throughput_series(runs),
        published,
        name=name,
        title=f"{unit} against batch size, one line for each number of lanes",
        unit=unit,
        simulated=runs[0]["simulated"],
    )


def _latency_plot(runs: Sequence[Row], statistic: str, name: str) -> str:
    return plots.draw(
        series.latency_series(runs, statistic),
        None,
        name=name,
        title=f"{statistic} latency against batch size, one line for each number of lanes",
        unit="ms",
        simulated=runs[0]["simulated"],
        logarithmic=True,
    )
