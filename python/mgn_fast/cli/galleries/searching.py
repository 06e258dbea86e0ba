# SPDX-License-Identifier: Apache-2.0
"""What `mgn-fast search` does between reading its words and telling what it found."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mgn_fast.cli.galleries.contract_in_use import (
    options_for,
    required_parts,
    say_differences,
    say_unlike_gallery,
)
from mgn_fast.cli.screen.progress import say, stages, track
from mgn_fast.common.files import is_regular_file
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.embedding.embeddings_file import read_embeddings
from mgn_fast.errors import DecodeError, InvalidInputError
from mgn_fast.evaluation.body_parts import PartComparison, compare_parts
from mgn_fast.evaluation.report import Ranking
from mgn_fast.evaluation.reranking import RerankSettings
from mgn_fast.gallery.gallery import Gallery
from mgn_fast.gallery.index import NUM_SAMPLED, GalleryIndex, open_index
from mgn_fast.models.contract import Part
from mgn_fast.pictures.sources import all_pictures
from mgn_fast.types import AnyArray


@dataclass(frozen=True, eq=False)
class Queries:
    """What is sought: names, embeddings, and the picture where there is one."""

    names: list[str]
    rows: AnyArray
    paths: list[Path | None]


@dataclass(frozen=True, eq=False)
class Search:
    """A finished search: its gallery, its queries and what was found for each.

    Attributes:
        gallery: what was searched.
        queries: what was sought.
        ranking: places and distances, a row for each query; place -1 where there is none.
        reranked: whether distances are re-ranked ones.
        parts: how near each query's pictures are part by part; None if nobody asked.
        index: that proposed the pictures; None for exact search.
    """

    gallery: Gallery
    queries: Queries
    ranking: Ranking
    reranked: bool
    parts: list[tuple[PartComparison, ...]] | None
    index: GalleryIndex | None

    def places(self, query: int) -> list[int]:
        """Where a query's pictures are in the gallery, nearest first."""
        places: list[int] = _there(self.ranking.indices[query]).tolist()
        return places


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


def queries_of(arguments: argparse.Namespace, gallery: Gallery) -> Queries:
    """What is sought: embeddings as they are, and pictures, embedded by the gallery's model."""
    files = [path for path in arguments.queries if path.suffix == ".npy"]
    pictures = [path for path in arguments.queries if path.suffix != ".npy"]
    found = Queries([], np.empty((0, gallery.width), np.float32), [])
    for file in files:
        read = read_embeddings(file)
        say_differences(
            read.contract,
            gallery.contract,
            names=(str(file), str(gallery.path)),
            remark="embeddings of unlike contracts do not compare",
        )
        names = read.names or [f"{file}#{row}" for row in range(len(read.rows))]
        found = _joined(found, Queries(list(names), read.rows, [None] * len(names)))
    if pictures:
        found = _joined(found, _embedded(arguments, gallery, pictures))
    return found


def _joined(first: Queries, second: Queries) -> Queries:
    if first.rows.shape[1] != second.rows.shape[1]:
        raise InvalidInputError(
            f"{second.names[0]!r} is {second.rows.shape[1]} wide and the gallery "
            f"{first.rows.shape[1]}; embeddings of different models cannot be compared"
        )
    rows = np.concatenate([first.rows, np.asarray(second.rows, np.float32)])
    return Queries(first.names + second.names, rows, first.paths + second.paths)


def _embedded(arguments: argparse.Namespace, gallery: Gallery, given: list[Path]) -> Queries:
    paths = all_pictures(given)
    arguments.model = _model_of(arguments, gallery)
    options = options_for(arguments, gallery)
    # A gallery without mirrored pictures is searched without them; the other way is refused.
    if "mirror" not in options and (arguments.contract is None or not _mirrored(gallery)):
        options["mirror"] = gallery.description["mirror"]
    with Embedder(arguments.model, **options) as embedder:
        gallery.searched_with(embedder)  # refuses another model before pictures are embedded
        say_unlike_gallery(gallery, embedder)
        rows = dict(track(embedder.stream(paths), "embedding", len(paths)))
        for _, reason in embedder.skipped:
            say(f"skipped: {reason}")
    if not rows:
        raise DecodeError(f"none of {len(paths)} queries can be decoded")
    return Queries(list(rows), np.stack(list(rows.values())), [Path(name) for name in rows])


def _mirrored(gallery: Gallery) -> bool:
    return gallery.description["mirror"] is not False


def _model_of(arguments: argparse.Namespace, gallery: Gallery) -> Path:
    if arguments.model is not None:
        model: Path = arguments.model
        return model
    stored = gallery.model_path
    if stored is None:
        raise InvalidInputError(
            f"gallery {str(gallery.path)!r} does not say which model made it; give the queries as "
            "embeddings in .npy files"
        )
    if not is_regular_file(stored):
        raise InvalidInputError(
            f"{str(stored)!r}, which made gallery {str(gallery.path)!r}, is not there; "
            f"give --model with the path of {gallery.model}"
        )
    return stored


def searched(
    arguments: argparse.Namespace, gallery: Gallery, queries: Queries, index: GalleryIndex | None
) -> Search:
    """The search itself, by the index if there is one."""
    settings = RerankSettings(arguments.k1, arguments.k2, arguments.original_weight)
    if index is None:
        ranking: Ranking = gallery.search(
            queries.rows,
            arguments.depth,
            rerank=settings if arguments.rerank else False,
            candidates=arguments.candidates,
        )
    elif arguments.rerank:
        ranking = index.search_reranked(
            queries.rows, arguments.depth, settings, arguments.candidates
        )
    else:
        ranking = index.search(queries.rows, arguments.depth)
    parts = None
    if arguments.parts:
        named = parts_of(gallery)
        parts = [
            compare_parts(row, np.stack([gallery.embedding(int(place)) for place in places]), named)
            for row, places in zip(queries.rows, map(_there, ranking.indices), strict=True)
        ]
    return Search(gallery, queries, ranking, arguments.rerank, parts, index)


def parts_of(gallery: Gallery) -> tuple[Part, ...]:
    """The parts of a gallery's embeddings; InvalidInputError where it has none, or says none."""
    remedy = "only a gallery that `mgn-fast embed` wrote says it"
    return required_parts(gallery.contract, f"gallery {str(gallery.path)!r}", remedy=remedy)


def _there(places: AnyArray) -> AnyArray:
    return places[places >= 0]


def entries(search: Search, query: int) -> Iterator[dict[str, Any]]:
    """Rank from 1, place, name, distance and, if asked for, parts of what a query found."""
    gallery, ranking = search.gallery, search.ranking
    for rank, place in enumerate(search.places(query)):
        entry: dict[str, Any] = {
            "rank": rank + 1,
            "place": place,
            "name": gallery.name(place),
            "distance": float(ranking.distances[query, rank]),
        }
        if search.parts is not None:
            compared = search.parts[query][rank]
            entry["parts"] = [
                {"name": part.name, "contribution": adds, "cosine": cosine}
                for part, adds, cosine in zip(
                    compared.parts, compared.contributions, compared.cosines, strict=True
                )
            ]
        yield entry
