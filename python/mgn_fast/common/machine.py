# SPDX-License-Identifier: Apache-2.0
"""CPU, memory and control groups of this machine, read from /proc and /sys."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path


def lines_of(path: Path) -> list[str]:
    """The lines of a file below /proc or /sys; none where it cannot be read."""
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def field_of(path: Path, name: str) -> int | None:
    """The number on a kernel file's line whose first word, colon included, is `name`; or None."""
    for line in lines_of(path):
        words = line.split()
        if len(words) >= 2 and words[0] == name:
            return int(words[1])
    return None


def control_groups(controller: str, root: Path = Path("/")) -> Iterator[tuple[Path, int]]:
    """The control groups this process is in, from its own up to the root group.

    Args:
        controller: "memory" or "cpu".
        root: where proc and sys are; another directory for tests.

    Yields:
        A group's directory and its version, 1 or 2. Inside a container the directory may be the
        host's and out of sight; of these only the root group is.
    """
    for line in lines_of(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            top, version = root / "sys/fs/cgroup", 2
        elif controller in controllers.split(","):
            top, version = root / "sys/fs/cgroup" / controller, 1
        else:
            continue
        group = top / path.lstrip("/")
        for place in (group, *group.parents):
            yield place, version
            if place == top:
                break


def cpu_name() -> str:
    """The CPU's own name, such as "AMD EPYC 9654"; where it has none, its architecture.

    Returns:
        A name; never empty on Linux.
    """
    lines = lines_of(Path("/proc/cpuinfo"))
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
