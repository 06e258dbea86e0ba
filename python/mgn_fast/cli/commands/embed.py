# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast embed`: pictures to unit embeddings with names, in a .npy, a table or a gallery.

With an output that ends in .gallery: see `cli.galleries.adding`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mgn_fast.cli import exit_codes
from mgn_fast.cli.galleries.adding import add_to_gallery
from mgn_fast.cli.options import (
    Commands,
    add_session_options,
    new_command,
    path_argument,
    session_options,
)
from mgn_fast.cli.screen.progress import bottleneck_words, say, say_if_interrupted, track
from mgn_fast.cli.sources import (
    add_source_options,
    given_pictures,
    require_different,
    say_noticed,
)
from mgn_fast.common.checks import output_name
from mgn_fast.common.files import is_directory
from mgn_fast.common.text import printable
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.embedding.embeddings_file import sidecar_path
from mgn_fast.embedding.writing import SUFFIXES, Partial, write_embeddings
from mgn_fast.errors import DecodeError, InvalidInputError
from mgn_fast.gallery.file import DTYPES
from mgn_fast.gallery.writer import SUFFIX
from mgn_fast.types import F32Array


def add_parser(commands: Commands) -> None:
    """Adds `mgn-fast embed` and its options."""
    parser = new_command(
        commands,
        "embed",
        help="turn pictures into embeddings",
        example="mgn-fast embed pictures/ --model mgn.onnx -o people.npy\n"
        "  mgn-fast embed pictures/ --model mgn.onnx -o people.gallery\n"
        "  mgn-fast embed frames/ --boxes gt.txt --model mgn.onnx -o people.parquet\n"
        "  mgn-fast embed --list pictures.txt --model mgn.onnx -o people.csv",
    )
    add_source_options(parser)
    parser.add_argument(
        "--model", type=path_argument, required=True, help="an .onnx, .om or .xml file"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=path_argument,
        required=True,
        help="the .npy (with a .json of names beside it), .csv or .parquet to write, or a .gallery "
        "that new pictures are added to; what a run embedded that ends early stays in "
        "NAME.partial.npy and the like",
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
    _require_output(arguments)
    given = given_pictures(arguments)
    if arguments.output.suffix == SUFFIX:
        return add_to_gallery(arguments, given)
    require_different(given)
    started = time.monotonic()
    with Embedder(arguments.model, **session_options(arguments)) as embedder:
        stream = embedder.stream_named(given.listed.pictures, given.left_out)
        rows = _some(track(stream, "embedding", len(given)), embedder)
        count = write_embeddings(
            arguments.output, rows, embedder, persons=given.persons, on_partial=_say_kept
        )
    seconds = time.monotonic() - started
    for _, reason in embedder.skipped:
        say(f"skipped: {reason}")
    say_noticed(embedder.noticed, embedder.contract)
    summary = _summary(arguments.output, count, embedder, seconds)
    if arguments.json:
        print(json.dumps(summary))
    else:
        rate = f"{count / seconds:.1f} pictures/s"
        facts = [f"{count:,} embeddings", f"{len(embedder.skipped)} skipped", rate]
        facts.append(bottleneck_words())
        print(f"{printable(str(arguments.output))}: {', '.join(filter(None, facts))}")
    return exit_codes.OK


def _summary(output: Path, count: int, embedder: Embedder, seconds: float) -> dict[str, Any]:
    described = str(sidecar_path(output)) if output.suffix == ".npy" else None
    return {
        "embeddings": str(output),
        "description": described,
        "count": count,
        "skipped": [{"name": name, "reason": reason} for name, reason in embedder.skipped],
        **asdict(embedder.noticed),
        "pictures_per_s": count / seconds,
    }


def _say_kept(kept: Partial) -> None:
    """What stays of a run that ends early; as the last words too, if it was interrupted."""
    if kept.is_kept:
        told = f"{kept.path} keeps the {kept.count:,} embeddings made until then"
    else:
        told = f"{kept.path} stays, which has more rows than the {kept.count:,} of this run"
    told += "; an output that ends in .gallery goes on where it ended"
    say_if_interrupted(told)
    if not isinstance(sys.exc_info()[1], (KeyboardInterrupt, SystemExit)):
        say(f"note: {told}", always=True)


def _require_output(arguments: argparse.Namespace) -> None:
    """What can be refused of the output before anything is embedded."""
    if arguments.output.suffix == SUFFIX:
        return
    if arguments.dtype is not None:
        raise InvalidInputError(
            f"--dtype is {arguments.dtype!r}, which is for galleries; expected an output that ends "
            f"in {SUFFIX!r}"
        )
    output_name(arguments.output, *SUFFIXES, SUFFIX, exact=True)


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
