# SPDX-License-Identifier: Apache-2.0
"""Groups of a gallery's pictures as one HTML page that opens anywhere, offline and without scripts.

Knows a gallery by what it asks of it: they stand on the same floor.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mgn_fast.common.checks import output_name
from mgn_fast.common.extras import require_extra
from mgn_fast.common.files import write_atomically
from mgn_fast.common.progress import Progress, no_progress
from mgn_fast.errors import InvalidInputError
from mgn_fast.report.groups import words
from mgn_fast.report.kit.templates import SUFFIXES, render
from mgn_fast.report.page.words import prepared
from mgn_fast.report.searched import Searched, doubt
from mgn_fast.report.thumbnails import Thumbnail, source_key, thumbnails_of
from mgn_fast.report.tiles import Tile
from mgn_fast.types import I32Array, PathLike

# 4,000 thumbnails are some 16 MB.
MOST_GROUPS, MOST_PICTURES = 200, 20


@dataclass(frozen=True, eq=False)
class _Group:
    """A card of the page: how many pictures are in it, and those that it shows."""

    title: str
    size: int
    persons: str
    tiles: list[Tile]


def draw_groups(
    gallery: Searched,
    groups: I32Array,
    html: PathLike,
    *,
    facts: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    pictures: Path | None = None,
    progress: Progress = no_progress,
) -> Path:
    """Writes a gallery's groups to a page, largest first; it appears whole or not at all.

    The first 200 groups are shown with 20 pictures each, and some of those that are alone; the page
    says so where there are more. A file that changed since it was embedded says so.

    Args:
        gallery: whose pictures they are.
        groups: the group of each picture, as `mgn_fast.group` gives them; -1 for none.
        html: the page's file.
        facts: figures for the head of the page besides the numbers of pictures and groups.
        notes: sentences under them.
        pictures: the directory where the gallery's pictures are now; None for where they were.
        progress: is told how far the page is.

    Returns:
        The path written.

    Raises:
        RuntimeUnavailableError: the report extra is not installed.
        InvalidInputError: another suffix, not one group for each picture, or a file that cannot be
            written.
    """
    output_name(html, *SUFFIXES)
    require_extra("report", "jinja2")
    if len(groups) != len(gallery):
        raise InvalidInputError(
            f"groups has {len(groups)} entries for {len(gallery)} pictures, expected one each"
        )
    order = ranked_groups(groups)
    alone = np.flatnonzero(groups < 0)
    cards = [
        _group(gallery, f"group {number}", places, pictures)
        for number, places in order[:MOST_GROUPS]
    ]
    cards += [_group(gallery, "alone", alone, pictures)] if len(alone) else []
    tiles = [tile for card in cards for tile in card.tiles]
    thumbnails = thumbnails_of(tiles, progress)
    said = [*notes]
    if len(order) > MOST_GROUPS:
        said.append(f"The {MOST_GROUPS} largest of {len(order):,} groups are shown.")
    if gallery.contract is not None:
        said.append(prepared(gallery.contract))
    names = " and ".join(file.name for file in gallery.files) or "a gallery"
    content = {
        "title": f"groups in {names}",
        "facts": _numbers(groups, len(order), len(alone)) | dict(facts or {}),
        "notes": said,
        "groups": cards,
        "thumbnails": thumbnails,
        "source_key": source_key,
        "encoded": _encoded,
        "wide": _are_wide(thumbnails.values()),
    }
    return write_atomically(html, render("mgn_fast.report.groups", words, content).encode())


def ranked_groups(groups: I32Array) -> list[tuple[int, I32Array]]:
    """The groups by size, largest first, equal ones by number, each with its pictures' places.

    Args:
        groups: the group of each picture; -1 for none.

    Returns:
        A number and ascending places for each group.
    """
    numbers = np.unique(groups[groups >= 0]).tolist()
    places = {number: np.flatnonzero(groups == number).astype(np.int32) for number in numbers}
    return sorted(places.items(), key=lambda one: (-len(one[1]), one[0]))


def _group(gallery: Searched, title: str, places: Any, pictures: Path | None) -> _Group:
    persons = words.persons_in(gallery.label(int(place)).get("person") for place in places)
    tiles = [_tile(gallery, int(place), pictures) for place in places[:MOST_PICTURES]]
    return _Group(title, len(places), persons, tiles)


def _tile(gallery: Searched, place: int, pictures: Path | None) -> Tile:
    name, label = gallery.name(place), gallery.label(place)
    path = gallery.picture_path(place) if pictures is None else pictures / name
    return Tile(
        name,
        path,
        "unknown",
        person=label.get("person"),
        camera=label.get("camera"),
        note=doubt(path, gallery.sha256(place)),
    )


def _numbers(groups: I32Array, num_groups: int, num_alone: int) -> dict[str, str]:
    return {
        "pictures": f"{len(groups):,}",
        "groups": f"{num_groups:,}",
        "alone": f"{num_alone:,}",
    }


def _are_wide(thumbnails: Any) -> bool:
    """Whether most pictures are those of vehicles rather than of people."""
    shapes = sorted(small.width / small.height for small in thumbnails if small.jpeg)
    return bool(shapes) and shapes[len(shapes) // 2] > 0.75


def _encoded(small: Thumbnail) -> str:
    return base64.b64encode(small.jpeg).decode()
