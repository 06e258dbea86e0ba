# SPDX-License-Identifier: Apache-2.0
"""What `mgn-fast search` does between reading its words and telling what it found."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mgn_fast.cli.galleries.contract_in_use import required_parts
from mgn_fast.cli.galleries.found import Queries, Search
from mgn_fast.cli.screen.progress import say, stages
from mgn_fast.errors import DatasetError, InvalidInputError
from mgn_fast.evaluation.body_parts import PartComparison, compare_parts
from mgn_fast.evaluation.report import Ranking
from mgn_fast.evaluation.reranking import RerankSettings
from mgn_fast.gallery.finding.joining import join_galleries
from mgn_fast.gallery.finding.refining import Refinement, refined
from mgn_fast.gallery.gallery import Gallery
from mgn_fast.gallery.index import NUM_SAMPLED, GalleryIndex, open_index
from mgn_fast.gallery.search import gathered
from mgn_fast.gallery.writer import SUFFIX
from mgn_fast.models.contract import Part
from mgn_fast.types import AnyArray


def galleries_and_queries(words: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The galleries that the words begin with, and the queries behind them.

    Args:
        words: of the command line; the first is a gallery whatever its name.

    Returns:
        Galleries, at least one, and queries, at least one.

    Raises:
        InvalidInputError: there is no query.
    """
    count = 1
    while count < len(words) and words[count].suffix == SUFFIX:
        count += 1
    if count == len(words):
        raise InvalidInputError(
            f"{str(words[-1])!r} is the last word, expected queries behind the galleries: "
            "pictures, directories of them, or embeddings in .npy files"
        )
    return list(words[:count]), list(words[count:])


def opened_galleries(paths: Sequence[Path]) -> tuple[Gallery, Gallery]:
    """The galleries of some files, as one.

    Args:
        paths: of galleries of one model.

    Returns:
        The first, which speaks for the model of all, and all of them as one.

    Raises:
        DatasetError: one cannot be read, or holds no pictures.
        ModelError, InvalidInputError: see `join_galleries`.
    """
    galleries = [Gallery.load(path) for path in paths]
    for path, gallery in zip(paths, galleries, strict=True):
        if len(gallery) == 0:
            raise DatasetError(f"gallery {str(path)!r} holds no pictures")
    return galleries[0], join_galleries(galleries)


def opened_index(arguments: argparse.Namespace, gallery: Gallery) -> GalleryIndex | None:
    """The index that was asked for, made or brought up to date; says how well it finds."""
    if arguments.index is None:
        return None
    with stages() as progress:
        index = open_index(
            arguments.index,
            gallery,
            kind=arguments.index_kind,
            least_recall=arguments.recall,
            depth=arguments.depth,
            progress=progress,
        )
    settings = index.settings
    sampled = min(NUM_SAMPLED, len(gallery))
    say(
        f"index {arguments.index}: {settings.kind}, {settings.num_probes} probes; recall at "
        f"{settings.depth} is {settings.recall:.4f} of exact search, measured on {sampled} of "
        f"{len(gallery):,} pictures"
    )
    if settings.recall < arguments.recall:
        say(
            f"warning: no setting of it reaches the recall of {arguments.recall} that was asked for"
        )
    return index


def with_labels(queries: Queries, places: dict[str, list[int]], gallery: Gallery) -> Queries:
    """The queries with what the gallery says of pictures that it holds itself.

    Args:
        queries: of which labels that a file gave are kept.
        places: where the gallery holds them, by SHA-256.
        gallery: that is searched.

    Returns:
        The queries.
    """
    labelled = [
        tuple(
            picture
            if picture.known or picture.sha256 is None
            else replace(picture, known=_label_at(places.get(picture.sha256, ()), gallery))
            for picture in pictures
        )
        for pictures in queries.pictures
    ]
    return replace(queries, pictures=labelled)


def _label_at(places: Sequence[int], gallery: Gallery) -> dict[str, Any]:
    """The first label of these places that says a person."""
    labels = (gallery.label(place) for place in places)
    return next((label for label in labels if "person" in label), {})


def searched(
    arguments: argparse.Namespace, gallery: Gallery, queries: Queries, index: GalleryIndex | None
) -> Search:
    """The search itself, by the index if there is one."""
    contents = {one.sha256 for some in queries.pictures for one in some if one.sha256 is not None}
    places = gallery.places_of(contents) if contents else {}
    queries = with_labels(queries, places, gallery)
    own = [
        {place for one in some for place in places.get(one.sha256 or "", ())}
        for some in queries.pictures
    ]
    left_out = own if arguments.same_picture == "auto" and any(own) else None
    refinement = Refinement(arguments.expand, arguments.threshold, left_out)
    settings = RerankSettings(arguments.k1, arguments.k2, arguments.original_weight)
    if index is None:
        ranking: Ranking = gallery.search(
            queries.rows,
            arguments.depth,
            rerank=settings if arguments.rerank else False,
            candidates=arguments.candidates,
            expand=arguments.expand,
            threshold=arguments.threshold,
            left_out=left_out,
        )
    else:
        ranking = refined(
            queries.rows,
            arguments.depth,
            refinement,
            _by_index(arguments, index, settings),
            find_plain=index.search,
            rows_at=lambda at: gathered(gallery.segments, at),
        )
    parts = _parts(gallery, queries, ranking) if arguments.parts else None
    by = None if index is None else index.settings
    return Search(gallery, queries, ranking, arguments.rerank, parts, by, refinement)


def _by_index(
    arguments: argparse.Namespace, index: GalleryIndex, settings: RerankSettings
) -> Callable[[AnyArray, int], Ranking]:
    if not arguments.rerank:
        return index.search

    def reranked(rows: AnyArray, count: int) -> Ranking:
        # Pictures that are left out do not count among the candidates.
        among = arguments.candidates + count - arguments.depth
        return index.search_reranked(rows, count, settings, among)

    return reranked


def _parts(
    gallery: Gallery, queries: Queries, ranking: Ranking
) -> list[tuple[PartComparison, ...]]:
    named = parts_of(gallery)
    there = [row[row >= 0] for row in ranking.indices]
    found = [gathered(gallery.segments, row) if row.size else None for row in there]
    return [
        () if rows is None else compare_parts(query, rows, named)
        for query, rows in zip(queries.rows, found, strict=True)
    ]


def parts_of(gallery: Gallery) -> tuple[Part, ...]:
    """The parts of a gallery's embeddings; InvalidInputError where it has none, or says none."""
    files = " and ".join(repr(str(file)) for file in gallery.files)
    remedy = "only a gallery that `mgn-fast embed` wrote says it"
    return required_parts(gallery.contract, f"gallery {files}", remedy=remedy)
