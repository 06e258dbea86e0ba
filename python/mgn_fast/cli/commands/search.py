# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast search`: the pictures of a gallery that are nearest to some queries."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mgn_fast.cli import exit_codes
from mgn_fast.cli.galleries.found import Search
from mgn_fast.cli.galleries.queries import queries_of
from mgn_fast.cli.galleries.searching import (
    galleries_and_queries,
    opened_galleries,
    opened_index,
    parts_of,
    searched,
)
from mgn_fast.cli.galleries.telling import described, lines, notes, query_notes, table
from mgn_fast.cli.options import (
    Commands,
    add_rerank_options,
    add_session_options,
    new_command,
    path_argument,
)
from mgn_fast.cli.page_files import add_page_files, csv_output, open_page_files
from mgn_fast.cli.screen.progress import say, stages
from mgn_fast.common.text import sentence
from mgn_fast.errors import InvalidInputError
from mgn_fast.gallery.finding.refining import Refinement
from mgn_fast.gallery.index import LEAST_RECALL
from mgn_fast.report.search_page import draw_search, search_lists


def add_parser(commands: Commands) -> None:
    """Adds `mgn-fast search` and its options."""
    parser = new_command(
        commands,
        "search",
        help="find the nearest pictures of galleries",
        example="mgn-fast search people.gallery query.jpg --depth 10\n"
        "  mgn-fast search one.gallery two.gallery queries/ --threshold 0.9 --csv found.csv\n"
        "  mgn-fast search people.gallery one-person/ --together --expand 5\n"
        "  mgn-fast search people.gallery queries/ --rerank --html found.html",
    )
    parser.add_argument(
        "words",
        nargs="+",
        type=path_argument,
        metavar="GALLERY ... QUERY",
        help="galleries that `embed -o NAME.gallery` wrote, then what is sought in them: pictures, "
        "directories of them, or embeddings in .npy files",
    )
    parser.add_argument("--depth", type=int, default=10, help="pictures listed per query (10)")
    parser.add_argument(
        "--model", type=path_argument, help="embeds the queries (the one that made the gallery)"
    )
    _add_query_options(parser)
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
    parser.add_argument(
        "--csv",
        type=path_argument,
        metavar="FILE",
        help="write what was found to this .csv file, a line for each picture",
    )
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.set_defaults(run=run)


def _add_query_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is sought, and what is listed")
    group.add_argument(
        "--together",
        action="store_true",
        help="several pictures of one person are one query: those of a directory, the rows of a "
        "file, all pictures named themselves; with --labels those of each person",
    )
    group.add_argument(
        "--labels",
        type=path_argument,
        metavar="FILE",
        help="who is on the queries: a file of path and person, for verdicts on the page",
    )
    group.add_argument(
        "--expand",
        type=int,
        default=0,
        metavar="N",
        help="average each query with its N nearest and search again (0)",
    )
    group.add_argument(
        "--threshold",
        type=float,
        metavar="T",
        help="list no picture farther than this Euclidean distance, such as `evaluate --roc` tells",
    )
    group.add_argument(
        "--same-picture",
        choices=("auto", "keep"),
        default="auto",
        help="keep: list a query's own picture too, which is known by its bytes (auto)",
    )
    group.add_argument(
        "--parts",
        action="store_true",
        help="show how near each part of the body is, where the model has parts as MGN does",
    )


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
    """Prints the galleries' pictures nearest to each query; exit code 0."""
    files, arguments.queries = galleries_and_queries(arguments.words)
    _check(arguments, files)
    # The outputs are tried before any work is put into what goes there.
    with open_page_files(arguments) as (html, png), csv_output(arguments.csv) as table_file:
        first, gallery = opened_galleries(files)
        if arguments.parts:
            parts_of(gallery)
        index = opened_index(arguments, gallery)
        search = searched(arguments, gallery, queries_of(arguments, first), index)
        if html is not None or png is not None:
            _draw(search, arguments, html, png)
        if table_file is not None:
            table_file.write_bytes(table(search))
    for note in notes(search):
        say(f"note: {note}")
    if arguments.json:
        print(json.dumps(described(search)))
    else:
        for line in lines(search):
            print(line)
    return exit_codes.OK


def _check(arguments: argparse.Namespace, files: list[Path]) -> None:
    if arguments.index is not None and len(files) > 1:
        raise InvalidInputError(
            f"--index is given and {len(files)} galleries, and an index is of one; search them "
            "one by one, each by its own, or without an index"
        )
    if arguments.index is not None and arguments.rerank and arguments.candidates is None:
        raise InvalidInputError(
            "--index and --rerank are given, which re-ranks among what the index finds; "
            "expected --candidates too, to say how many that are"
        )
    if arguments.candidates is not None and not arguments.rerank:
        raise InvalidInputError(
            f"--candidates is {arguments.candidates}, which only re-ranking takes; add --rerank"
        )
    if arguments.threshold is not None and arguments.rerank:
        raise InvalidInputError(
            f"--threshold is {arguments.threshold}, a Euclidean distance, and re-ranked distances "
            "are none; leave one of --threshold and --rerank out"
        )
    Refinement(arguments.expand, arguments.threshold)  # which refuses numbers outside their range


def _draw(
    search: Search, arguments: argparse.Namespace, html: Path | None, png: Path | None
) -> None:
    queries = search.queries
    numbers = range(len(queries.names))
    paths = [pictures[0].path for pictures in queries.pictures]
    lists = search_lists(
        search.gallery,
        search.ranking,
        list(zip(queries.names, paths, strict=True)),
        name="re-ranked" if search.reranked else "plain",
        parts=search.parts,
        pictures=arguments.pictures,
        labels=[queries.known(query) for query in numbers],
        notes=[query_notes(search, query) for query in numbers],
    )
    said = list(map(sentence, notes(search)))
    if search.refinement.threshold is not None:
        said.append(f"Only pictures within the distance {search.refinement.threshold:g}.")
    if arguments.labels is not None:
        said.append(f"Who is on the queries is said by {arguments.labels}.")
    with stages("pictures") as progress:
        draw_search(
            search.gallery,
            lists,
            html=html,
            png=png,
            index=search.index,
            notes=said,
            progress=progress,
        )
