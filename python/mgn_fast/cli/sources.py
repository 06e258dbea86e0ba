# SPDX-License-Identifier: Apache-2.0
"""The pictures that a command is given: by words, by a list, cut by boxes; and what is odd of them.

All of it is said before a model is opened, but for what only decoding shows.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from mgn_fast.cli.options import path_argument
from mgn_fast.cli.screen.progress import say
from mgn_fast.embedding.reading import Noticed
from mgn_fast.errors import DatasetError, DecodeError, InvalidInputError
from mgn_fast.models.contract import Contract
from mgn_fast.pictures.box_files import read_boxes
from mgn_fast.pictures.directories import in_words, strangers
from mgn_fast.pictures.file_lists import read_list
from mgn_fast.pictures.sources import Listed, all_pictures, expanded, listed

_STDIN = Path("-")


@dataclass(frozen=True, eq=False)
class Given:
    """Pictures to embed.

    Attributes:
        listed: all of them, with their names.
        persons: who is on them, by their names; None where nobody says.
        left_out: (name, reason) of what is no picture.
    """

    listed: Listed
    persons: dict[str, str] | None
    left_out: list[tuple[str, str]]

    def __len__(self) -> int:
        return len(self.listed.pictures)


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """The pictures, --list and --boxes.

    Args:
        parser: gets the options.
    """
    parser.add_argument(
        "pictures",
        nargs="*",
        type=path_argument,
        metavar="SOURCE",
        help="a directory, a file, or a pattern in quotes: 'pictures/*.jpg'",
    )
    parser.add_argument(
        "--list",
        type=path_argument,
        metavar="FILE",
        help="a file with one path a line, relative to its place; - reads stdin",
    )
    parser.add_argument(
        "--boxes",
        type=path_argument,
        metavar="FILE",
        help="the pictures are frames, and these boxes are cut out of them: a table with the "
        "columns frame, x, y, w, h and maybe person and name, or MOTChallenge's rows (frame, id, "
        "x, y, w, h); pixels are counted from 0",
    )


def given_pictures(arguments: argparse.Namespace) -> Given:
    """The pictures that the options name, less what is no picture, which is said.

    Args:
        arguments: with what `add_source_options` added, and `on_error`.

    Returns:
        At least one picture, or one left out.

    Raises:
        InvalidInputError: nothing is given, a directory without files, or a pattern that nothing
            matches.
        DatasetError: a list or boxes that cannot be read.
        DecodeError: a file that is no picture, where --on-error is raise.
    """
    frames = _listed(arguments)
    found, persons, unknown = frames, None, list[tuple[str, str]]()
    if arguments.boxes is not None:
        boxes = read_boxes(arguments.boxes, frames)
        found, persons, unknown = boxes.listed, boxes.persons, boxes.unknown
        if unknown and arguments.on_error == "raise":
            raise DatasetError(_unknown_in_words(unknown, arguments.boxes))
        if boxes.num_without:
            say(f"note: {boxes.num_without:,} of {_count(frames):,} frames have no box")
        if unknown:
            say(f"warning: {_unknown_in_words(unknown, arguments.boxes)}")
    if found is None:
        raise InvalidInputError(
            "no pictures are given, expected directories, files, --list or --boxes"
        )
    left_out = _left_out(found, arguments)
    strange = {name for name, _ in left_out}
    pictures = [pair for pair in found.pictures if pair[0] not in strange]
    return Given(Listed(found.folder, pictures), persons, unknown + left_out)


def say_noticed(noticed: Noticed, contract: Contract) -> None:
    """What was noticed of the pictures that were decoded, a line each.

    Args:
        noticed: numbers of pictures.
        contract: by which they were prepared.
    """
    if noticed.num_turned:
        told = "turned by EXIF, taken as stored, as the recipe does (--exif apply turns them)"
        if contract.exif == "apply":
            told = "turned upright, as EXIF says"
        say(f"note: {_pictures(noticed.num_turned)} {told}")
    if noticed.num_wide:
        say(
            f"note: {_pictures(noticed.num_wide)} wider than high, as crops of persons seldom are "
            "(--boxes cuts crops out of frames)"
        )
    if noticed.num_clipped:
        boxes = f"{noticed.num_clipped:,} box{'es' if noticed.num_clipped != 1 else ''}"
        say(f"note: {boxes} cut off at the edge of the frame")


def _listed(arguments: argparse.Namespace) -> Listed | None:
    """What words and --list name; None where neither is given."""
    words = expanded(arguments.pictures)
    from_list = None
    if arguments.list is not None:
        is_stdin = arguments.list == _STDIN
        from_list = read_list(sys.stdin.buffer if is_stdin else arguments.list)
    if not words:
        return from_list
    if len(words) == 1 and from_list is None:
        return listed(words[0])
    pictures = [(str(path), path) for path in all_pictures(words)]
    more = [] if from_list is None else [(str(path), path) for _, path in from_list.pictures]
    return Listed(Path.cwd(), [*pictures, *more])


def _left_out(found: Listed, arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """What is no picture by its first bytes; said, or the end."""
    left_out = strangers(found.pictures)
    if not left_out:
        return left_out
    if arguments.on_error == "raise":
        if len(found.pictures) == 1:
            raise DecodeError(left_out[0][1])
        remedy = "take them away, or leave them out with --on-error skip"
        raise DecodeError(in_words(left_out, len(found.pictures), remedy))
    say(f"note: {in_words(left_out, len(found.pictures), 'left out')}")
    return left_out


def require_different(given: Given) -> None:
    """Raises InvalidInputError for a name that comes twice, where names tell rows apart."""
    names: set[str] = set()
    for name, _ in given.listed.pictures:
        if name in names:
            raise InvalidInputError(
                f"{name!r} comes twice among the pictures, expected each picture once"
            )
        names.add(name)


def _unknown_in_words(unknown: list[tuple[str, str]], boxes: Path) -> str:
    count = f"{len(unknown):,} box{'es' if len(unknown) != 1 else ''}"
    return (
        f"of {str(boxes)!r}, {count} of frames that are not there; the first: {unknown[0][1]}; "
        "expected the name of a frame, or the number that its file's name ends in; --on-error skip "
        "leaves them out"
    )


def _pictures(count: int) -> str:
    return f"{count:,} picture{'s' if count != 1 else ''}"


def _count(frames: Listed | None) -> int:
    return 0 if frames is None else len(frames.pictures)
