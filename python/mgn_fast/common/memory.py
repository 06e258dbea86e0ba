# SPDX-License-Identifier: Apache-2.0
"""How much memory a run may take: what the machine has left and what its control group allows.

Knows nothing of what runs need; `evaluation.memory_plan` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mgn_fast.common.machine import control_groups, field_of, lines_of
from mgn_fast.errors import InvalidInputError

MEGABYTE = 1 << 20
# Left to the interpreter and to other processes.
_RESERVE = 64 * MEGABYTE
# By the version of control groups: limit and use, and the page cache in memory.stat not in use.
_GROUP_FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}


def available_bytes(root: Path = Path("/")) -> int | None:
    """Bytes of memory that this process may still take; None where the system does not tell.

    The least of what the machine says is available and what each control group it is in (version 1
    or 2) has left; a group's page cache that is not in use counts as left.

    Args:
        root: where proc and sys are; another directory for tests.

    Returns:
        Bytes, at least 0; None where neither can be read.
    """
    limits = list(_group_limits(root))
    machine = field_of(root / "proc/meminfo", "MemAvailable:")
    if machine is not None:
        limits.append(machine * 1024)
    return max(0, min(limits)) if limits else None


def in_words(count: int) -> str:
    """Bytes as whole megabytes, or from ten thousand megabytes on as gigabytes with one decimal."""
    megabytes = count / MEGABYTE
    return f"{megabytes:.0f} MB" if megabytes < 10_000 else f"{megabytes / 1024:,.1f} GB"


def require_fit(what: str, needed: int, remedies: Sequence[tuple[str, int]]) -> None:
    """Raises InvalidInputError if a run needs more memory than there is.

    Args:
        what: the run, as the message's first words.
        needed: bytes it takes.
        remedies: what the caller could do instead and the bytes of that, best first.

    Raises:
        InvalidInputError: it does not fit; the message names the first remedy that would.
    """
    left = available_bytes()
    if left is None or needed <= left - _RESERVE:
        return
    fitting = [text for text, count in remedies if count <= left - _RESERVE]
    advice = fitting[0] if fitting else "no option makes it fit; use a machine with more memory"
    raise InvalidInputError(
        f"{what} needs about {in_words(needed)} of memory beyond the embeddings, expected at most "
        f"the {in_words(max(0, left - _RESERVE))} available; {advice}"
    )


def _group_limits(root: Path) -> Iterator[int]:
    """Bytes left in each control group of this process that has a limit."""
    for group, version in control_groups("memory", root):
        limit_name, usage_name, cache_name = _GROUP_FILES[version]
        limit, usage = _number(group / limit_name), _number(group / usage_name)
        if limit is not None and usage is not None:
            yield limit - usage + (field_of(group / "memory.stat", cache_name) or 0)


def _number(path: Path) -> int | None:
    lines = lines_of(path)
    return int(lines[0]) if lines and lines[0].isdigit() else None  # "max" is no limit
