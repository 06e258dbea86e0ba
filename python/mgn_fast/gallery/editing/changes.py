# SPDX-License-Identifier: Apache-2.0
"""Pictures of a gallery's file removed, named anew and labelled; what was removed erased.

Each call is one edit (Note [gallery edits] in `edits`): whole or not there, whatever ends the
process. Others may have the gallery open: they go on with what it was when they opened it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mgn_fast.errors import InvalidInputError
from mgn_fast.gallery.editing.label_tables import labels_in_table
from mgn_fast.gallery.editing.selection import Selection, require_there
from mgn_fast.gallery.edits import Edit, shown
from mgn_fast.gallery.file import Labels, Pictures, merged
from mgn_fast.gallery.labels import LabelTable, updated
from mgn_fast.gallery.reader import GalleryFile, read_gallery
from mgn_fast.gallery.writer import writing
from mgn_fast.types import PathLike


@dataclass(frozen=True)
class Changed:
    """What a call changed in a gallery's file.

    Attributes:
        num_changed: pictures that were removed, renamed or labelled otherwise.
        num_pictures: in the gallery now.
        waiting_bytes: of removed embeddings and of edits that `compact` would take out of the file.
        missing: what was asked for and is not there, where that was allowed.
        same_bytes: names of pictures that stay, and have the bytes of a removed one.
    """

    num_changed: int
    num_pictures: int
    waiting_bytes: int
    missing: tuple[str, ...] = ()
    same_bytes: tuple[str, ...] = ()


def remove(
    path: PathLike,
    names: Iterable[PathLike] | PathLike = (),
    *,
    match: str | None = None,
    person: Any = None,
    missing_ok: bool = False,
    compact: bool = False,
) -> Changed:
    """Takes pictures out of a gallery: they are not found, listed or exported any more.

    Their embeddings, names, labels and hashes stay in the file until `compact`. Pictures behind
    them have smaller places when the gallery is loaded again. A picture of the same bytes under
    another name stays, with its embedding, and is told. What was made of the gallery before
    (exports, pages, indexes, copies) keeps what it has.

    Args:
        path: the gallery's file.
        names: of pictures, as the gallery has them; all pictures of that name.
        match: a pattern of names, with * and ? as in a shell.
        person: all pictures that are labelled with this person.
        missing_ok: whether something of that may be missing.
        compact: erase them from the file too, at once.

    Returns:
        How many were removed.

    Raises:
        InvalidInputError: nothing is asked for; something of it is missing; the file cannot be
            written, or another process writes to it.
        DatasetError: what is there is no gallery, or a damaged one.
    """
    selection = Selection.of(names, match, person)
    with writing(path) as writer:
        gallery = writer.gallery
        pictures = (
            (number, piece.names[row], piece.label(row).get("person"))
            for number, piece, row in gallery.shown.numbered()
        )
        chosen, missing = selection.chosen(pictures)
        require_there([] if missing_ok else missing, path)
        edit = Edit(frozenset(chosen))
        if compact:
            writer.rewrite(merged(_without(gallery, edit), str))
        elif edit:
            writer.append(edit.to_batch(gallery.description))
        same_bytes = _of_same_bytes(gallery, edit)
    return _changed(path, len(chosen), missing, same_bytes)


def rename(path: PathLike, old: PathLike, new: PathLike, *, prefix: bool = False) -> Changed:
    """Gives pictures new names; their files are looked for under these.

    Args:
        path: the gallery's file.
        old: the name that pictures have.
        new: the name that they get.
        prefix: `old` and `new` are how names begin: all pictures of a directory that moved are
            renamed by "old/" and "new/".

    Returns:
        How many were renamed.

    Raises:
        InvalidInputError: no picture is so named, another one has the new name already, or the file
            cannot be written.
        DatasetError: what is there is no gallery, or a damaged one.
    """
    begin, other = os.fspath(old), os.fspath(new)
    with writing(path) as writer:
        gallery = writer.gallery
        renamed: dict[int, tuple[str, str]] = {}
        kept: set[str] = set()
        for number, piece, row in gallery.shown.numbered():
            name = piece.names[row]
            if name.startswith(begin) if prefix else name == begin:
                renamed[number] = (other + name[len(begin) :], piece.folder)
            else:
                kept.add(name)
        _require_free(renamed, kept, path)
        require_there([] if renamed else [f"{begin!r}{' as a beginning' * prefix}"], path)
        if begin != other:
            writer.append(Edit(renamed=renamed).to_batch(gallery.description))
    return _changed(path, len(renamed))


def label(path: PathLike, labels: Any, *, missing_ok: bool = False) -> Changed:
    """Sets labels of pictures; keys that are not named stay as they are.

    Args:
        path: the gallery's file.
        labels: a dict for each picture, by its name in the gallery or its file's path: "person" and
            "camera" are words or whole numbers, other keys have any JSON values, and None takes a
            key away. Or a table of such labels: a file or DataFrame with the column `name` or
            `path`; see `label_tables.labels_in_table`.
        missing_ok: whether pictures may be named that are not in the gallery.

    Returns:
        How many pictures have other labels now.

    Raises:
        InvalidInputError: a picture that is not there, labels that cannot be kept, or the file
            cannot be written.
        DatasetError: what is there is no gallery, or a damaged one; or the table cannot be read.
    """
    with writing(path) as writer:
        gallery = writer.gallery
        if not isinstance(labels, Mapping):
            names = {name for piece in gallery.shown.pieces for name in piece.names}
            labels = labels_in_table(labels, names)
        table = LabelTable(labels)
        labelled: dict[int, Labels] = {}
        met: set[str] = set()
        beside = gallery.path.parent
        for number, piece, row in gallery.shown.numbered():
            name = piece.names[row]
            key = table.key_of(name, beside / piece.folder / name)
            if key is not None:
                met.add(key)
                old = piece.label(row)
                changed = updated(old, table.of(key))
                if changed != old:
                    labelled[number] = changed
        missing = list(map(repr, table.unused(met)))
        require_there([] if missing_ok else missing, path)
        if labelled:
            writer.append(Edit(labelled=labelled).to_batch(gallery.description))
    return _changed(path, len(labelled), missing)


def compact(path: PathLike) -> Changed:
    """Writes a gallery's file anew without anything that was removed or replaced by edits.

    The new file takes the old one's name when it is whole. Who has the old one open goes on with
    that, and until the last of them ends the old bytes are on the disk, under no name.

    Args:
        path: the gallery's file.

    Returns:
        What is left.

    Raises:
        InvalidInputError: the file cannot be written, or another process writes to it.
        DatasetError: what is there is no gallery, or a damaged one.
    """
    with writing(path) as writer:
        writer.rewrite(merged(writer.gallery.shown.pieces, str))
    return _changed(path, 0)


def _without(gallery: GalleryFile, edit: Edit) -> Iterator[Pictures]:
    """The pictures that a gallery would show after one more edit."""
    batches = [*gallery.batches, edit.to_batch(gallery.description)]
    yield from shown(batches).pieces


def _of_same_bytes(gallery: GalleryFile, edit: Edit) -> list[str]:
    """Names of pictures that stay, of which an edit removes one with the same bytes."""
    gone = {
        piece.sha256[row]
        for number, piece, row in gallery.shown.numbered()
        if number in edit.removed
    }
    return [
        piece.names[row]
        for number, piece, row in gallery.shown.numbered()
        if piece.sha256[row] in gone and number not in edit.removed
    ]


def _require_free(renamed: dict[int, tuple[str, str]], kept: set[str], path: PathLike) -> None:
    """Raises if a new name is empty, or another picture's."""
    for name, _ in renamed.values():
        if not name:
            raise InvalidInputError("a new name is '', expected at least one letter")
        if name in kept:
            raise InvalidInputError(
                f"gallery {os.fspath(path)!r} has another picture of the name {name!r}; expected "
                "names that are free, and nothing was changed"
            )


def _changed(
    path: PathLike, num_changed: int, missing: Sequence[str] = (), same_bytes: Sequence[str] = ()
) -> Changed:
    now = read_gallery(path, verify=False)
    num_pictures = sum(len(piece.rows) for piece in now.shown.pieces)
    return Changed(num_changed, num_pictures, now.waiting_bytes, tuple(missing), tuple(same_bytes))
