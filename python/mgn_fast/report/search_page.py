# SPDX-License-Identifier: Apache-2.0
"""A search drawn for people: the page and the sheet that `mgn-fast search` writes.

Knows a gallery and an index by what it asks of them: they stand on the same floor.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from mgn_fast.common.progress import Progress, no_progress
from mgn_fast.evaluation.body_parts import PartComparison
from mgn_fast.evaluation.report import Ranking
from mgn_fast.report.page.render import write_search_page
from mgn_fast.report.page.words import prepared
from mgn_fast.report.searched import Searched, doubt
from mgn_fast.report.sheet import write_sheet
from mgn_fast.report.tiles import RankedList, Tile, Verdict
from mgn_fast.types import PathLike


class FoundBy(Protocol):
    """What is asked of the settings of an index; those of a `GalleryIndex` answer."""

    @property
    def kind(self) -> str:
        """The kind of index, by FAISS's name for it."""

    @property
    def recall(self) -> float:
        """The measured share of the truly nearest that the index finds."""

    @property
    def depth(self) -> int:
        """The length of the lists for which the recall was measured."""


def search_lists(
    gallery: Searched,
    ranking: Ranking,
    queries: Sequence[tuple[str, Path | None]],
    *,
    name: str = "plain",
    parts: Sequence[Sequence[PartComparison]] | None = None,
    pictures: Path | None = None,
    labels: Sequence[Mapping[str, Any]] | None = None,
    notes: Sequence[str] | None = None,
) -> list[RankedList]:
    """What a search found, as lists to draw. A file that changed since it was embedded says so.

    Where the person of a query and of a picture are known, the picture is a match or none.

    Args:
        gallery: what was searched.
        ranking: places and distances, a row for each query; place -1 where there is none.
        queries: name and picture of each; None for an embedding without picture.
        name: the ranking's: "plain" or "re-ranked".
        parts: how near each query's pictures are part by part; None to leave that out.
        pictures: the directory where the gallery's pictures are now; None for where they were.
        labels: of each query "person" and "camera", as far as they are known; None for nothing.
        notes: what stands under each query; None to say of embeddings that they have no picture.

    Returns:
        A list for each query.
    """
    # A picture may stand in many lists; its file is compared once.
    doubted = functools.cache(doubt)
    several = len(gallery.files) > 1

    def tile(
        person: str | None, place: int, distance: float, comparison: PartComparison | None
    ) -> Tile:
        called, label = gallery.name(place), gallery.label(place)
        path = gallery.picture_path(place) if pictures is None else pictures / called
        origin = gallery.origin(place)[0].path if several else None
        where = "" if origin is None else f"in {origin.name}"
        return Tile(
            called,
            path,
            _verdict(person, label.get("person")),
            person=label.get("person"),
            camera=label.get("camera"),
            distance=distance,
            parts=comparison,
            note="; ".join(filter(None, [doubted(path, gallery.sha256(place)), where])),
        )

    def found(row: int, person: str | None) -> list[Tile]:
        places = [place for place in ranking.indices[row].tolist() if place >= 0]
        compared = [None] * len(places) if parts is None else parts[row]
        persons = [person] * len(places)
        return list(map(tile, persons, places, ranking.distances[row].tolist(), compared))

    lists = []
    for row, (called, path) in enumerate(queries):
        known = {} if labels is None else labels[row]
        note = _without_picture(path) if notes is None else notes[row]
        tiles = found(row, known.get("person"))
        first = _first_match(tiles)
        query = Tile(
            called,
            path,
            "query",
            person=known.get("person"),
            camera=known.get("camera"),
            note=note,
        )
        lists.append(RankedList(query, {name: tiles}, {}, {name: first} if first else {}))
    return lists


def draw_search(
    gallery: Searched,
    lists: Sequence[RankedList],
    *,
    html: PathLike | None = None,
    png: PathLike | None = None,
    index: FoundBy | None = None,
    notes: Sequence[str] = (),
    progress: Progress = no_progress,
) -> None:
    """Writes the ranked lists of a search to a page and to a sheet.

    Args:
        gallery: what was searched.
        lists: see `search_lists`.
        html: the page's file; None for no page.
        png: the sheet's; None for no sheet.
        index: settings of the index that proposed the pictures; None for exact search.
        notes: more sentences under the title.
        progress: is told how far the page is.

    Raises:
        RuntimeUnavailableError: the report extra is not installed.
        InvalidInputError: another suffix, or a file that cannot be written.
    """
    title = f"search in {_called(gallery.files)}"
    said = [*_notes(gallery, lists, index), *notes]
    if html is not None:
        how = [] if gallery.contract is None else [prepared(gallery.contract)]
        write_search_page(html, title=title, notes=said + how, lists=lists, progress=progress)
    if png is not None:
        write_sheet(png, lists, title=title, notes=said, names=True)


def _called(files: Sequence[Path]) -> str:
    if len(files) > 3:
        return f"{len(files)} galleries"
    return " and ".join(file.name for file in files) or "a gallery"


def _notes(gallery: Searched, lists: Sequence[RankedList], index: FoundBy | None) -> Iterator[str]:
    model = f" embedded with {gallery.model}" if gallery.model else ""
    tiles = [tile for entry in lists for found in entry.tiles.values() for tile in found]
    known = sum(tile.person is not None for tile in tiles)
    who = "nobody says who is on them"
    if known:
        who = "who is on them is said by the gallery's labels"
        who += f", for {known:,} of the {len(tiles):,} that were found" * (known < len(tiles))
    yield f"{len(gallery):,} pictures{model}; {who}."
    if index is not None:
        yield (
            f"Found by the index {index.kind}, which finds {index.recall:.1%} of the truly "
            f"nearest {index.depth}."
        )


def _verdict(sought: str | None, found: str | None) -> Verdict:
    if sought is None or found is None:
        return "unknown"
    return "match" if sought == found else "other"


def _first_match(tiles: Sequence[Tile]) -> int | None:
    """The rank of the first match among those that were found."""
    return next((rank for rank, tile in enumerate(tiles, 1) if tile.verdict == "match"), None)


def _without_picture(path: Path | None) -> str:
    return "" if path is not None else "an embedding: no picture"
