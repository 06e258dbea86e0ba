# SPDX-License-Identifier: Apache-2.0
"""Numbers of things as all pages show them."""

from __future__ import annotations


def count(number: int, one: str, many: str | None = None) -> str:
    """A number of things, such as "1 query" and "3,368 queries"; `many` has an s by default."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
