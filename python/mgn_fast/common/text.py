# SPDX-License-Identifier: Apache-2.0
"""Text for people, in which names may hold anything."""

from __future__ import annotations


def printable(text: str) -> str:
    """Text that cannot command a terminal or turn itself around: what cannot be seen is escaped.

    Args:
        text: anything.

    Returns:
        One line, which can be encoded.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode()
        for c in text
    )
