# SPDX-License-Identifier: Apache-2.0
"""What `mgn-fast group` does with a gallery: its groups, and how they are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mgn_fast.common.memory import require_fit
from mgn_fast.common.progress import Progress
from mgn_fast.common.text import csv_bytes, printable
from mgn_fast.evaluation.grouping import adjusted_rand_index, group
from mgn_fast.gallery.gallery import Gallery
from mgn_fast.gallery.search import all_rows
from mgn_fast.report.groups.render import ranked_groups
from mgn_fast.report.groups.words import persons_in
from mgn_fast.report.kit.words import count
from mgn_fast.types import F32Array, I32Array

COLUMNS = ("name", "group", "person")
_MOST_LINES = 20


@dataclass(frozen=True, eq=False)
class Grouping:
    """A gallery's groups.

    Attributes:
        gallery: whose pictures they are.
        groups: the group of each picture, -1 for none.
        settings: "k1", "k2", "eps" and "min_pictures".
        persons: of each picture by its label; None where it has none.
    """

    gallery: Gallery
    groups: I32Array
    settings: dict[str, Any]
    persons: list[str | None]

    @property
    def num_groups(self) -> int:
        """Number of groups."""
        return int(self.groups.max(initial=-1)) + 1

    @property
    def num_alone(self) -> int:
        """Number of pictures in no group."""
        return int((self.groups < 0).sum())

    def agreement(self) -> dict[str, Any]:
        """What labels say of the groups, of the pictures that have a person.

        Returns:
            Numbers of pictures with a person and of persons, and the adjusted Rand index; None for
            all where no picture has one.
        """
        places = [place for place, person in enumerate(self.persons) if person is not None]
        if not places:
            return dict.fromkeys(("num_labelled", "num_persons", "adjusted_rand_index"))
        persons = [self.persons[place] for place in places]
        return {
            "num_labelled": len(places),
            "num_persons": len(set(persons)),
            "adjusted_rand_index": adjusted_rand_index(self.groups[places], persons),
        }


def grouped(
    gallery: Gallery, settings: dict[str, Any], threads: int | None, progress: Progress
) -> Grouping:
    """A gallery's pictures in groups.

    Args:
        gallery: with pictures.
        settings: keywords of `mgn_fast.group`.
        threads: to compute with; None for all.
        progress: is told how far the work is.

    Returns:
        The groups.

    Raises:
        MgnError: see `mgn_fast.group`.
    """
    groups = group(_rows(gallery), **settings, threads=threads, progress=progress)
    persons = [gallery.label(place).get("person") for place in range(len(gallery))]
    return Grouping(gallery, groups, settings, persons)


def _rows(gallery: Gallery) -> F32Array:
    segments = gallery.segments
    if len(segments) > 1 or segments[0].dtype != np.float32:
        needed = 4 * len(gallery) * gallery.width
        require_fit(f"reading {len(gallery):,} embeddings", needed, [])
    return all_rows(segments)


def described(found: Grouping) -> dict[str, Any]:
    """Groups as JSON, largest first.

    Args:
        found: the groups.

    Returns:
        How many there are, how they were made, what labels say, and the names in each.
    """
    gallery = found.gallery
    return {
        "gallery": str(gallery.path),
        "num_pictures": len(gallery),
        "num_groups": found.num_groups,
        "num_alone": found.num_alone,
        **found.settings,
        **found.agreement(),
        "groups": [
            {"group": number, "names": [gallery.name(int(place)) for place in places]}
            for number, places in ranked_groups(found.groups)
        ],
        "alone": [gallery.name(int(place)) for place in np.flatnonzero(found.groups < 0)],
    }


def table(found: Grouping) -> bytes:
    """Groups as a CSV file: a line for each picture, in the gallery's order.

    Args:
        found: the groups.

    Returns:
        UTF-8 with a line of names; person where a label says it.
    """
    rows = zip(found.groups.tolist(), found.persons, strict=True)
    return csv_bytes(
        [
            COLUMNS,
            *(
                (found.gallery.name(place), number, person or "")
                for place, (number, person) in enumerate(rows)
            ),
        ]
    )


def lines(found: Grouping) -> Iterator[str]:
    """Groups as lines for a terminal: names in them are printable.

    Args:
        found: the groups.

    Yields:
        How many groups there are, of which sizes, the largest ones, and what labels say.
    """
    where = printable(str(found.gallery.path))
    yield (
        f"{len(found.gallery):,} pictures in {where}: {count(found.num_groups, 'group')}, "
        f"{found.num_alone:,} alone"
    )
    ranked = ranked_groups(found.groups)
    sizes = Counter(len(places) for _, places in ranked)
    if sizes:
        said = [f"{number:,} of {size:,}" for size, number in sorted(sizes.items(), reverse=True)]
        said = said[:_MOST_LINES] + ["..."] * (len(said) > _MOST_LINES)
        yield f"groups by size: {', '.join(said)}"
        yield "group, pictures, the first"
    for number, places in ranked[:_MOST_LINES]:
        persons = persons_in(found.persons[place] for place in places)
        first = printable(found.gallery.name(int(places[0])))
        yield f"{number:5}  {len(places):6,}  {first}{f'  ({persons})' if persons else ''}"
    if len(ranked) > _MOST_LINES:
        yield f"{'':5}  and {count(len(ranked) - _MOST_LINES, 'group')} more"
    yield from agreement_words(found)


def agreement_words(found: Grouping) -> Iterator[str]:
    """What labels say of groups; nothing where there are none.

    Args:
        found: the groups.

    Yields:
        At most one line.
    """
    said = found.agreement()
    if said["num_labelled"] is None:
        return
    yield (
        f"adjusted Rand index {said['adjusted_rand_index']:.4f} against the labels of "
        f"{said['num_labelled']:,} pictures: {count(said['num_persons'], 'person')}"
    )
