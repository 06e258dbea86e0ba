# SPDX-License-Identifier: Apache-2.0
"""A search drawn for people: the page and the sheet that `mgn-fast search` writes.

Knows a gallery and an index by what it asks of them: they stand on the same floor.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from mgn_fast.common.progress import Progress, no_progress
from mgn_fast.errors import DecodeError
from mgn_fast.evaluation.body_parts import PartComparison
from mgn_fast.evaluation.report import Ranking
from mgn_fast.models.contract import Contract
from mgn_fast.pictures.pixels import read_file
from mgn_fast.report.page.render import write_search_page
from mgn_fast.report.page.words import prepared
from mgn_fast.report.sheet import write_sheet
from mgn_fast.report.tiles import RankedList, Tile
from mgn_fast.types import PathLike


class Searched(Protocol):
    """What is asked of the gallery; a `Gallery` answers."""

    path: Path | None
    model: str | None

    @property
    def contract(self) -> Contract | None:
        """How its pictures were prepared; None where it is not known."""

    def __len__(self) -> int: ...

    def name(self, place: int) -> str:
        """The name of the picture at a place of the gallery."""

    def sha256(self, place: int) -> str:
        """The SHA-256 of its file when it was embedded."""

    def picture_path(self, place: int) -> Path:
        """The file from which the picture at a place was embedded."""


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
) -> list[RankedList]:
    """What a search found, as lists to draw. A file that changed since it was embedded says so.

    Args:
        gallery: what was searched.
        ranking: places and distances, a row for each query; place -1 where there is none.
        queries: name and picture of each; None for an embedding without picture.
        name: the ranking's: "plain" or "re-ranked".
        parts: how near each query's pictures are part by part; None to leave that out.
        pictures: the directory where the gallery's pictures are now; None for where they were.

    Returns:
        A list for each query.
    """
    # A picture may stand in many lists; its file is compared once.
    doubt = functools.cache(_doubt)

    def tile(place: int, distance: float, comparison: PartComparison | None) -> Tile:
        called = gallery.name(place)
        path = gallery.picture_path(place) if pictures is None else pictures / called
        note = doubt(path, gallery.sha256(place))
        return Tile(called, path, "unknown", distance=distance, parts=comparison, note=note)

    def found(row: int) -> list[Tile]:
        places = [place for place in ranking.indices[row].tolist() if place >= 0]
        compared = [None] * len(places) if parts is None else parts[row]
        return list(map(tile, places, ranking.distances[row].tolist(), compared))

    return [
        RankedList(_query_tile(*query), {name: found(row)}) for row, query in enumerate(queries)
    ]


def draw_search(
    gallery: Searched,
    lists: Sequence[RankedList],
    *,
    html: PathLike | None = None,
    png: PathLike | None = None,
    index: FoundBy | None = None,
    progress: Progress = no_progress,
) -> None:
    """Writes the ranked lists of a search to a page and to a sheet.

    Args:
        gallery: what was searched.
        lists: see `search_lists`.
        html: the page's file; None for no page.
        png: the sheet's; None for no sheet.
        index: settings of the index that proposed the pictures; None for exact search.
        progress: is told how far the page is.

    Raises:
        RuntimeUnavailableError: the report extra is not installed.
        InvalidInputError: another suffix, or a file that cannot be written.
    """
    title = f"search in {'a gallery' if gallery.path is None else gallery.path.name}"
    notes = list(_notes(gallery, index))
    if html is not None:
        said = [] if gallery.contract is None else [prepared(gallery.contract)]
        write_search_page(html, title=title, notes=notes + said, lists=lists, progress=progress)
    if png is not None:
        write_sheet(png, lists, title=title, notes=notes)


def _notes(gallery: Searched, index: FoundBy | None) -> Iterator[str]:
    model = f" embedded with {gallery.model}" if gallery.model else ""
    yield f"{len(gallery):,} pictures{model}; nobody says who is on them."
    if index is not None:
        yield (
            f"Found by the index {index.kind}, which finds {index.recall:.1%} of the truly "
            f"nearest {index.depth}."
        )


def _query_tile(name: str, path: Path | None) -> Tile:
    return Tile(name, path, "query", note="" if path is not None else "an embedding: no picture")


def _doubt(path: Path, sha256: str) -> str:
    """Whether the file is the one that was embedded; one that is not there says so itself."""
    try:
        content = read_file(path)
    except DecodeError:
        return ""
    same = hashlib.sha256(content).hexdigest() == sha256
    return "" if same else "changed since it was embedded"
