# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast embed -o NAME.gallery`: embeds what the gallery does not hold yet and adds it."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from mgn_fast.cli import exit_codes
from mgn_fast.cli.options import session_options
from mgn_fast.cli.screen.progress import (
    bottleneck_words,
    say,
    say_if_interrupted,
    stages,
)
from mgn_fast.common.text import printable
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.errors import DecodeError
from mgn_fast.gallery.build import adding


def add_to_gallery(arguments: argparse.Namespace, sources: Path | list[Path]) -> int:
    """Embeds and commits batch by batch, and says what was new.

    Args:
        arguments: the parsed command line.
        sources: one directory, or paths.

    Returns:
        0.

    Raises:
        MgnError: see `Gallery.add`. What was committed before stays.
    """
    started = time.monotonic()
    with (
        Embedder(arguments.model, **session_options(arguments)) as embedder,
        adding(arguments.output, embedder, sources, arguments.dtype) as (builder, pictures),
    ):
        say_if_interrupted(
            f"{arguments.output} keeps what is embedded; the same command goes on from there"
        )
        with stages("pictures") as progress:
            for _ in builder.added(pictures):
                progress("embedding", builder.num_seen, len(pictures))
        done, total = builder.done, builder.num_held
    seconds = time.monotonic() - started
    for _, reason in done.skipped:
        say(f"skipped: {reason}")
    if total == 0:
        raise DecodeError(f"none of {len(done.skipped)} pictures can be decoded")
    summary = {
        "gallery": str(arguments.output),
        "num_pictures": total,
        "num_added": done.num_added,
        "num_known": done.num_known,
        "skipped": [{"name": name, "reason": reason} for name, reason in done.skipped],
        "pictures_per_s": done.num_added / seconds,
    }
    if arguments.json:
        print(json.dumps(summary))
    else:
        facts = [f"{done.num_added:,} added", f"{done.num_known:,} known"]
        facts += [f"{len(done.skipped)} skipped"]
        if done.num_added:
            facts += [f"{done.num_added / seconds:.1f} pictures/s", bottleneck_words()]
        name = printable(str(arguments.output))
        print(f"{name}: {total:,} pictures; {', '.join(filter(None, facts))}")
    return exit_codes.OK
