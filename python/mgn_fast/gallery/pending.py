# SPDX-License-Identifier: Apache-2.0
"""What is to be committed to a gallery next, and what takes it: the gallery's file, or memory."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from mgn_fast.gallery.edits import Edit
from mgn_fast.gallery.file import Batch, Labels
from mgn_fast.types import AnyArray


class Sink(Protocol):
    """A taker of batches: a gallery's file, or memory."""

    @property
    def num_rows(self) -> int:
        """Number of rows in it, those of removed pictures too."""

    def append(self, batch: Batch, /) -> None:
        """Keeps a batch of rows, with the names and hashes of their pictures; or an edit."""

    def embedding(self, row: int, /) -> AnyArray:
        """A row that it holds."""


class Memory:
    """A sink in memory.

    Attributes:
        batches: what was appended.
    """

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    @property
    def num_rows(self) -> int:
        """Number of rows in it."""
        return sum(len(batch.rows) for batch in self.batches)

    def append(self, batch: Batch) -> None:
        """Keeps a batch."""
        self.batches.append(batch)

    def embedding(self, row: int) -> AnyArray:
        """A row that it holds."""
        for batch in self.batches:
            if row < len(batch.rows):
                break
            row -= len(batch.rows)
        found: AnyArray = batch.rows[row]
        return found


@dataclass
class Pending:
    """Rows that are there and not committed yet, and changes of others.

    Attributes:
        rows: embeddings.
        renamed: by a row's number in the gallery, its picture's new name and folder.
        labelled: by a row's number, all labels of its picture.
    """

    rows: list[AnyArray] = field(default_factory=list)
    renamed: dict[int, tuple[str, str]] = field(default_factory=dict)
    labelled: dict[int, Labels] = field(default_factory=dict)
    _names: list[str] = field(default_factory=list)
    _sha256: list[str] = field(default_factory=list)
    _labels: list[Labels] = field(default_factory=list)
    _since_s: float = 0.0

    def add(self, row: AnyArray, name: str, sha256: str, labels: Labels) -> None:
        """Takes a row with what is known of its picture."""
        if not self.rows:
            self._since_s = time.monotonic()
        self.rows.append(row)
        self._names.append(name)
        self._sha256.append(sha256)
        self._labels.append(labels)

    @property
    def age_s(self) -> float:
        """Seconds since the first row came."""
        return time.monotonic() - self._since_s if self.rows else 0.0

    def embedding(self, row: int, sink: Sink) -> AnyArray:
        """A row of the sink, or one that is to come into it, by its number."""
        ahead = row - sink.num_rows
        return sink.embedding(row) if ahead < 0 else self.rows[ahead]

    def commit_to(self, sink: Sink, description: Mapping[str, Any], folder: str) -> None:
        """Appends a batch of the rows and an edit of the changes, where there are any.

        Args:
            sink: gets them.
            description: of the gallery.
            folder: that the rows' names are relative to.
        """
        if self.rows:
            rows = np.stack(self.rows).astype(description["dtype"])
            sink.append(Batch.of(rows, self._names, self._sha256, folder, self._labels))
        edit = Edit(renamed=self.renamed, labelled=self.labelled)
        if edit:
            sink.append(edit.to_batch(description))
