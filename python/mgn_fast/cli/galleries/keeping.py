# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast evaluate --keep NAME.gallery`: embeds into a gallery, and reads a dataset's rows there.

What is embedded stays, whatever ends the run; a picture is known by its bytes, so the next run, of
this or another table of the same pictures, embeds what is missing alone.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from mgn_fast.cli.galleries.contract_in_use import embedded_into
from mgn_fast.common.checks import output_name
from mgn_fast.common.threads import thread_count
from mgn_fast.datasets.dataset import Dataset
from mgn_fast.datasets.split import Split
from mgn_fast.errors import DatasetError, InvalidInputError
from mgn_fast.gallery.gallery import Gallery
from mgn_fast.gallery.held import file_of, read_and_hash, read_of
from mgn_fast.gallery.search import gathered
from mgn_fast.gallery.writer import SUFFIX
from mgn_fast.pictures.crops import order_by_frame
from mgn_fast.pictures.sources import Listed
from mgn_fast.types import Crop, F32Array


def kept_rows(
    arguments: argparse.Namespace, dataset: Dataset
) -> tuple[F32Array, F32Array, Gallery]:
    """The dataset's rows out of the gallery that --keep names, after what it lacks was embedded.

    Args:
        arguments: the parsed command line; without `model` nothing is embedded.
        dataset: the pictures.

    Returns:
        Rows of queries and gallery, one array where both are the same, and the gallery.

    Raises:
        InvalidInputError: the name does not end in .gallery, or there is neither file nor model.
        DatasetError: pictures are not in the gallery, and no model is given.
        MgnError: as `Gallery.add`.
    """
    path = output_name(arguments.keep, SUFFIX, exact=True)
    if arguments.model is not None:
        _add(arguments, path, dataset)
    elif not os.path.lexists(path):
        raise InvalidInputError(
            f"--keep is {str(path)!r}, which is not there; give --model to embed the pictures"
        )
    gallery = Gallery.load(path, verify=arguments.model is None)
    query = _rows_of(gallery, dataset.query)
    if dataset.gallery is dataset.query:
        return query, query, gallery
    return query, _rows_of(gallery, dataset.gallery), gallery


def _add(arguments: argparse.Namespace, path: Path, dataset: Dataset) -> None:
    pictures = {str(source): source for split in dataset.splits for source in split.sources}
    sources = list(pictures.values())
    ordered = [sources[place] for place in order_by_frame(sources)]
    listed = Listed(Path.cwd(), [(str(source), source) for source in ordered])
    labels = {
        str(source): split.identities.label(place)
        for split in dataset.splits
        for place, source in enumerate(split.sources)
    }
    embedded_into(arguments, path, listed, labels)


def _rows_of(gallery: Gallery, split: Split) -> F32Array:
    """By the pictures' bytes as they are now: a file that changed has another row, or none yet."""
    with ThreadPoolExecutor(thread_count(None), "mgn_fast-read") as pool:
        digests = list(pool.map(_digest, split.sources))
    places = gallery.places_of(set(digests))
    missing = [
        name for name, digest in zip(split.names, digests, strict=True) if digest not in places
    ]
    if missing:
        raise DatasetError(
            f"gallery {str(gallery.path)!r} lacks {len(missing)} of {len(split)} pictures, the "
            f"first {missing[0]!r}; give --model to embed them"
        )
    return gathered(gallery.segments, np.array([places[digest][0] for digest in digests]))


def _digest(source: Path | Crop) -> str:
    return read_of(str(source), source, *read_and_hash(file_of(source))).sha256
