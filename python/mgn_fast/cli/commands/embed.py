# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast embed`: pictures to a .npy file of unit embeddings and a .json that names its rows.

With an output that ends in .gallery: see `cli.galleries.adding`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from mgn_fast.cli import exit_codes
from mgn_fast.cli.galleries.adding import add_to_gallery
from mgn_fast.cli.options import (
    Commands,
    add_session_options,
    new_command,
    path_argument,
    session_options,
)
from mgn_fast.cli.screen.progress import bottleneck_words, say, track
from mgn_fast.common.files import is_directory
from mgn_fast.common.text import printable
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.embedding.embeddings_file import sidecar_path, write_embeddings
from mgn_fast.errors import DecodeError, InvalidInputError
from mgn_fast.gallery.file import DTYPES
from mgn_fast.gallery.writer import SUFFIX
from mgn_fast.pictures.directories import list_pictures
from mgn_fast.pictures.sources import all_pictures
from mgn_fast.types import F32Array


def add_parser(commands: Commands) -> None:
    """Adds `mgn-fast embed` and its options."""
    parser = new_command(
        commands,
        "embed",
        help="turn pictures into embeddings",
        example="mgn-fast embed pictures/ --model mgn.onnx -o people.npy\n"
        "  mgn-fast embed pictures/ --model mgn.onnx -o people.gallery",
    )
    parser.add_argument("pictures", nargs="+", type=path_argument, help="directories or files")
    parser.add_argument(
        "--model", type=path_argument, required=True, help="an .onnx, .om or .xml file"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=path_argument,
        required=True,
        help="the .npy file to write, or a .gallery that new pictures are added to",
    )
    parser.add_argument(
        "--dtype",
        choices=DTYPES,
        help="of a new gallery; float16 is half as large and searched twice as fast (float32)",
    )
    add_session_options(parser)
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Writes the pictures' embeddings and lists skipped pictures; exit code 0 if any is left."""
    _require_outside(arguments.output, arguments.pictures)
    sources, total = _sources(arguments.pictures)
    if arguments.output.suffix == SUFFIX:
        return add_to_gallery(arguments, sources)
    if arguments.dtype is not None:
        raise InvalidInputError(
            f"--dtype is {arguments.dtype!r}, which is for galleries; expected an output that ends "
            f"in {SUFFIX!r}"
        )
    started = time.monotonic()
    with Embedder(arguments.model, **session_options(arguments)) as embedder:
        rows = _some(track(embedder.stream(sources), "embedding", total), embedder)
        count = write_embeddings(arguments.output, rows, embedder)
        skipped = embedder.skipped
    seconds = time.monotonic() - started
    for _, reason in skipped:
        say(f"skipped: {reason}")
    summary = {
        "embeddings": str(arguments.output),
        "description": str(sidecar_path(arguments.output)),
        "count": count,
        "skipped": [{"name": name, "reason": reason} for name, reason in skipped],
        "pictures_per_s": count / seconds,
    }
    if arguments.json:
        print(json.dumps(summary))
    else:
        rate = f"{count / seconds:.1f} pictures/s"
        facts = [f"{count:,} embeddings", f"{len(skipped)} skipped", rate, bottleneck_words()]
        print(f"{printable(str(arguments.output))}: {', '.join(filter(None, facts))}")
    return exit_codes.OK


def _some(
    rows: Iterable[tuple[str, F32Array]], embedder: Embedder
) -> Iterator[tuple[str, F32Array]]:
    """The rows; that there are none is an error, because nobody means that."""
    count = 0
    for row in rows:
        yield row
        count += 1
    if count == 0:
        reasons = "; ".join(reason for _, reason in embedder.skipped[:3])
        raise DecodeError(f"none of {len(embedder.skipped)} pictures can be decoded: {reasons}")


def _require_outside(output: Path, given: list[Path]) -> None:
    """In a directory that is embedded, the output would be taken for a picture the next time."""
    place = output.resolve().parent
    for entry in given:
        if is_directory(entry) and place.is_relative_to(entry.resolve()):
            raise InvalidInputError(
                f"output {str(output)!r} lies in {str(entry)!r}, which is embedded; "
                "expected a place outside it"
            )


def _sources(given: list[Path]) -> tuple[Path | list[Path], int]:
    """One directory as it is, which names its pictures relative to it; anything else as a list."""
    if len(given) == 1 and is_directory(given[0]):
        return given[0], len(list_pictures(given[0]))
    paths = all_pictures(given)
    return paths, len(paths)
