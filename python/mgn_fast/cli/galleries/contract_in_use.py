# SPDX-License-Identifier: Apache-2.0
"""What commands do with a contract that was kept: open a gallery's model by it, take its parts."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from mgn_fast.cli.options import session_options
from mgn_fast.cli.screen.progress import say, say_if_interrupted, stages
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.errors import InvalidInputError
from mgn_fast.gallery.build import GalleryBuilder, adding
from mgn_fast.gallery.gallery import Gallery
from mgn_fast.gallery.labels import LabelsByName
from mgn_fast.gallery.model import contract_for
from mgn_fast.models.contract import Contract, Part
from mgn_fast.models.in_use import as_used, differences, in_one_line
from mgn_fast.pictures.sources import Listed


def options_for(arguments: argparse.Namespace, gallery: Gallery) -> dict[str, Any]:
    """Keywords of `Embedder` for a model whose embeddings are to be compared with a gallery's.

    Args:
        arguments: the parsed command line, with `model`.
        gallery: that the embeddings are for.

    Returns:
        What `session_options` gives, and the gallery's contract where the options state none and
        the file does not say it; which is said then.

    Raises:
        ModelError: the model cannot be read.
        InvalidInputError: an option of the contract that cannot be followed.
    """
    options = session_options(arguments)
    if "contract" not in options:
        own = gallery.model_path
        is_own = own is not None and os.path.realpath(own) == os.path.realpath(arguments.model)
        kept = contract_for(gallery.contract, arguments.model, is_own=is_own)
        if kept is not None:
            options["contract"] = kept
            say(
                f"note: the contract of {arguments.model} is from {kept.origin}: "
                f"{in_one_line(kept)}"
            )
    return options


def embedded_into(
    arguments: argparse.Namespace,
    path: Path,
    listed: Listed,
    labels: LabelsByName,
    *,
    dtype: str | None = None,
) -> tuple[GalleryBuilder, Contract]:
    """Embeds what a gallery does not hold yet, commits it batch by batch, and shows how far it is.

    Args:
        arguments: the parsed command line, with `model`.
        path: the gallery's file; made where it is not there.
        listed: the pictures.
        labels: of them, by name.
        dtype: of a new gallery's rows; None for float32.

    Returns:
        The builder, which says what was done, and the contract in use.

    Raises:
        MgnError: see `Gallery.add`. What was committed before stays.
    """
    is_there = os.path.lexists(path)
    held = Gallery.load(path, verify=False) if is_there else None  # `adding` compares the bytes
    options = session_options(arguments) if held is None else options_for(arguments, held)
    with (
        Embedder(arguments.model, **options) as embedder,
        adding(path, embedder, listed, dtype, labels) as (builder, pictures),
    ):
        if held is not None:
            say_unlike_gallery(held, embedder)
        say_if_interrupted(f"{path} keeps what is embedded; the same command goes on from there")
        with stages("pictures") as progress:
            for _ in builder.added(pictures):
                progress("embedding", builder.num_seen, len(pictures))
        return builder, embedder.contract


def used_contract(embedder: Embedder) -> Contract:
    """The contract of an embedder's model, with the mirror as the embedder takes it."""
    return as_used(embedder.contract, mirror=embedder.mirror)


def say_unlike_gallery(gallery: Gallery, embedder: Embedder) -> None:
    """Warns where a model passed a gallery's test, though its contract says something else."""
    say_differences(
        used_contract(embedder),
        gallery.contract,
        names=(str(embedder.session.model_path), str(gallery.path)),
        remark="a test picture comes out alike, and others may not",
    )


def say_differences(
    ours: Contract | None, theirs: Contract | None, *, names: tuple[str, str], remark: str
) -> None:
    """Warns where embeddings that are compared were made by contracts that say different things.

    Args:
        ours: of the ones; None where it is not known.
        theirs: of the others.
        names: of both, for the warning.
        remark: what to think of it.
    """
    unlike = "" if ours is None or theirs is None else differences(ours, theirs)
    if unlike:
        say(f"warning: {names[0]} has {unlike} of {names[1]}; {remark}")


def required_parts(contract: Contract | None, what: str, *, remedy: str) -> tuple[Part, ...]:
    """The parts of embeddings of which --parts is to tell.

    Args:
        contract: of the model that made them; None where nobody says it.
        what: whose embeddings they are, for messages.
        remedy: what to do where nobody says it.

    Returns:
        Names and widths.

    Raises:
        InvalidInputError: there are none, or nobody says it.
    """
    if contract is None:
        raise InvalidInputError(
            f"--parts is given, and {what} has no contract that would say what its parts are; "
            f"{remedy}"
        )
    if contract.parts is None:
        raise InvalidInputError(
            f"--parts is given, and {what} has no parts by its contract, from {contract.origin}; "
            "leave --parts out"
        )
    return contract.parts
