# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast gallery`: what a gallery's file holds, and changes of it."""

from __future__ import annotations

from typing import Any

from mgn_fast.cli.galleries.editing import (
    run_compact,
    run_export,
    run_info,
    run_label,
    run_list,
    run_merge,
    run_remove,
    run_rename,
)
from mgn_fast.cli.options import Commands, new_command, path_argument


def add_parser(commands: Commands) -> None:
    """Adds `mgn-fast gallery` with its actions and their options."""
    parser = new_command(
        commands,
        "gallery",
        help="look into a gallery, remove, rename and label its pictures, merge and export",
        example="mgn-fast gallery info people.gallery\n"
        "  mgn-fast gallery remove people.gallery --person ann --compact",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for add in (
        _add_info,
        _add_list,
        _add_remove,
        _add_rename,
        _add_label,
        _add_merge,
        _add_export,
        _add_compact,
    ):
        add(actions)


def _action(actions: Commands, name: str, *, help: str, example: str) -> Any:
    parser = new_command(actions, name, help=help, example=example)
    parser.add_argument("gallery", type=path_argument, help="what `embed -o NAME.gallery` wrote")
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    return parser


def _add_info(actions: Commands) -> None:
    parser = _action(
        actions,
        "info",
        help="say how many pictures there are, of which model, and how many have labels",
        example="mgn-fast gallery info people.gallery",
    )
    parser.set_defaults(run=run_info)


def _add_list(actions: Commands) -> None:
    parser = _action(
        actions,
        "list",
        help="print a line for each picture: its name and its labels",
        example="mgn-fast gallery list people.gallery\n"
        "  mgn-fast gallery list people.gallery --match 'camera1/*' --csv camera1.csv",
    )
    _add_selection(parser)
    parser.add_argument(
        "--csv",
        type=path_argument,
        metavar="FILE",
        help="write name, person, camera, sha256 and other labels to this file; - prints them",
    )
    parser.set_defaults(run=run_list)


def _add_selection(parser: Any) -> None:
    parser.add_argument(
        "--match", metavar="PATTERN", help="pictures whose names fit, such as 'camera1/*'"
    )
    parser.add_argument("--person", metavar="WORD", help="pictures that are labelled so")


def _add_remove(actions: Commands) -> None:
    parser = _action(
        actions,
        "remove",
        help="take pictures out; their bytes are in the file until it is compacted",
        example="mgn-fast gallery remove people.gallery 003.jpg 007.jpg\n"
        "  mgn-fast gallery remove people.gallery --person ann --compact\n"
        "  mgn-fast gallery remove people.gallery --list names.txt --missing-ok",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="as `gallery list` shows them")
    _add_selection(parser)
    parser.add_argument(
        "--list",
        type=path_argument,
        metavar="FILE",
        help="names, one on a line; - reads them from standard input",
    )
    _add_missing_ok(parser)
    parser.add_argument(
        "--compact",
        action="store_true",
        help="erase them from the file too, with all that was removed before",
    )
    parser.set_defaults(run=run_remove)


def _add_missing_ok(parser: Any) -> None:
    parser.add_argument(
        "--missing-ok",
        action="store_true",
        help="go on where something named is not in the gallery, and say so",
    )


def _add_rename(actions: Commands) -> None:
    parser = _action(
        actions,
        "rename",
        help="give a picture, or all of a directory that moved, new names",
        example="mgn-fast gallery rename people.gallery 003.jpg ann/003.jpg\n"
        "  mgn-fast gallery rename people.gallery old/ new/ --prefix",
    )
    parser.add_argument("old", metavar="OLD", help="the name that it has")
    parser.add_argument("new", metavar="NEW", help="the name that it gets")
    parser.add_argument(
        "--prefix", action="store_true", help="OLD and NEW are the beginnings of names"
    )
    parser.set_defaults(run=run_rename)


def _add_label(actions: Commands) -> None:
    parser = _action(
        actions,
        "label",
        help="say who is on pictures, from which camera they are, and whatever else",
        example="mgn-fast gallery label people.gallery --labels labels.csv\n"
        "  mgn-fast gallery label people.gallery --name 003.jpg --person ann --set hat=true",
    )
    parser.add_argument(
        "--labels",
        type=path_argument,
        metavar="FILE",
        help="a table with the column name or path, and person, camera or any others",
    )
    parser.add_argument(
        "--name", action="append", default=[], help="a picture; may be given several times"
    )
    parser.add_argument("--person", metavar="WORD", help="who is on it")
    parser.add_argument("--camera", metavar="WORD", help="the camera that took it")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="another label; a value that is JSON is kept as such, any other as text",
    )
    parser.add_argument(
        "--unset", action="append", default=[], metavar="KEY", help="take a label away"
    )
    _add_missing_ok(parser)
    parser.set_defaults(run=run_label)


def _add_merge(actions: Commands) -> None:
    parser = new_command(
        actions,
        "merge",
        help="write the pictures of several galleries of one model as one",
        example="mgn-fast gallery merge monday.gallery tuesday.gallery -o week.gallery",
    )
    parser.add_argument("galleries", nargs="+", type=path_argument, metavar="GALLERY")
    _add_output(parser, "the gallery to write; one that is there is replaced")
    parser.add_argument(
        "--prefix",
        action="store_true",
        help="put each gallery's file name and a / before its pictures' names",
    )
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.set_defaults(run=run_merge)


def _add_output(parser: Any, help: str) -> None:
    parser.add_argument("-o", "--output", type=path_argument, required=True, help=help)


def _add_export(actions: Commands) -> None:
    parser = _action(
        actions,
        "export",
        help="write embeddings, names and labels for other programs",
        example="mgn-fast gallery export people.gallery -o people.npy\n"
        "  mgn-fast gallery export people.gallery -o people.parquet",
    )
    _add_output(
        parser, "ends in .npy or .faiss (names and labels are in a .csv beside it), or in .parquet"
    )
    parser.set_defaults(run=run_export)


def _add_compact(actions: Commands) -> None:
    parser = _action(
        actions,
        "compact",
        help="write the file anew without what was removed: its bytes are gone then",
        example="mgn-fast gallery compact people.gallery",
    )
    parser.set_defaults(run=run_compact)
