# SPDX-License-Identifier: Apache-2.0
"""Text for people, in which names may hold anything."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any


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


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """Rows of cells as CSV, each with a newline at its end."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def csv_bytes(rows: Iterable[Iterable[Any]]) -> bytes:
    """As `csv_text`, in UTF-8; names of files that are none keep their bytes."""
    return csv_text(rows).encode("utf-8", "surrogateescape")


def sentence(words: str) -> str:
    """Words as a sentence: with a capital, and a full stop."""
    return f"{words[:1].upper()}{words[1:]}."
