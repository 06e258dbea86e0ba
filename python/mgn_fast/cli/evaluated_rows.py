# SPDX-License-Identifier: Apache-2.0
"""The embeddings that `mgn-fast evaluate` compares, by a model or from files."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from mgn_fast.cli.evaluation import embed_both
from mgn_fast.cli.galleries.contract_in_use import required_parts, say_differences, used_contract
from mgn_fast.cli.options import session_options, simulated_note
from mgn_fast.cli.protocol_options import protocols_of, rankings_of
from mgn_fast.cli.screen.progress import say
from mgn_fast.cli.split_rows import rows_of_split
from mgn_fast.common.memory import available_bytes, in_words
from mgn_fast.datasets.dataset import Dataset
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.embedding.embeddings_file import Embeddings
from mgn_fast.embedding.foreign import read_rows
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.memory_plan import require_room
from mgn_fast.evaluation.size import work_of
from mgn_fast.gallery.gallery import Gallery
from mgn_fast.gallery.search import all_rows
from mgn_fast.gallery.writer import SUFFIX
from mgn_fast.models.contract import Contract
from mgn_fast.types import AnyArray


@dataclass(frozen=True, eq=False)
class Rows:
    """Embeddings of a dataset.

    Attributes:
        query, gallery: rows in the order of the pictures; one array where both are the same.
        contract: that they were made by; None where nobody says it.
        notes: what a reader of the figures must know of them.
    """

    query: AnyArray
    gallery: AnyArray
    contract: Contract | None
    notes: tuple[str, ...] = ()


def embeddings_of(arguments: argparse.Namespace, dataset: Dataset) -> Rows:
    """The dataset's embeddings, from where the options say.

    Args:
        arguments: the parsed command line of `evaluate`.
        dataset: the pictures.

    Returns:
        Rows in the order of the dataset's pictures.

    Raises:
        MgnError: files that cannot be read, or that lack pictures; as `Embedder`.
    """
    if arguments.model is not None:
        return _from_model(arguments, dataset)
    paths = arguments.query, arguments.gallery
    read = [rows_in(path) for path in paths]
    contracts = dict(zip(paths, (each.contract for each in read), strict=True))
    say_differences(
        read[0].contract,
        read[1].contract,
        names=(str(paths[0]), str(paths[1])),
        remark="embeddings of unlike contracts do not compare",
    )
    if arguments.parts:
        _require_same_parts(contracts)
    query, notes = rows_of_split(read[0], paths[0], dataset.query, "query")
    gallery, more = rows_of_split(read[1], paths[1], dataset.gallery, "gallery")
    say_memory(arguments, dataset, gallery.shape[1], embedded=True)
    simulated = simulated_note(any(each.simulated for each in read))
    said = tuple(dict.fromkeys([*notes, *more, *simulated]))
    return Rows(query, gallery, read[1].contract or read[0].contract, said)


def _from_model(arguments: argparse.Namespace, dataset: Dataset) -> Rows:
    with Embedder(arguments.model, **session_options(arguments)) as embedder:
        contract = used_contract(embedder)
        if arguments.parts:
            remedy = "state it with --contract"
            required_parts(contract, f"model {str(arguments.model)!r}", remedy=remedy)
        say_memory(arguments, dataset, embedder.session.embedding_width, embedded=False)
        notes = simulated_note(embedder.session.simulated)
        return Rows(*embed_both(embedder, dataset), contract, notes)


def rows_in(path: Path) -> Embeddings:
    """The rows of an embeddings file or of a gallery, with their names where they are told.

    Args:
        path: what `read_rows` reads, or a .gallery.

    Returns:
        The embeddings.

    Raises:
        InvalidInputError, DatasetError: it cannot be read.
    """
    if path.suffix != SUFFIX:
        return read_rows(path)
    gallery = Gallery.load(path)
    names = tuple(str(gallery.picture_path(place).absolute()) for place in range(len(gallery)))
    return Embeddings(all_rows(gallery.segments), names, gallery.contract, bool(gallery.simulated))


def say_memory(
    arguments: argparse.Namespace, dataset: Dataset, width: int, *, embedded: bool
) -> None:
    """Says what the run will take; one that cannot fit ends here, before hours of embedding.

    Args:
        arguments: the parsed command line of `evaluate`.
        dataset: the pictures.
        width: of an embedding.
        embedded: whether the embeddings are in memory already.

    Raises:
        InvalidInputError: it cannot fit.
    """
    shape = len(dataset.query), len(dataset.gallery), width
    rows = 4 * (shape[0] + shape[1]) * width
    needed = 0
    for name, settings in rankings_of(arguments).items():
        work = work_of(shape, list(protocols_of(arguments).values()), settings)
        work = replace(work, besides=0 if embedded else rows)
        needed = max(needed, require_room(f"{name} evaluation", work))
    left = available_bytes()
    there = "what is available is not known" if left is None else f"{in_words(left)} available"
    kind = "beyond the embeddings" if embedded else "with the embeddings"
    say(f"memory: about {in_words(needed)} {kind} of {in_words(rows)}; {there}")


def _require_same_parts(contracts: dict[Path, Contract | None]) -> None:
    remedy = "embed the pictures with `mgn-fast embed`, or give --model"
    parts = {
        path: required_parts(contract, repr(str(path)), remedy=remedy)
        for path, contract in contracts.items()
    }
    if len(set(parts.values())) > 1:
        said = [f"{str(path)!r} has {[name for name, _ in named]}" for path, named in parts.items()]
        raise InvalidInputError(
            f"--parts is given, and {' and '.join(said)}; expected the same parts in both"
        )
