# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast group`: who is the same person in a gallery, without labels."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mgn_fast.cli import exit_codes
from mgn_fast.cli.galleries.grouping import (
    Grouping,
    agreement_words,
    described,
    grouped,
    lines,
    table,
)
from mgn_fast.cli.galleries.searching import opened_galleries
from mgn_fast.cli.options import Commands, new_command, path_argument, simulated_note
from mgn_fast.cli.page_files import csv_output, open_page
from mgn_fast.cli.screen.progress import say, stages
from mgn_fast.common.text import sentence
from mgn_fast.report.groups.render import draw_groups


def add_parser(commands: Commands) -> None:
    """Adds `mgn-fast group` and its options."""
    parser = new_command(
        commands,
        "group",
        help="group a gallery's pictures by person, without labels",
        example="mgn-fast group people.gallery -o groups.csv --html groups.html",
    )
    parser.add_argument("gallery", type=path_argument, help="what `embed -o NAME.gallery` wrote")
    parser.add_argument(
        "-o",
        "--output",
        type=path_argument,
        metavar="FILE",
        help="write the group of each picture to this .csv file; -1 is alone",
    )
    group = parser.add_argument_group("what a group is")
    group.add_argument(
        "--k1",
        type=int,
        default=20,
        help="neighbours that must be mutual: not far above the pictures of a person (20)",
    )
    group.add_argument("--k2", type=int, default=6, help="neighbours that are averaged (6)")
    group.add_argument(
        "--eps",
        type=float,
        default=0.5,
        help="largest Jaccard distance of near pictures; more makes groups larger (0.5)",
    )
    group.add_argument(
        "--min-pictures",
        type=int,
        default=2,
        help="as many pictures near each other make a group (2)",
    )
    parser.add_argument("--threads", type=int, help="to compute with (all cores)")
    pages = parser.add_argument_group("pictures for people")
    pages.add_argument(
        "--html", type=path_argument, metavar="PAGE", help="write the groups to this page"
    )
    pages.add_argument(
        "--pictures",
        type=path_argument,
        metavar="DIR",
        help="where the gallery's pictures are now (where they were, relative to the gallery)",
    )
    parser.add_argument("--json", action="store_true", help="print the groups as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints how a gallery's pictures fall into groups; exit code 0."""
    settings = {name: getattr(arguments, name) for name in ("k1", "k2", "eps", "min_pictures")}
    # The outputs are tried before any work is put into what goes there.
    with open_page(arguments.html) as html, csv_output(arguments.output) as table_file:
        gallery, _ = opened_galleries([arguments.gallery])
        with stages() as progress:
            found = grouped(gallery, settings, arguments.threads, progress)
        for note in _notes(found):
            say(f"note: {note}")
        if html is not None:
            _draw(found, html, arguments.pictures)
        if table_file is not None:
            table_file.write_bytes(table(found))
    if arguments.json:
        print(json.dumps(described(found)))
    else:
        for line in lines(found):
            print(line)
    return exit_codes.OK


def _notes(found: Grouping) -> list[str]:
    said = [*simulated_note(found.gallery.simulated)]
    k1, count = found.settings["k1"], len(found.gallery)
    if count > 2 * k1:
        return said
    return [
        *said,
        f"--k1 is {k1} and there are {count:,} pictures, so that most are neighbours of most; a "
        "--k1 near the number of pictures of a person, and a smaller --k2, tell persons apart",
    ]


def _draw(found: Grouping, html: Path, pictures: Path | None) -> None:
    settings = found.settings
    said = [
        f"Pictures with the same neighbours are a group: k1 {settings['k1']}, k2 {settings['k2']}, "
        f"Jaccard distance at most {settings['eps']:g}, at least {settings['min_pictures']} "
        "pictures."
    ]
    agreement = found.agreement()
    facts = {}
    if agreement["num_labelled"] is not None:
        facts["adjusted Rand index"] = f"{agreement['adjusted_rand_index']:.4f}"
        said += map(sentence, agreement_words(found))
    with stages("pictures") as progress:
        draw_groups(
            found.gallery,
            found.groups,
            html,
            facts=facts,
            notes=[*said, *_notes(found)],
            pictures=pictures,
            progress=progress,
        )
