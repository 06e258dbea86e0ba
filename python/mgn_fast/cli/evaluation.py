# SPDX-License-Identifier: Apache-2.0
"""What commands that evaluate share: the dataset, embeddings of a split, reports as a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mgn_fast.cli.screen.progress import say, track
from mgn_fast.common.files import is_directory
from mgn_fast.datasets.dataset import Dataset, Kind, count_problems, load_dataset
from mgn_fast.datasets.layouts import LAYOUTS, find_root
from mgn_fast.datasets.split import Split
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.errors import DatasetError
from mgn_fast.evaluation.report import Report, table_of
from mgn_fast.pictures.crops import order_by_frame
from mgn_fast.types import F32Array


def load_and_tell(
    root: Path, kind: Kind, *, strict: bool = False, camera: str | None = None
) -> Dataset:
    """Loads a dataset and says what is strange about it.

    Args:
        root: its directory.
        kind: of dataset.
        strict: counts that differ from the published ones are an error.
        camera: as for `load_dataset`.

    Returns:
        The dataset.

    Raises:
        DatasetError: it cannot be loaded, or is not the published one while that is wanted.
    """
    dataset = load_dataset(root, kind, camera=camera)
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
        split: the pictures. Crops are embedded frame by frame, each decoded once.
        what: the split's name, for the progress line.

    Returns:
        float32 [N, D], in the split's order.
    """
    rows = np.empty((len(split), embedder.session.embedding_width), np.float32)
    sources = split.sources
    order = order_by_frame(sources)
    embedded = embedder.stream([sources[place] for place in order])
    pictures = track(embedded, f"embedding {what}", len(split))
    for place, (_, row) in zip(order, pictures, strict=True):
        rows[place] = row
    return rows


def embed_both(embedder: Embedder, dataset: Dataset) -> tuple[F32Array, F32Array]:
    """Embeddings of queries and gallery, as `embed_split`; one array where both are the same."""
    query = embed_split(embedder, dataset.query, "query")
    if dataset.gallery is dataset.query:
        return query, query
    return query, embed_split(embedder, dataset.gallery, "gallery")


def print_reports(reports: Mapping[str, Report]) -> None:
    """Prints one line per report to stdout, four decimals as the recipe does, and their notes.

    Args:
        reports: by the name of their line.
    """
    print(table_of(reports))
