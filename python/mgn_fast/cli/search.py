# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast search`: the pictures of a gallery that are nearest to some queries."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..embedder import Embedder
from ..embeddings import read_embeddings
from ..errors import DatasetError, DecodeError, InvalidInputError
from ..files import is_directory, is_regular_file
from ..gallery import Gallery
from ..gallery.index import LEAST_RECALL, NUM_SAMPLED, GalleryIndex, open_index
from ..images import list_pictures
from ..parts import PARTS, PartLook, part_looks
from ..rerank import Settings
from ..types import AnyArray, Ranking
from .options import (
    Commands,
    add_rerank_options,
    add_session_options,
    new_command,
    path_argument,
    session_options,
)
from .progress import printable, say, stages, track


@dataclass(frozen=True, eq=False)
class Queries:
    """What is sought: names, embeddings, and the picture where there is one."""

    names: list[str]
    rows: AnyArray
    paths: list[Path | None]


@dataclass(frozen=True, eq=False)
class Search:
    """A finished search.

    Attributes:
        gallery: what was searched.
        queries: what was sought.
        ranking: places and distances, a row for each query; place -1 where there is none.
        reranked: whether distances are re-ranked ones.
        looks: for each query those of its pictures, if they were asked for.
        index: that proposed the pictures; None for exact search.
    """

    gallery: Gallery
    queries: Queries
    ranking: Ranking
    reranked: bool
    looks: list[tuple[PartLook, ...]] | None
    index: GalleryIndex | None


def add_parser(commands: Commands) -> None:
    """Adds the command.

    Args:
        commands: what `add_subparsers` returned.
    """
    parser = new_command(
        commands,
        "search",
        help="find the nearest pictures of a gallery",
        example="mgn-fast search people.gallery query.jpg --depth 10\n"
        "  mgn-fast search people.gallery queries/ --rerank --html found.html",
    )
    parser.add_argument("gallery", type=path_argument, help="what `embed -o NAME.gallery` wrote")
    parser.add_argument(
        "queries",
        nargs="+",
        type=path_argument,
        metavar="QUERY",
        help="pictures, directories of them, or embeddings in .npy files",
    )
    parser.add_argument("--depth", type=int, default=10, help="pictures listed per query (10)")
    parser.add_argument(
        "--model", type=path_argument, help="embeds the queries (the one that made the gallery)"
    )
    parser.add_argument(
        "--parts",
        action="store_true",
        help="show how near each of MGN's eight parts is: whole, halves, thirds",
    )
    add_rerank_options(parser)
    parser.add_argument(
        "--candidates",
        type=int,
        metavar="N",
        help="re-rank each query among its N nearest only, for large galleries (all)",
    )
    _add_index_options(parser)
    add_session_options(parser)
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.set_defaults(run=run)


def _add_index_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("approximate search, by FAISS")
    group.add_argument(
        "--index",
        type=path_argument,
        metavar="FILE",
        help="search by this index; it is made, or brought up to date, and its recall measured",
    )
    group.add_argument(
        "--index-kind", metavar="KIND", help="of a new index, by FAISS's name, such as IVF256,SQ8"
    )
    group.add_argument(
        "--recall",
        type=float,
        default=LEAST_RECALL,
        help=f"share of the truly nearest that it should find ({LEAST_RECALL})",
    )


def run(arguments: argparse.Namespace) -> int:
    """Embeds the queries, searches, prints.

    Args:
        arguments: the parsed command line.

    Returns:
        0.

    Raises:
        MgnError: see `Gallery` and `Embedder`.
    """
    _check(arguments)
    gallery = Gallery.load(arguments.gallery)
    if len(gallery) == 0:
        raise DatasetError(f"gallery {str(arguments.gallery)!r} holds no pictures, expected some")
    index = _opened_index(arguments, gallery)
    search = _searched(arguments, gallery, _queries(arguments, gallery), index)
    if arguments.json:
        print(json.dumps(_described(search)))
    else:
        _print(search)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    if arguments.index is not None and arguments.rerank and arguments.candidates is None:
        raise InvalidInputError(
            "--index and --rerank are given, which re-ranks among what the index finds; "
            "expected --candidates too, to say how many that are"
        )
    if arguments.candidates is not None and not arguments.rerank:
        raise InvalidInputError(
            f"--candidates is {arguments.candidates}, which only re-ranking takes; add --rerank"
        )


