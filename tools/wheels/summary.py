# SPDX-License-Identifier: Apache-2.0
"""What became of each wheel that was asked for, as a table to read and as JSON to keep."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wheels.check import Checked, dotted
from wheels.trial import Trial


@dataclass
class Row:
    """One wheel that was asked for."""

    version: str
    machine: str
    headers: str = ""
    wheel: str = ""
    checked: Checked | None = None
    trial: Trial | None = None
    old_cpus: dict[str, dict[str, Any]] = field(default_factory=dict)
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        found: dict[str, Any] = {"python": self.version, "machine": self.machine}
        if self.checked is not None:
            found |= {
                "wheel": self.wheel,
                "headers": self.headers,
                "floor": dotted(self.checked.tags.floor),
                "asks_for": dotted(self.checked.asked),
                "bytes": self.checked.size,
            }
        if self.trial is not None:
            found |= {"where": self.trial.where, "found": self.trial.found}
        if self.old_cpus:
            found["old_cpus"] = self.old_cpus
        if self.problem:
            found["problem"] = self.problem
        return found


HEAD = ("wheel", "floor", "asks for", "MB", "level", "tests", "results", "tried")


def table(rows: list[Row]) -> str:
    """The rows as columns; one that failed has its problem below the table."""
    cells = [HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    lines = [
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    lines += [f"\n{_name(row)}: {row.problem}" for row in rows if row.problem]
    return "\n".join(lines)


def _name(row: Row) -> str:
    return f"{row.version} {row.machine}"


def _cells(row: Row) -> tuple[str, ...]:
    if row.checked is None:
        return (_name(row), "-", "-", "-", "-", "-", "-", "no wheel")
    size = f"{row.checked.size / 1e6:.2f}"
    file = (_name(row), dotted(row.checked.tags.floor), dotted(row.checked.asked), size)
    found = row.trial.found if row.trial is not None else None
    if row.trial is None or found is None:
        return (*file, "-", "0", "-", row.trial.where if row.trial is not None else "failed")
    return (*file, found["simd"], str(found["tests"]), found["digest"], row.trial.where)


def different(rows: list[Row]) -> str:
    """A sentence if two wheels computed different results; they never may."""
    found = {
        f"{_name(row)}{cpu}": result["digest"]
        for row in rows
        if row.trial is not None and row.trial.found is not None
        for cpu, result in [("", row.trial.found), *((f" {c}", r) for c, r in row.old_cpus.items())]
    }
    if len(set(found.values())) <= 1:
        return ""
    return "results differ: " + ", ".join(f"{name} {digest}" for name, digest in found.items())


def write_json(rows: list[Row], path: Path) -> None:
    """The rows in a file."""
    path.write_text(json.dumps([row.to_dict() for row in rows], indent=1) + "\n")
