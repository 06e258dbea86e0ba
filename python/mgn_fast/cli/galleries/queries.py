# SPDX-License-Identifier: Apache-2.0
"""What `mgn-fast search` seeks: its words read, embedded, and put together where they are one."""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mgn_fast.cli.galleries.contract_in_use import (
    options_for,
    say_differences,
    say_unlike_gallery,
)
from mgn_fast.cli.galleries.found import Known, Queries, QueryPicture
from mgn_fast.cli.screen.progress import say, track
from mgn_fast.common.files import is_directory, is_regular_file
from mgn_fast.datasets.label_file import read_labels
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.embedding.embeddings_file import read_embeddings
from mgn_fast.errors import DecodeError, InvalidInputError
from mgn_fast.gallery.finding.combining import mean_embedding
from mgn_fast.gallery.gallery import Gallery
from mgn_fast.pictures.pixels import read_file
from mgn_fast.pictures.sources import all_pictures
from mgn_fast.types import AnyArray


@dataclass(frozen=True, eq=False)
class _Single:
    """One row, and the word of the command line that it came by; None for a picture's own name."""

    picture: QueryPicture
    row: AnyArray
    source: Path | None
    simulated: bool


def queries_of(arguments: argparse.Namespace, gallery: Gallery) -> Queries:
    """What is sought: embeddings as they are, and pictures, embedded by the gallery's model.

    With --together the rows of one file, the pictures of one directory and all pictures that are
    named themselves are one query each; with --labels too, those of each person are.

    Args:
        arguments: the parsed command line.
        gallery: that is searched; of several any, as they are of one model.

    Returns:
        At least one query; files of embeddings first, then pictures, in the order given.

    Raises:
        MgnError: a word cannot be read, embedded or compared with the gallery.
    """
    files = [path for path in arguments.queries if path.suffix == ".npy"]
    given = [path for path in arguments.queries if path.suffix != ".npy"]
    labels = {} if arguments.labels is None else _labels_by_path(arguments.labels)
    singles = [single for file in files for single in _read(file, gallery)]
    if given:
        singles += _embedded(arguments, gallery, given, labels)
    if labels and not any(single.picture.known for single in singles):
        say(
            f"warning: {arguments.labels} lists none of the queries; labels are known by their path"
        )
    if arguments.together:
        return _together(singles, arguments.labels)
    rows = np.stack([single.row for single in singles])
    pictures = [single.picture for single in singles]
    names = [picture.name for picture in pictures]
    return Queries(names, rows, [(one,) for one in pictures], _simulated(singles))


def _read(file: Path, gallery: Gallery) -> Iterator[_Single]:
    read = read_embeddings(file)
    if read.rows.shape[1] != gallery.width:
        raise InvalidInputError(
            f"{str(file)!r} is {read.rows.shape[1]} wide and the gallery {gallery.width}; "
            "embeddings of different models cannot be compared"
        )
    say_differences(
        read.contract,
        gallery.contract,
        names=(str(file), str(gallery.path)),
        remark="embeddings of unlike contracts do not compare",
    )
    names = read.names or [f"{file}#{row}" for row in range(len(read.rows))]
    for name, row in zip(names, read.rows, strict=True):
        yield _Single(QueryPicture(name), np.asarray(row, np.float32), file, read.simulated)


def _embedded(
    arguments: argparse.Namespace, gallery: Gallery, given: list[Path], labels: Mapping[str, Known]
) -> list[_Single]:
    sources = {
        os.fspath(path): word if is_directory(word) else None
        for word in given
        for path in all_pictures([word])
    }
    arguments.model = _model_of(arguments, gallery)
    options = options_for(arguments, gallery)
    # A gallery without mirrored pictures is searched without them; the other way is refused.
    if "mirror" not in options and (arguments.contract is None or not _mirrored(gallery)):
        options["mirror"] = gallery.description["mirror"]
    with Embedder(arguments.model, **options) as embedder:
        gallery.searched_with(embedder)  # refuses another model before pictures are embedded
        say_unlike_gallery(gallery, embedder)
        rows = dict(track(embedder.stream(map(Path, sources)), "embedding", len(sources)))
        simulated = embedder.session.simulated
        for _, reason in embedder.skipped:
            say(f"skipped: {reason}")
    if not rows:
        raise DecodeError(f"none of {len(sources)} queries can be decoded")
    return [
        _Single(_picture(name, labels), row, sources[name], simulated) for name, row in rows.items()
    ]


def _picture(name: str, labels: Mapping[str, Known]) -> QueryPicture:
    path = Path(name)
    sha256 = hashlib.sha256(read_file(path)).hexdigest()
    return QueryPicture(name, path, sha256, labels.get(os.path.realpath(path), {}))


def _labels_by_path(file: Path) -> dict[str, Known]:
    """Who is on the pictures that a file of labels lists, by their real path."""
    listed = read_labels(file)
    if listed.boxes is not None:
        raise InvalidInputError(
            f"--labels {str(file)!r} has boxes, parts of pictures, and queries are whole ones; "
            "expected path, person and, where it is known, camera"
        )
    return {
        os.path.realpath(path): listed.identities.label(row)
        for row, path in enumerate(listed.paths)
    }


def _together(singles: list[_Single], labels: Path | None) -> Queries:
    groups: dict[str, list[_Single]] = {}
    for single in singles:
        groups.setdefault(_key(single, labels), []).append(single)
    names = [key or _called(group) for key, group in groups.items()]
    rows = np.stack(
        [mean_embedding(np.stack([one.row for one in group])) for group in groups.values()]
    )
    pictures = [tuple(one.picture for one in group) for group in groups.values()]
    return Queries(names, rows, pictures, _simulated(singles))


def _simulated(singles: list[_Single]) -> bool:
    return any(single.simulated for single in singles)


def _key(single: _Single, labels: Path | None) -> str:
    """What pictures of one query have in common: the person, or the word they came by."""
    if labels is None:
        return "" if single.source is None else os.fspath(single.source)
    person = single.picture.known.get("person")
    if person is None:
        raise InvalidInputError(
            f"--together and --labels make one query of each person, and {str(labels)!r} does not "
            f"list {single.picture.name!r}; list it, or leave it out"
        )
    return f"person {person}"


def _called(group: list[_Single]) -> str:
    first = group[0].picture.name
    return first if len(group) == 1 else f"{first} and {len(group) - 1} more"


def _mirrored(gallery: Gallery) -> bool:
    return gallery.description["mirror"] is not False


def _model_of(arguments: argparse.Namespace, gallery: Gallery) -> Path:
    if arguments.model is not None:
        model: Path = arguments.model
        return model
    stored = gallery.model_path
    if stored is None:
        raise InvalidInputError(
            f"gallery {str(gallery.path)!r} does not say which model made it; give the queries as "
            "embeddings in .npy files"
        )
    if not is_regular_file(stored):
        raise InvalidInputError(
            f"{str(stored)!r}, which made gallery {str(gallery.path)!r}, is not there; "
            f"give --model with the path of {gallery.model}"
        )
    return stored
