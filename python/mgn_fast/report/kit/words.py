# SPDX-License-Identifier: Apache-2.0
"""Numbers of things and names as all pages show them."""

from __future__ import annotations

from mgn_fast.common.text import printable

_SHORT = 28


def count(number: int, one: str, many: str | None = None) -> str:
    """A number of things, such as "1 query" and "3,368 queries"; `many` has an s by default."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def short_name(name: str) -> str:
    """A name as it stands under its picture: without folders, but for one where there is room.

    Args:
        name: anybody's.

    Returns:
        Printable; the whole of its last part.
    """
    parts = name.split("/")
    with_folder = "/".join(parts[-2:])
    return printable(with_folder if len(with_folder) <= _SHORT else parts[-1])