def _opened_index(arguments: argparse.Namespace, gallery: Gallery) -> GalleryIndex | None:
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


def _queries(arguments: argparse.Namespace, gallery: Gallery) -> Queries:
    """Pictures are embedded by the gallery's model; embeddings are taken as they are."""
    files = [path for path in arguments.queries if path.suffix == ".npy"]
    pictures = [path for path in arguments.queries if path.suffix != ".npy"]
    found = Queries([], np.empty((0, gallery.width), np.float32), [])
    for file in files:
        read = read_embeddings(file)
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
    paths = [
        path
        for entry in given
        for path in (list_pictures(entry) if is_directory(entry) else [entry])
    ]
    with Embedder(_model_of(arguments, gallery), **session_options(arguments)) as embedder:
        gallery.searched_with(embedder)  # refuses another model before pictures are embedded
        rows = dict(track(embedder.stream(paths), "embedding", len(paths)))
        for _, reason in embedder.skipped:
            say(f"skipped: {reason}")
    if not rows:
        raise DecodeError(f"none of {len(paths)} queries can be decoded")
    return Queries(list(rows), np.stack(list(rows.values())), [Path(name) for name in rows])


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


def _searched(
    arguments: argparse.Namespace, gallery: Gallery, queries: Queries, index: GalleryIndex | None
) -> Search:
    settings = Settings(arguments.k1, arguments.k2, arguments.original_weight)
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
    looks = None
    if arguments.parts:
        looks = [
            part_looks(row, np.stack([gallery.embedding(int(place)) for place in places]))
            for row, places in zip(queries.rows, map(_there, ranking.indices), strict=True)
        ]
    return Search(gallery, queries, ranking, arguments.rerank, looks, index)


def _there(places: AnyArray) -> AnyArray:
    return places[places >= 0]


def entries(search: Search, query: int) -> Iterator[dict[str, Any]]:
    """What was found for a query, nearest first.

    Args:
        search: a finished one.
        query: its number.

    Yields:
        Rank from 1, place, name, distance and, if asked for, the parts.
    """
    gallery, ranking = search.gallery, search.ranking
    for rank, place in enumerate(_there(ranking.indices[query]).tolist()):
        entry: dict[str, Any] = {
            "rank": rank + 1,
            "place": place,
            "name": gallery.name(place),
            "distance": float(ranking.distances[query, rank]),
        }
        if search.looks is not None:
            look = search.looks[query][rank]
            entry["parts"] = [
                {"name": part.name, "contribution": adds, "cosine": cosine}
                for part, adds, cosine in zip(PARTS, look.contributions, look.cosines, strict=True)
            ]
        yield entry


def _described(search: Search) -> dict[str, Any]:
    index = None if search.index is None else vars(search.index.settings)
    return {
        "gallery": str(search.gallery.path),
        "num_pictures": len(search.gallery),
        "reranked": search.reranked,
        "index": index,
        "queries": [
            {"name": name, "found": list(entries(search, query))}
            for query, name in enumerate(search.queries.names)
        ],
    }


def _print(search: Search) -> None:
    kind = "re-ranked distance" if search.reranked else "distance"
    print(f"{len(search.gallery):,} pictures in {search.gallery.path}; rank, {kind}, name")
    for query, name in enumerate(search.queries.names):
        print(printable(name))
        for entry in entries(search, query):
            distance = round(entry["distance"], 4) + 0.0  # re-ranked ones may round to -0
            print(f"{entry['rank']:4}  {distance:.4f}  {printable(entry['name'])}")
            if "parts" in entry:
                print(f"{'':14}{_in_words([part['cosine'] for part in entry['parts']])}")


def _in_words(cosines: list[float]) -> str:
    """The eight, by what they see."""
    groups = {"whole": "whole", "half": "halves", "third": "thirds"}
    numbers: dict[str, list[str]] = {region: [] for region in groups}
    for part, cosine in zip(PARTS, cosines, strict=True):
        numbers[part.region].append(f"{cosine:.3f}")
    return "  ".join(f"{groups[region]} {' '.join(numbers[region])}" for region in groups)
