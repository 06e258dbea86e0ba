# SPDX-License-Identifier: Apache-2.0
"""A record as text: lines for a terminal, a Markdown table, a CSV file."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from mgn_fast.bench.record.row import Row


def table_head(runs: Sequence[Row]) -> list[str]:
    """Names of the columns that these runs (at least one) fill."""
    return list(_columns(runs))


def table_row(run: Row, runs: Sequence[Row]) -> list[str]:
    """The cells of one run, a text for each column of the table that it shares with `runs`."""
    return [cell(run) for cell in _columns(runs).values()]


def terminal_lines(runs: Sequence[Row]) -> list[str]:
    """Lines of a table with columns set right, each run's verdict under it; none for no runs."""
    if not runs:
        return []
    rows = [table_head(runs), *(table_row(run, runs) for run in runs)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        cells = zip(row, widths, strict=True)
        lines.append("  ".join(cell.rjust(width) for cell, width in cells).rstrip())
        if number > 0:
            lines += [f"    {text}" for text in remarks(runs[number - 1])]
    return lines


def remarks(run: Row) -> list[str]:
    """Sentences about a run: its bottleneck, why it is not valid, what it misses or lags."""
    texts = [run["bottleneck"]]
    texts += [f"NOT VALID: {reason}" for reason in run["reasons"]]
    if run["slo"] is not None and run["slo"]["met"] is False:
        texts.append(f"misses {run['slo']['limit']}")
    if run["baseline"] is not None and run["baseline"]["regressed"]:
        texts.append(
            f"SLOWER than the baseline's {run['baseline']['images_per_s']:.1f} images/s "
            f"(p = {run['baseline']['p_value']:.3g})"
        )
    return texts


def markdown(record: Mapping[str, Any]) -> str:
    """The record as a Markdown document with one table."""
    runs = record["runs"]
    environment = record["environment"]
    lines = ["# mgn_fast bench", "", f"{environment['cpu']}, {environment['cores']} cores"]
    if any(run["simulated"] for run in runs):
        lines += ["", "**SIMULATED**: a model of the chip, not a measurement of it."]
    if record["interrupted"]:
        lines += ["", "Interrupted: not all runs are here."]
    lines.append("")
    if runs:
        head = [*table_head(runs), "verdict"]
        lines += [_markdown_row(head), _markdown_row(["---"] * len(head))]
        lines += [_markdown_row([*table_row(run, runs), "; ".join(remarks(run))]) for run in runs]
    # Indented, and so code, in which nothing is markup: the words are a shell's.
    return "\n".join([*lines, "", f"    {_one_line(shlex.join(record['command']))}", ""])


def csv_text(record: Mapping[str, Any]) -> str:
    """CSV with every figure of each run, nested names joined by dots; no head for no runs."""
    rows = [_flat(run) for run in record["runs"]]
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _columns(runs: Sequence[Row]) -> dict[str, Callable[[Row], str]]:
    """Functions that fill each column, by the column's name."""
    columns: dict[str, Callable[[Row], str]] = {}
    if len({run["model"] for run in runs}) > 1:
        columns["model"] = lambda run: str(run["model"]).rpartition("/")[2]
    columns |= {
        "scope": lambda run: run["scope"] + (" SIMULATED" if run["simulated"] else ""),
        "batch": lambda run: str(run["batch_size"]),
        "lanes": lambda run: str(run["lanes"]),
        "images/s": lambda run: _rate(run["images_per_s"]),
        "95 %": lambda run: " to ".join(map(_rate, run["images_per_s_ci95"])),
        "mean ms": lambda run: _milliseconds(run["latency_ms"]["mean"]),
    }
    for name in _percentile_names(runs):
        columns[name] = partial(_percentile, name)
    columns["device idle"] = lambda run: f"{run['device_idle']:.0%}"
    columns["memory MB"] = _memory
    if any(run["published"] for run in runs):
        columns["published"] = _published
    if any(run["accuracy"] for run in runs):
        columns["cosine min"] = lambda run: _number(run["accuracy"], "cosine_min", "{:.5f}")
        columns["same nearest"] = lambda run: _number(run["accuracy"], "top1_agreement", "{:.1%}")
        columns["mAP drop"] = lambda run: _number(run["accuracy"], "map_drop", "{:+.4f}")
    if any(run["baseline"] for run in runs):
        columns["to baseline"] = lambda run: _number(run["baseline"], "ratio", "{:.3f}")
    return columns


def _percentile_names(runs: Sequence[Row]) -> list[str]:
    names = {name for run in runs for name in run["latency_ms"] if name.startswith("p")}
    return sorted(names, key=lambda name: float(name[1:]))


def _rate(value: float) -> str:
    return f"{value:.1f}" if value >= 100 else f"{value:.2f}"


def _milliseconds(value: float | None) -> str:
    return "too few" if value is None else f"{value:.4g}"


def _percentile(name: str, run: Row) -> str:
    return _milliseconds(run["latency_ms"].get(name))


def _memory(run: Row) -> str:
    resident, device = (
        run["memory"]["peak_resident_bytes"],
        run["memory"]["peak_device_bytes"],
    )
    text = "?" if resident is None else f"{resident / 1e6:.0f}"
    return text if device is None else f"{text} + {device / 1e6:.0f}"


def _published(run: Row) -> str:
    if run["published"] is None:
        return "-"
    share = run["network_images_per_s"] / run["published"]["images_per_s"]
    return f"{run['published']['images_per_s']:.1f} (x{share:.3f})"


def _number(holder: Mapping[str, Any] | None, key: str, form: str) -> str:
    value = None if holder is None else holder[key]
    return "-" if value is None else form.format(value)


def _markdown_row(cells: Sequence[str]) -> str:
    escaped = [_one_line(cell).replace("|", "\\|") for cell in cells]
    return "| " + " | ".join(escaped) + " |"


def _one_line(text: str) -> str:
    """The text with spaces for line breaks and other characters that do not print."""
    return "".join(c if c.isprintable() else " " for c in text)


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, entry in value.items():
        if isinstance(entry, Mapping):
            flat |= _flat(entry, f"{prefix}{key}.")
        elif isinstance(entry, (list, tuple)):
            flat[prefix + key] = ";".join(map(str, entry))
        else:
            flat[prefix + key] = "" if entry is None else entry
    return flat
