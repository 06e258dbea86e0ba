# SPDX-License-Identifier: Apache-2.0
"""How the page writes numbers and names: digits that mean something, one unit a column."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

# In the order in which a picture goes through them, as the page calls them.
STAGES = {
    "decode": "decode",
    "resize": "resize",
    "pack": "pack",
    "lane_wait": "wait for a lane",
    "h2d": "copy in",
    "compute": "compute",
    "d2h": "copy out",
    "fuse": "fuse",
}

# Of these the share of the wall time is told; the feeding thread packs images and fuses embeddings.
BUSY_PARTS = {
    "decode": "decode",
    "feed": "feed",
    "lane_wait": "wait for a lane",
    "h2d": "copy in",
    "compute": "compute",
    "d2h": "copy out",
}

SCOPES = {
    "e2e": "end to end, from files to embeddings",
    "device": "copies and network",
    "compute": "network alone",
}


def decimals_for(value: float, digits: int = 3) -> int:
    """Decimals with which a value has that many digits, and 0 from there on.

    Args:
        value: any number.
        digits: significant ones.

    Returns:
        At least 0, at most 6.
    """
    magnitude = f"{abs(value):.{digits - 1}e}".partition("e")[2]
    return min(6, max(0, digits - 1 - int(magnitude))) if value else 0


def number(value: float, decimals: int | None = None) -> str:
    """A number with thousands apart; of small ones three digits, unless told how many decimals."""
    return f"{value:,.{decimals_for(value) if decimals is None else decimals}f}"


def rate(value: float) -> str:
    """Images per second to four digits: repeats differ by less than a percent."""
    return number(value, decimals_for(value, 4))


def interval(ends: Sequence[float], value: float) -> str:
    """Both ends of the interval of a rate, with the decimals that the rate itself has."""
    low, high = (number(end, decimals_for(value, 4)) for end in ends)
    return f"{low} to {high}"


def share(value: float) -> str:
    """A share in percent: whole ones; below one, but not nothing, with a decimal."""
    if 0 < value < 0.0005:
        return "< 0.1\u00a0%"
    return f"{100 * value:.{1 if 0 < value < 0.01 else 0}f}\u00a0%"


def byte_size(value: int) -> str:
    """A number of bytes in decimal megabytes, or in gigabytes from a thousand on."""
    return f"{value / 1e9:,.2f} GB" if value >= 1e9 else f"{value / 1e6:,.0f} MB"


def p_value(value: float) -> str:
    """To three decimals; smaller ones only as such."""
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def percentile(key: str) -> str:
    """How a key of `latency_ms` is called: "p50" is the median."""
    return "median" if key == "p50" else key


def percentile_keys(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The percentiles that the rows tell, or could not tell, ascending."""
    found = {key for run in runs for key in run["latency_ms"] if key.startswith("p")}
    return sorted(found, key=lambda key: float(key[1:]))


def option(value: Any) -> str:
    """An option's value as one would type it."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(option, value))
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {option(entry)}" for name, entry in value.items())
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def called(key: str, names: Mapping[str, str]) -> str:
    """The name that a table of names gives a key; KeyError if it gives none."""
    return names[key]


def shape(sizes: Sequence[int]) -> str:
    """Sizes in brackets, as in "[N, 3, 384, 128]"; one that is free, below zero, is N."""
    return f"[{', '.join('N' if size < 0 else str(size) for size in sizes)}]"


def file_name(path: str) -> str:
    """The last part of a path."""
    return PurePath(path).name or path
