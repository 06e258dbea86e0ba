# SPDX-License-Identifier: Apache-2.0
"""How much memory a run may take: what the machine has left and what its control group allows.

Knows nothing of what runs need; plan.py does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from .errors import InvalidInputError

MEGABYTE = 1 << 20
# Left to the interpreter and to everybody else.
_RESERVE = 64 * MEGABYTE


def available_bytes(root: Path = Path("/")) -> int | None:
    """Memory that this process may still take.

    The least of what the machine says is available and what each control group it is in (version 1
    or 2) has left; a group's page cache that is not in use counts as left.

    Args:
        root: where proc and sys are; another directory for tests.

    Returns:
        Bytes, at least 0; None where neither can be read.
    """
    limits = list(_group_limits(root))
    machine = _field(root / "proc/meminfo", "MemAvailable:")
    if machine is not None:
        limits.append(machine * 1024)
    return max(0, min(limits)) if limits else None


def in_words(count: int) -> str:
    """A number of bytes to read.

    Args:
        count: bytes.

    Returns:
        Whole megabytes, or gigabytes with one decimal from ten thousand megabytes on.
    """
    megabytes = count / MEGABYTE
    return f"{megabytes:.0f} MB" if megabytes < 10_000 else f"{megabytes / 1024:,.1f} GB"


def require_fit(what: str, needed: int, remedies: Sequence[tuple[str, int]]) -> None:
    """Refuses a run that would need more memory than there is.

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
    """What each group that this process is in has left, where it has a limit."""
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            top, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            top = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        # Inside a container the path may be the host's, of which only the top is to be seen.
        group = top / path.lstrip("/")
        for place in (group, *group.parents):
            left = _left_in(place, *names)
            if left is not None:
                yield left
            if place == top:
                break


def _left_in(place: Path, limit_name: str, usage_name: str, cache_name: str) -> int | None:
    limit, usage = _number(place / limit_name), _number(place / usage_name)
    if limit is None or usage is None:
        return None
    return limit - usage + (_field(place / "memory.stat", cache_name) or 0)


def _number(path: Path) -> int | None:
    lines = _lines(path)
    return int(lines[0]) if lines and lines[0].isdigit() else None  # "max" is no limit


def _field(path: Path, name: str) -> int | None:
    for line in _lines(path):
        words = line.split()
        if len(words) >= 2 and words[0] == name:
            return int(words[1])
    return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
