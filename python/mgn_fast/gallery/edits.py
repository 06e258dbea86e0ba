# SPDX-License-Identifier: Apache-2.0
"""Changes of pictures that a gallery's file holds already, and what it shows after them.

Owns what an edit says. Knows neither files nor names of files.

Note [gallery edits]. An edit is a batch without rows whose text has the key "edit":
  removed   numbers of rows; they are shown no more
  renamed   by row, its picture's new name and the folder that this one is relative to
  labelled  by row, all labels that its picture has from now on
Rows are numbered through the file, those of removed pictures too, so that a number stays true for
ever. Being a batch, an edit is committed and checked as one (Note [gallery file] in `file`): it is
there whole or not at all. Edits hold in their order. What they hide stays in the file until it is
written anew without it, which is what `editing.compact` does.
Pictures are shown in the order of their rows and numbered without holes; these numbers are the
places of `Gallery`. Rows are never copied: an edited batch is shown as views between the holes.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from mgn_fast.errors import DatasetError
from mgn_fast.gallery.file import Batch, Labels, Pictures, require_labels
from mgn_fast.types import AnyArray


@dataclass(frozen=True)
class Edit:
    """Changes that hold together or not at all.

    Attributes:
        removed: numbers of rows.
        renamed: by row, name and folder.
        labelled: by row, all its labels.
    """

    removed: frozenset[int] = frozenset()
    renamed: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    labelled: Mapping[int, Labels] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.removed or self.renamed or self.labelled)

    def to_batch(self, description: Mapping[str, Any]) -> Batch:
        """The edit as a batch of the gallery that is so described."""
        said = {
            "removed": sorted(self.removed),
            "renamed": self.renamed,
            "labelled": self.labelled,
        }
        text = {"names": [], "sha256": [], "folder": "", "edit": said}
        rows = np.empty((0, description["width"]), description["dtype"])
        return Batch(rows, json.dumps(text).encode())

    @classmethod
    def of(cls, batch: Batch, num_rows: int) -> Edit | None:
        """The edit that a batch is.

        Args:
            batch: any.
            num_rows: of the file before it.

        Returns:
            The edit; None for a batch of pictures.

        Raises:
            DatasetError: it says something else than an edit can.
        """
        if len(batch.rows) or "edit" not in batch.described:
            return None
        said = batch.described["edit"]
        try:
            edit = cls(
                frozenset(map(int, said["removed"])),
                {int(row): (name, folder) for row, (name, folder) in said["renamed"].items()},
                {int(row): label for row, label in said["labelled"].items()},
            )
            require_labels(said["labelled"], num_rows)
            if not all(isinstance(word, str) for pair in edit.renamed.values() for word in pair):
                raise ValueError("a name is no text")
            if not all(0 <= row < num_rows for row in edit.removed.union(edit.renamed)):
                raise ValueError(f"rows are numbered from 0 to {num_rows - 1}")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DatasetError(f"an edit in a gallery is not described: {error!r}") from error
        return edit


@dataclass(frozen=True, eq=False)
class Cut:
    """Neighbouring rows of a batch as edits left them; see `Pictures` in `file`.

    Attributes:
        batch: whose rows they are.
        begin: the first one.
        end: behind the last one.
        first_row: the first one's number in the file.
        new_folder: None for the batch's, which is read from its text only when it is asked for.
        edit: all edits as one.
    """

    batch: Batch
    begin: int
    end: int
    first_row: int
    new_folder: str | None
    edit: Edit

    @property
    def folder(self) -> str:
        """The newest one."""
        return self.batch.folder if self.new_folder is None else self.new_folder

    @cached_property
    def rows(self) -> AnyArray:
        """A view of the batch's."""
        view: AnyArray = self.batch.rows[self.begin : self.end]
        return view

    @cached_property
    def names(self) -> list[str]:
        """The newest name of each."""
        renamed, old = self.edit.renamed, self.batch.names[self.begin : self.end]
        return [
            renamed[row][0] if row in renamed else name
            for row, name in enumerate(old, self.first_row)
        ]

    @cached_property
    def sha256(self) -> list[str]:
        """As they came."""
        return self.batch.sha256[self.begin : self.end]

    def label(self, row: int) -> Labels:
        """The newest labels of a row's picture."""
        found = self.edit.labelled.get(self.first_row + row)
        return self.batch.label(self.begin + row) if found is None else found


