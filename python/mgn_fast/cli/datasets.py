# SPDX-License-Identifier: Apache-2.0
"""The labelled pictures that a command is given: their options, loaded, and what labels alone tell.

All of it is said before a model is opened or a row is read.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from mgn_fast.cli.evaluation import load_and_tell
from mgn_fast.cli.options import path_argument
from mgn_fast.cli.screen.progress import say
from mgn_fast.common.files import is_regular_file
from mgn_fast.datasets.dataset import Dataset, Kind
from mgn_fast.datasets.tables import SUFFIXES
from mgn_fast.errors import DatasetError, InvalidInputError
from mgn_fast.evaluation.protocol import require_matches, unmatched
from mgn_fast.evaluation.sides import SameCamera, SamePicture, sides_of


def add_dataset_options(parser: argparse.ArgumentParser) -> None:
    """DATASET, --labels, --kind and --camera-pattern.

    Args:
        parser: gets the options.
    """
    parser.add_argument("dataset", nargs="?", type=path_argument, help="the dataset's directory")
    group = parser.add_argument_group("who is on the pictures")
    group.add_argument(
        "--labels",
        type=path_argument,
        metavar="FILE",
        help="a table in the dataset's place: .csv, .tsv, .json, .jsonl or .parquet with the "
        "columns path, person and maybe camera, split (query or gallery) and a box x, y, w, h",
    )
    group.add_argument(
        "--kind",
        choices=get_args(Kind),
        help="of dataset; own: Market-1501's names with any number of digits; folders: a directory "
        "per person (market1501)",
    )
    group.add_argument(
        "--camera-pattern",
        metavar="REGEX",
        help=r"finds the camera in a picture's path, for --kind folders: '_c(\d+)_'",
    )


def has_dataset(arguments: argparse.Namespace) -> bool:
    """Whether the options name labelled pictures."""
    return arguments.dataset is not None or arguments.labels is not None


def given_dataset(arguments: argparse.Namespace, *, strict: bool) -> Dataset:
    """The labelled pictures that the options name; says what is strange about them.

    Args:
        arguments: with what `add_dataset_options` added.
        strict: counts that differ from the published ones are an error.

    Returns:
        The dataset.

    Raises:
        InvalidInputError: a dataset and labels, or options that do not go with them.
        DatasetError: as `load_and_tell`.
    """
    table = arguments.labels
    if table is not None and arguments.dataset is not None:
        raise InvalidInputError(
            f"DATASET is {str(arguments.dataset)!r} and --labels {str(table)!r}, expected one of "
            "them: paths in a table are relative to its place"
        )
    if table is None and arguments.dataset.suffix.lower() in SUFFIXES:
        table = arguments.dataset
    if table is not None and arguments.kind not in (None, "csv"):
        raise InvalidInputError(
            f"--kind is {arguments.kind!r} for the table {str(table)!r}, expected no --kind"
        )
    root: Path = arguments.dataset if table is None else table
    kind: Kind = "csv" if table is not None else arguments.kind or "market1501"
    if arguments.camera_pattern is not None and kind != "folders":
        raise InvalidInputError(
            f"--camera-pattern is {arguments.camera_pattern!r} and --kind {kind!r}, expected "
            "--kind folders"
        )
    return load_and_tell(root, kind, strict=strict, camera=arguments.camera_pattern)


def say_what_labels_tell(
    dataset: Dataset, same_camera: SameCamera, same_picture: SamePicture
) -> None:
    """Says which queries can have no match; an error, before any work, if none can.

    Args:
        dataset: the labelled pictures.
        same_camera: the rule.
        same_picture: the rule.

    Raises:
        DatasetError: no query can have a match.
        InvalidInputError: rules that the labels cannot follow.
    """
    query, gallery = dataset.query.identities, dataset.gallery.identities
    sides = sides_of(query, gallery, same_camera, same_picture=same_picture)
    try:
        require_matches(sides)
    except InvalidInputError as error:
        raise DatasetError(str(error).replace("same_camera=", "--same-camera ")) from error
    absent, removed = unmatched(sides)
    if absent:
        say(f"note: {absent} queries show a person who is not in the gallery")
    if removed and sides.same_camera == "keep":
        say(f"note: {removed} queries are the only picture of their person")
    elif removed:
        say(
            f"note: of {removed} queries every gallery picture of the person is by their own "
            f"camera, which --same-camera {same_camera} removes"
        )


def require_files(dataset: Dataset) -> None:
    """Raises DatasetError where pictures are not there: said before any is embedded."""
    paths = dict.fromkeys(path for split in dataset.splits for path in split.paths)
    missing = [path for path in paths if not is_regular_file(path)]
    if missing:
        names = ", ".join(repr(str(path)) for path in missing[:3])
        raise DatasetError(
            f"{len(missing)} of {len(paths)} files of {str(dataset.root)!r} are not there: "
            f"{names}{', ...' if missing[3:] else ''}; paths in a table are relative to its place"
        )
