# SPDX-License-Identifier: Apache-2.0
"""Disturbances of a measurement: stolen and throttled time, other load, a lower frequency.

Reads Linux's counters; where one is not there its share is None.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mgn_fast.common.machine import control_groups, field_of, lines_of

# Columns of /proc/stat after the CPU's name.
_IDLE, _IOWAIT, _STEAL = 3, 4, 7
_NUM_COLUMNS = 8  # guests' time, in the columns after these, is part of the first two


@dataclass(frozen=True)
class Counters:
    """The counters at one moment, of the cores this process may use.

    Attributes:
        total_s: time of all cores together.
        busy_s: of which they worked for a process of this machine.
        steal_s: of which the hypervisor gave them to another machine.
        own_s: CPU time of this process.
        throttled_s: for which its control group was held back.
        megahertz: mean frequency.
    """

    total_s: float | None
    busy_s: float | None
    steal_s: float | None
    own_s: float
    throttled_s: float | None
    megahertz: float | None


@dataclass(frozen=True)
class Noise:
    """Shares of the cores' time between two moments; None where the machine does not tell.

    Attributes:
        steal_share: taken by the hypervisor.
        other_load_share: used by other processes.
        throttled_share: for which our control group was held back.
        frequency_drop: how much lower the frequency was at the end, as a share; 0 if it was not.
    """

    steal_share: float | None
    other_load_share: float | None
    throttled_share: float | None
    frequency_drop: float | None


def read_counters(root: Path = Path("/")) -> Counters:
    """The counters as they are now; proc and sys are below `root`, elsewhere in tests."""
    cores = os.sched_getaffinity(0)
    ticks = _ticks(root / "proc/stat", [f"cpu{core}" for core in sorted(cores)])
    times = os.times()
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    busy = None if ticks is None else sum(ticks) - ticks[_IDLE] - ticks[_IOWAIT] - ticks[_STEAL]
    return Counters(
        total_s=None if ticks is None else sum(ticks) * tick_s,
        busy_s=None if busy is None else busy * tick_s,
        steal_s=None if ticks is None else ticks[_STEAL] * tick_s,
        own_s=times.user + times.system + times.children_user + times.children_system,
        throttled_s=_throttled_s(root),
        megahertz=_megahertz(root, cores),
    )


def noise_between(before: Counters, after: Counters) -> Noise:
    """What disturbed the cores between two readings of the counters, as shares of their time."""
    total = _difference(before.total_s, after.total_s)
    busy = _difference(before.busy_s, after.busy_s)
    other = None if busy is None else max(0.0, busy - (after.own_s - before.own_s))
    return Noise(
        steal_share=_share(_difference(before.steal_s, after.steal_s), total),
        other_load_share=_share(other, total),
        throttled_share=_share(_difference(before.throttled_s, after.throttled_s), total),
        frequency_drop=(
            None
            if before.megahertz is None or after.megahertz is None
            else max(0.0, 1 - after.megahertz / before.megahertz)
        ),
    )


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _share(part: float | None, whole: float | None) -> float | None:
    if part is None or whole is None:
        return None
    return min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0


def _ticks(path: Path, names: Sequence[str]) -> list[int] | None:
    rows = [line.split() for line in lines_of(path)]
    columns = [row[1 : 1 + _NUM_COLUMNS] for row in rows if row and row[0] in names]
    if not columns or any(len(column) < _NUM_COLUMNS for column in columns):
        return None
    return [sum(int(column[i]) for column in columns) for i in range(_NUM_COLUMNS)]


def _throttled_s(root: Path) -> float | None:
    """Seconds for which our control group was held back; its file has micro- or nanoseconds."""
    for group, version in control_groups("cpu", root):
        name, scale = ("throttled_usec", 1e-6) if version == 2 else ("throttled_time", 1e-9)
        throttled = field_of(group / "cpu.stat", name)
        if throttled is not None:
            return throttled * scale
    return None


def _megahertz(root: Path, cores: set[int]) -> float | None:
    files = [root / f"sys/devices/system/cpu/cpu{n}/cpufreq/scaling_cur_freq" for n in cores]
    kilohertz = [int(lines[0]) for lines in map(lines_of, files) if lines and lines[0].isdigit()]
    return sum(kilohertz) / len(kilohertz) / 1000 if kilohertz else None
