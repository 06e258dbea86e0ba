# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast search`: the pictures of a gallery that are nearest to some queries."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mgn_fast.cli import exit_codes
from mgn_fast.cli.galleries.searching import (
    Search,
    entries,
    opened_index,
    parts_of,
    queries_of,
    searched,
)
from mgn_fast.cli.options import (
    Commands,
    add_rerank_options,
    add_session_options,
    new_command,
    path_argument,
)
from mgn_fast.cli.page_files import add_page_files, open_page_files
from mgn_fast.cli.screen.progress import stages
from mgn_fast.common.text import printable
from mgn_fast.errors import DatasetError, InvalidInputError
from mgn_fast.evaluation.body_parts import PartComparison
from mgn_fast.gallery.gallery import Gallery
from mgn_fast.gallery.index import LEAST_RECALL
from mgn_fast.report.search_page import draw_search, search_lists


def add_parser(commands: Commands) -> None:
    """Adds `mgn-fast search` and its options."""
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
        help="show how near each part of the body is, where the model has parts as MGN does",
    )
    add_rerank_options(parser, switch="list in the order of re-ranked distances")
    parser.add_argument(
        "--candidates",
        type=int,
        metavar="N",
        help="re-rank each query among its N nearest only, for large galleries (all)",
    )
    _add_index_options(parser)
    add_session_options(parser)
    group = add_page_files(
        parser,
        page="write the ranked lists to this page",
        sheet="write the ranked lists to this picture",
    )
    group.add_argument(
        "--pictures",
        type=path_argument,
        metavar="DIR",
        help="where the gallery's pictures are now (where they were, relative to the gallery)",
    )
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
    """Prints the gallery's pictures nearest to each query; exit code 0."""
    _check(arguments)
    # The outputs are tried before any work is put into what goes there.
    with open_page_files(arguments) as (html, png):
        gallery = Gallery.load(arguments.gallery)
        if len(gallery) == 0:
            raise DatasetError(f"gallery {str(arguments.gallery)!r} holds no pictures")
        if arguments.parts:
            parts_of(gallery)
        index = opened_index(arguments, gallery)
        search = searched(arguments, gallery, queries_of(arguments, gallery), index)
        if html is not None or png is not None:
            _draw(search, html, png, arguments.pictures)
    if arguments.json:
        print(json.dumps(_described(search)))
    else:
        _print(search)
    return exit_codes.OK


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


def _draw(search: Search, html: Path | None, png: Path | None, pictures: Path | None) -> None:
    lists = search_lists(
        search.gallery,
        search.ranking,
        list(zip(search.queries.names, search.queries.paths, strict=True)),
        name="re-ranked" if search.reranked else "plain",
        parts=search.parts,
        pictures=pictures,
    )
    index = None if search.index is None else search.index.settings
    with stages("pictures") as progress:
        draw_search(search.gallery, lists, html=html, png=png, index=index, progress=progress)


def _described(search: Search) -> dict[str, Any]:
    index = None if search.index is None else vars(search.index.settings)
    contract = search.gallery.contract
    return {
        "gallery": str(search.gallery.path),
        "contract": None if contract is None else contract.to_dict(),
        "contract_origin": None if contract is None else contract.origin,
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
        for rank, entry in enumerate(entries(search, query)):
            distance = round(entry["distance"], 4) + 0.0  # re-ranked ones may round to -0
            print(f"{entry['rank']:4}  {distance:.4f}  {printable(entry['name'])}")
            if search.parts is not None:
                print(f"{'':14}{_in_words(search.parts[query][rank])}")


def _in_words(compared: PartComparison) -> str:
    """How near two pictures are in each part: stripes by size, from above; others by name."""
    groups = {"whole": "whole", "half": "halves", "third": "thirds"}
    known = sorted(zip(compared.parts, compared.cosines, strict=True), key=lambda one: one[0].top)
    said = []
    for region, word in groups.items():
        numbers = [f"{cosine:.3f}" for part, cosine in known if part.region == region]
        said += [" ".join([word, *numbers])] if numbers else []
    said += [
        f"{printable(part.name)} {cosine:.3f}" for part, cosine in known if part.region == "unknown"
    ]
    return "  ".join(said)