@dataclass(frozen=True, eq=False)
class Shown:
    """The pictures of a gallery after all its edits.

    Attributes:
        pieces: the pictures, one after another.
        first_rows: by piece, the number in the file of its first row.
        prefixes: by batch, how many of the pictures shown now are from batches up to it. Fewer than
            were shown then, if some were removed later.
        num_removed: rows that are shown no more.
        num_edits: in the file.
    """

    pieces: tuple[Pictures, ...]
    first_rows: tuple[int, ...]
    prefixes: tuple[int, ...]
    num_removed: int
    num_edits: int

    def numbered(self) -> Iterator[tuple[int, Pictures, int]]:
        """(number in the file, its piece, row in the piece) of every picture shown, in order."""
        for first, piece in zip(self.first_rows, self.pieces, strict=True):
            for row in range(len(piece.rows)):
                yield first + row, piece, row


def shown(batches: Sequence[Batch]) -> Shown:
    """What a gallery of these batches shows.

    Args:
        batches: all of its file, edits among them.

    Returns:
        Its pictures; the batches themselves where there are no edits.

    Raises:
        DatasetError: an edit that is none.
    """
    ends = list(itertools.accumulate(len(batch.rows) for batch in batches))
    edits = [Edit.of(batch, end) for batch, end in zip(batches, ends, strict=True)]
    firsts = [0, *ends[:-1]] if ends else []
    if not any(edit is not None for edit in edits):
        return Shown(tuple(batches), tuple(firsts), tuple(ends), 0, 0)
    total = _sum(edit for edit in edits if edit is not None)
    holes = np.array(sorted(total.removed), np.int64)
    renamed = np.array(sorted(total.renamed), np.int64)
    labelled = np.array(sorted(total.labelled), np.int64)
    pieces: list[Pictures] = []
    first_rows: list[int] = []
    for batch, first, end in zip(batches, firsts, ends, strict=True):
        changed = [_between(rows, first, end) for rows in (holes, renamed, labelled)]
        if first == end:
            continue
        if not any(map(len, changed)):
            pieces.append(batch)
            first_rows.append(first)
            continue
        for cut in _cuts(batch, first, total, *changed[:2]):
            pieces.append(cut)
            first_rows.append(cut.first_row)
    num_edits = sum(edit is not None for edit in edits)
    prefixes = tuple((np.array(ends) - np.searchsorted(holes, ends)).tolist())
    return Shown(tuple(pieces), tuple(first_rows), prefixes, len(holes), num_edits)


def _sum(edits: Iterable[Edit]) -> Edit:
    """All edits as one."""
    removed: set[int] = set()
    renamed: dict[int, tuple[str, str]] = {}
    labelled: dict[int, Labels] = {}
    for edit in edits:
        removed |= edit.removed
        renamed.update(edit.renamed)
        labelled.update(edit.labelled)
    return Edit(frozenset(removed), renamed, labelled)


def _between(rows: AnyArray, first: int, end: int) -> AnyArray:
    """Those of some ascending numbers that are in [first, end)."""
    bounds = np.searchsorted(rows, [first, end])
    found: AnyArray = rows[bounds[0] : bounds[1]]
    return found


def _cuts(
    batch: Batch, first: int, total: Edit, holes: AnyArray, renamed: AnyArray
) -> Iterator[Cut]:
    """A batch between its holes, and where the folder changes."""
    folders: list[str | None] = [None]
    folder_of = np.zeros(len(batch.rows), np.int64)  # its number, -1 for a hole
    for row in renamed.tolist():
        folder: str | None = total.renamed[row][1]
        folder = None if folder == batch.folder else folder
        if folder not in folders:
            folders.append(folder)
        folder_of[row - first] = folders.index(folder)
    folder_of[holes - first] = -1
    edges = [0, *(np.flatnonzero(np.diff(folder_of)) + 1).tolist(), len(folder_of)]
    for begin, end in itertools.pairwise(edges):
        if folder_of[begin] >= 0:
            yield Cut(batch, begin, end, first + begin, folders[folder_of[begin]], total)
