# SPDX-License-Identifier: Apache-2.0
"""Groups and the persons in them as the page says them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from mgn_fast.common.text import printable

# So many persons of a group are named; of a good one there is one.
_MOST_NAMED = 5


def persons_in(persons: Iterable[str | None]) -> str:
    """Who is in a group by its labels, most pictures first; "" where nobody says.

    Args:
        persons: of each picture; None where it is not known.

    Returns:
        Such as "ann: 11, bob: 1, not known: 2".
    """
    known = Counter("" if person is None else person for person in persons)
    unknown = known.pop("", 0)
    if not known:
        return ""
    named = [
        f"{printable(person)}: {number:,}" for person, number in known.most_common(_MOST_NAMED)
    ]
    left = len(known) - len(named)
    named += [f"{left:,} more persons"] if left else []
    named += [f"not known: {unknown:,}"] if unknown else []
    return ", ".join(named)
