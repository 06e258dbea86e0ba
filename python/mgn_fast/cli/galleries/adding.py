# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast embed -o NAME.gallery`: embeds what the gallery does not hold yet and adds it."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from typing import Any

from mgn_fast.cli import exit_codes
from mgn_fast.cli.galleries.contract_in_use import embedded_into
from mgn_fast.cli.screen.progress import (
    bottleneck_words,
    say,
)
from mgn_fast.cli.sources import Given, say_noticed
from mgn_fast.common.text import printable
from mgn_fast.errors import DecodeError
from mgn_fast.gallery.build import Added


def add_to_gallery(arguments: argparse.Namespace, given: Given) -> int:
    """Embeds and commits batch by batch, and says what was new.

    Args:
        arguments: the parsed command line.
        given: the pictures.

    Returns:
        0.

    Raises:
        MgnError: see `Gallery.add`. What was committed before stays.
    """
    started = time.monotonic()
    labels = {name: {"person": person} for name, person in (given.persons or {}).items()}
    builder, contract = embedded_into(
        arguments, arguments.output, given.listed, labels, dtype=arguments.dtype
    )
    done, total = builder.done, builder.num_held
    seconds = time.monotonic() - started
    skipped = [*given.left_out, *done.skipped]
    for _, reason in skipped:
        say(f"skipped: {reason}")
    if total == 0:
        raise DecodeError(f"none of {len(skipped)} pictures can be decoded")
    say_noticed(builder.noticed, contract)
    num_embedded = done.num_added - done.num_copied
    summary = {
        "gallery": str(arguments.output),
        "num_pictures": total,
        "num_added": done.num_added,
        "num_known": done.num_known,
        "num_copied": done.num_copied,
        "num_moved": done.num_moved,
        "skipped": [{"name": name, "reason": reason} for name, reason in skipped],
        **asdict(builder.noticed),
        "pictures_per_s": num_embedded / seconds,
    }
    if arguments.json:
        print(json.dumps(summary))
    else:
        _tell(summary, done, num_embedded)
    return exit_codes.OK


def _tell(summary: dict[str, Any], done: Added, num_embedded: int) -> None:
    """The line that ends the command."""
    facts = [f"{done.num_added:,} added", f"{done.num_known:,} known"]
    if done.num_copied:
        facts[0] += f" ({done.num_copied:,} with the bytes of others)"
    if done.num_moved:
        facts.append(f"{done.num_moved:,} moved")
    facts.append(f"{len(summary['skipped'])} skipped")
    if num_embedded:
        facts += [f"{summary['pictures_per_s']:.1f} pictures/s", bottleneck_words()]
    name = printable(summary["gallery"])
    print(f"{name}: {summary['num_pictures']:,} pictures; {', '.join(filter(None, facts))}")
