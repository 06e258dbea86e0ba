# SPDX-License-Identifier: Apache-2.0
"""Names and numbers of things as all pages show them. Names are anybody's text."""

from __future__ import annotations


def shown(text: str) -> str:
    """A name as people may read it: what cannot be seen, or turns text around, is escaped.

    Args:
        text: anything, also what no encoding takes.

    Returns:
        One line that UTF-8 can hold.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode()
        for c in text
    )


def count(number: int, one: str, many: str | None = None) -> str:
    """A number of things.

    Args:
        number: how many.
        one: the thing's name.
        many: of several; by default with an s.

    Returns:
        Such as "1 query" and "3,368 queries".
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
