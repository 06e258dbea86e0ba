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


# What AArch64 CPUs call themselves by number, as in util-linux's table for lscpu and Linux's
# cputype.h. The Kunpeng 920 as sold since 2019 is 0xd01, by listings of such servers; the 920B
# says 0xd02. No public listing of an Ascend 310B's host cores was found: where they are not among
# these they are named by their numbers, and by their board.
IMPLEMENTERS = {
    0x41: "Arm",
    0x42: "Broadcom",
    0x43: "Cavium",
    0x46: "Fujitsu",
    0x48: "HiSilicon",
    0x4E: "NVIDIA",
    0x50: "APM",
    0x51: "Qualcomm",
    0x61: "Apple",
    0x6D: "Microsoft",
    0x70: "Phytium",
    0xC0: "Ampere",
}
CORES = {
    (0x41, 0xD03): "Cortex-A53",
    (0x41, 0xD05): "Cortex-A55",
    (0x41, 0xD07): "Cortex-A57",
    (0x41, 0xD08): "Cortex-A72",
    (0x41, 0xD09): "Cortex-A73",
    (0x41, 0xD0A): "Cortex-A75",
    (0x41, 0xD0B): "Cortex-A76",
    (0x41, 0xD0C): "Neoverse-N1",
    (0x41, 0xD40): "Neoverse-V1",
    (0x41, 0xD41): "Cortex-A78",
    (0x41, 0xD49): "Neoverse-N2",
    (0x41, 0xD4F): "Neoverse-V2",
    (0x48, 0xD01): "Kunpeng 920 (TaiShan-v110)",
    (0x48, 0xD02): "TaiShan-v120",
    (0x70, 0x662): "FTC662",
    (0x70, 0x663): "FTC663",
    (0xC0, 0xAC3): "Ampere-1",
}


def cpu_name(root: Path = Path("/")) -> str:
    """The CPU's own name, such as "AMD EPYC 9654"; where it has none, what is known of it.

    Args:
        root: where proc is; another directory for tests.

    Returns:
        A name; never empty on Linux. On AArch64 the implementer and the core, each in hexadecimal
        where it is not known, and the board where the firmware names one.
    """
    lines = lines_of(root / "proc/cpuinfo")
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    name = fields.get("model name") or _core_name(fields) or platform.processor()
    board = " ".join(lines_of(root / "proc/device-tree/model")).strip("\0 ")
    return f"{name or platform.machine()}, {board}" if board else name or platform.machine()


def _core_name(fields: dict[str, str]) -> str:
    """The core by its numbers in AArch64's /proc/cpuinfo; empty where it has none."""
    try:
        implementer, part = (int(fields[name], 16) for name in ("CPU implementer", "CPU part"))
    except (KeyError, ValueError):
        return ""
    maker = IMPLEMENTERS.get(implementer, f"implementer {implementer:#x}")
    return f"{maker} {CORES.get((implementer, part), f'part {part:#x}')}"
