# SPDX-License-Identifier: Apache-2.0
"""Several galleries of one model as one."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mgn_fast.common.checks import output_name
from mgn_fast.errors import InvalidInputError
from mgn_fast.gallery.edits import Edit, shown
from mgn_fast.gallery.file import Batch, Labels, Pictures, merged
from mgn_fast.gallery.model import require_comparable
from mgn_fast.gallery.reader import GalleryFile, read_gallery
from mgn_fast.gallery.writer import SUFFIX, write_gallery
from mgn_fast.types import PathLike

_SHOWN = 5  # of clashing names in a message


def merge(paths: Sequence[PathLike], output: PathLike, *, prefix: bool = False) -> int:
    """Writes the pictures of several galleries as one, in the order given.

    A picture that several have under one name, with the same bytes, is there once, with the labels
    of all. The output appears whole or not at all, and replaces an older gallery of its name.

    Args:
        paths: at least two galleries whose embeddings can be compared: of one model, prepared
            alike, of one dtype.
        output: ends in .gallery; none of them.
        prefix: put the gallery's file name, without its ending, and a / before each name, so that
            none can clash; files are then found only if they lie in directories of these names.

    Returns:
        Number of pictures in the output.

    Raises:
        ModelError: embeddings that cannot be compared.
        InvalidInputError: fewer than two galleries, or one twice; a name that has other bytes, or
            labels, in another gallery; or the output cannot be written.
        DatasetError: a file is no gallery, or a damaged one.
    """
    output_name(output, SUFFIX, exact=True)
    files = [read_gallery(path) for path in paths]
    if len(files) < 2:
        raise InvalidInputError(f"{len(files)} galleries are given, expected at least two")
    if len({os.path.realpath(path) for path in paths}) < len(files):
        raise InvalidInputError("a gallery is given twice, expected each once")
    if os.path.lexists(output) and any(Path(output).samefile(file.path) for file in files):
        raise InvalidInputError(
            f"output {os.fspath(output)!r} is one of the galleries to merge; expected another name"
        )
    if prefix and len({file.path.stem for file in files}) < len(files):
        raise InvalidInputError(
            "two of the galleries have files of one name, which would be the prefix of both; "
            "rename one of the files"
        )
    for file in files[1:]:
        require_comparable(files[0], file, alike=("width", "dtype", "mirror"))
    pieces = _once(files, prefix=prefix)
    beside = Path(output).absolute().parent

    description = dict(files[0].description)
    description["simulated"] = any(file.description.get("simulated") is True for file in files)
    if description.get("model_path"):
        description["model_path"] = _moved(files[0], str(description["model_path"]), beside)
    write_gallery(output, description, files[0].probe, _batches(files, pieces, beside))
    return sum(len(piece.rows) for own in pieces for piece in own)


def _batches(
    files: Sequence[GalleryFile], pieces: Sequence[tuple[Pictures, ...]], beside: Path
) -> Iterator[Batch]:
    """The output's batches, with folders relative to it."""
    for file, own in zip(files, pieces, strict=True):
        yield from merged(own, functools.partial(_moved, file, beside=beside))


def _moved(file: GalleryFile, stored: str, beside: Path) -> str:
    """A path relative to another directory than the gallery's."""
    return os.path.relpath(file.path.absolute().parent / stored, beside)


def _once(files: Sequence[GalleryFile], *, prefix: bool) -> list[tuple[Pictures, ...]]:
    """What each gallery adds to those before it, under its new names and with all labels.

    Each is edited in memory, as it would be in its file.
    """
    met: dict[str, tuple[set[str], int, int]] = {}  # a name's hashes, its gallery and row there
    labels: list[dict[int, Labels]] = [{} for _ in files]
    removed: list[set[int]] = [set() for _ in files]
    renamed: list[dict[int, tuple[str, str]]] = [{} for _ in files]
    clashes: list[str] = []
    for number, file in enumerate(files):
        for row, piece, at in file.shown.numbered():
            name, digest = piece.names[at], piece.sha256[at]
            if prefix:
                name = f"{file.path.stem}/{name}"
                renamed[number][row] = (name, piece.folder)
            hashes, where, first_row = met.setdefault(name, (set(), number, row))
            label = piece.label(at)
            if where == number:  # a picture that changed may be there under its name several times
                hashes.add(digest)
                if label:
                    labels[number][row] = label
            elif digest not in hashes:
                clashes.append(f"{name!r} has other bytes in {str(file.path)!r}")
            else:
                removed[number].add(row)
                before = labels[where].get(first_row, {})
                clashes += _clashes(name, before, label, file)
                labels[where][first_row] = label | before
    if clashes:
        more = f" and {len(clashes) - _SHOWN:,} more" if len(clashes) > _SHOWN else ""
        raise InvalidInputError(
            f"{'; '.join(clashes[:_SHOWN])}{more}; expected names that stand for one picture: "
            "rename them, or put the galleries' names before them with prefix (--prefix)"
        )
    return [
        _edited(file, Edit(frozenset(removed[n]), renamed[n], labels[n]))
        for n, file in enumerate(files)
    ]


def _clashes(name: str, ours: Labels, theirs: Labels, file: GalleryFile) -> list[str]:
    """Labels of one picture that say different things, in words."""
    return [
        f"{name!r} has {key} {_json(theirs[key])} in {str(file.path)!r}, and {_json(ours[key])} "
        "before"
        for key in ours.keys() & theirs.keys()
        if ours[key] != theirs[key]
    ]


def _json(value: Any) -> str:
    return json.dumps(value)


def _edited(file: GalleryFile, edit: Edit) -> tuple[Pictures, ...]:
    return shown([*file.batches, edit.to_batch(file.description)]).pieces
