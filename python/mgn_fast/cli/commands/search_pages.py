# SPDX-License-Identifier: Apache-2.0
"""What `mgn-fast search` draws for people: the queries' ranked lists as a page and as a sheet."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from mgn_fast.cli.commands.search_work import Search
from mgn_fast.cli.screen.progress import stages
from mgn_fast.errors import DecodeError
from mgn_fast.evaluation.body_parts import PartComparison
from mgn_fast.gallery.gallery import Gallery
from mgn_fast.pictures.pixels import read_file
from mgn_fast.report.page.render import write_search_page
from mgn_fast.report.sheet import write_sheet
from mgn_fast.report.tiles import RankedList, Tile

# What there is to say against a file that should have this SHA-256; "" for nothing.
_Doubt = Callable[[Path, str], str]


def draw(search: Search, html: Path | None, png: Path | None, pictures: Path | None) -> None:
    """Draws what was asked for.

    Args:
        search: a finished one.
        html: where to write the page; None for no page.
        png: likewise for the sheet.
        pictures: the directory where the gallery's pictures are now; None for where they were.

    Raises:
        MgnError: see `write_search_page` and `write_sheet`.
    """
    if html is None and png is None:
        return
    # A picture may stand in many lists; its file is compared once.
    doubt = functools.cache(_doubt)
    queries = range(len(search.queries.names))
    lists = [_list_of(search, query, pictures, doubt) for query in queries]
    title = f"search in {Path(str(search.gallery.path)).name}"
    notes = list(_notes(search))
    if html is not None:
        with stages("pictures") as progress:
            write_search_page(html, title=title, notes=notes, lists=lists, progress=progress)
    if png is not None:
        write_sheet(png, lists, title=title, notes=notes)


def _notes(search: Search) -> Iterator[str]:
    gallery = search.gallery
    model = f" embedded with {gallery.model}" if gallery.model else ""
    yield f"{len(gallery):,} pictures{model}; nobody says who is on them."
    if search.index is not None:
        settings = search.index.settings
        yield (
            f"Found by the index {settings.kind}, which finds {settings.recall:.1%} of the truly "
            f"nearest {settings.depth}."
        )


def _list_of(search: Search, query: int, pictures: Path | None, doubt: _Doubt) -> RankedList:
    path = search.queries.paths[query]
    note = "" if path is not None else "an embedding: no picture"
    sought = Tile(search.queries.names[query], path, "query", note=note)
    places = search.places(query)
    looks: list[PartComparison | None] = [None] * len(places)
    if search.looks is not None:
        looks = list(search.looks[query])
    found = [
        _tile(search.gallery, place, float(distance), look, pictures, doubt)
        for place, distance, look in zip(
            places, search.ranking.distances[query], looks, strict=False
        )
    ]
    return RankedList(sought, {"re-ranked" if search.reranked else "plain": found})


def _tile(
    gallery: Gallery,
    place: int,
    distance: float,
    look: PartComparison | None,
    pictures: Path | None,
    doubt: _Doubt,
) -> Tile:
    name = gallery.name(place)
    path = gallery.picture_path(place) if pictures is None else pictures / name
    note = doubt(path, gallery.sha256(place))
    return Tile(name, path, "unknown", distance=distance, parts=look, note=note)


def _doubt(path: Path, sha256: str) -> str:
    """Whether the file is the one that was embedded; one that is not there says so itself."""
    try:
        content = read_file(path)
    except DecodeError:
        return ""
    same = hashlib.sha256(content).hexdigest() == sha256
    return "" if same else "changed since it was embedded"
