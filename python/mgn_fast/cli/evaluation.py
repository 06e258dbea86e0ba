# SPDX-License-Identifier: Apache-2.0
"""What commands that evaluate share: the dataset, embeddings of a split, reports as a table."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from mgn_fast.cli.screen.progress import say, track
from mgn_fast.common.checks import output_name
from mgn_fast.common.files import is_directory, replacing
from mgn_fast.datasets.dataset import Dataset, Kind, Split, count_problems, load_dataset
from mgn_fast.datasets.layouts import LAYOUTS, find_root
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.embedding.embeddings_file import Embeddings, read_embeddings
from mgn_fast.errors import DatasetError
from mgn_fast.evaluation.report import Report, table_of
from mgn_fast.types import F32Array


def json_output(path: Path | None) -> AbstractContextManager[Path | None]:
    """A file for --output, which gets its name when the block ends well; None where none is asked.

    Args:
        path: that --output gave.

    Returns:
        A context that gives a temporary path, or None.

    Raises:
        InvalidInputError: the name does not end in .json; on entering, the place is not writable.
    """
    if path is None:
        return contextlib.nullcontext()
    return replacing(output_name(path, ".json", exact=True))


def load_and_tell(root: Path, kind: Kind, *, strict: bool = False) -> Dataset:
    """Loads a dataset and says what is strange about it.

    Args:
        root: its directory.
        kind: of dataset.
        strict: counts that differ from the published ones are an error.

    Returns:
        The dataset.

    Raises:
        DatasetError: it cannot be loaded, or is not the published one while that is wanted.
    """
    dataset = load_dataset(root, kind)
    for note in dataset.notes:
        say(f"note: {note}")
    problems = count_problems(dataset)
    for problem in problems:
        say(f"warning: {problem}")
    if problems and strict:
        raise DatasetError(
            f"{str(dataset.root)!r} is not the published {dataset.kind}: {'; '.join(problems)}"
        )
    return dataset


def looks_like_market1501(path: Path) -> bool:
    """True for a directory that is laid out as Market-1501, or as half of it."""
    if not is_directory(path):
        return False
    try:
        find_root(path, LAYOUTS["market1501"])
    except DatasetError:
        # One half of a dataset is no set of pictures: what is wrong with it has to be said.
        return any(is_directory(path / name) for name in ("query", "bounding_box_test"))
    return True


def embed_split(embedder: Embedder, split: Split, what: str) -> F32Array:
    """Embeddings of a split's pictures, row by row; a picture that cannot be decoded is an error.

    Args:
        embedder: with `on_error="raise"`.
        split: the pictures.
        what: the split's name, for the progress line.

    Returns:
        float32 [N, D].
    """
    rows = np.empty((len(split), embedder.session.embedding_width), np.float32)
    pictures = track(embedder.stream(split.paths), f"embedding {what}", len(split))
    for place, (_, row) in enumerate(pictures):
        rows[place] = row
    return rows


def embeddings_of_split(path: Path, split: Split, what: str) -> Embeddings:
    """The split's rows of an embeddings file: by name where it has names, else one for one.

    Args:
        path: the .npy file.
        split: the pictures.
        what: the split's name, for what is said.

    Returns:
        A row for each picture, with the contract that the file's description says.

    Raises:
        DatasetError: the file lacks pictures, or it cannot be told which row is whose.
    """
    embeddings = read_embeddings(path)
    if embeddings.names is None:
        if len(embeddings.rows) != len(split):
            raise DatasetError(
                f"{str(path)!r} has {len(embeddings.rows)} rows and no names, expected one for "
                f"each of the {len(split)} {what} pictures in order of name"
            )
        say(f"note: {path} has no names; its rows are taken in order of the {what} pictures' names")
        return embeddings
    position = {Path(name).name: row for row, name in enumerate(embeddings.names)}
    if len(position) != len(embeddings.names):
        raise DatasetError(f"{str(path)!r} has rows of the same file name in different directories")
    missing = [entry.name for entry in split.paths if entry.name not in position]
    if missing:
        raise DatasetError(
            f"{str(path)!r} lacks {len(missing)} of {len(split)} {what} pictures, the first "
            f"{missing[0]!r}"
        )
    rows = embeddings.rows[[position[entry.name] for entry in split.paths]]
    return Embeddings(rows, tuple(entry.name for entry in split.paths), embeddings.contract)


def print_reports(reports: Mapping[str, Report]) -> None:
    """Prints one line per report to stdout, four decimals as the recipe does, and their notes.

    Args:
        reports: by the name of their line.
    """
    print(table_of(reports))
