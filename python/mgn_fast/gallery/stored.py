# SPDX-License-Identifier: Apache-2.0
"""What is in a gallery, by place: rows, names, files. Pictures are numbered as they came."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mgn_fast.errors import InvalidInputError
from mgn_fast.gallery.file import Batch
from mgn_fast.types import AnyArray


class Stored:
    """Batches one after another. Never changes; safe for several threads.

    Attributes:
        path: the file it was loaded from; None in memory.
        dtype: of the rows.
        width: of an embedding.
        model: file name of the model that embedded the pictures; None where it is not known.
        description: of the embeddings, as in the file.
    """

    def __init__(
        self, batches: Sequence[Batch], description: dict[str, Any], path: Path | None
    ) -> None:
        self._batches = tuple(batches)
        self.description = description
        self.path = path
        self.dtype = np.dtype(description["dtype"])
        self.width: int = description["width"]
        self.model: str | None = description.get("model")
        self._starts = np.cumsum([0, *(len(batch.rows) for batch in self._batches)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def segments(self) -> list[AnyArray]:
        """The rows as they lie in the file: arrays [n, D] one after another.

        Returns:
            Read-only arrays of the gallery's dtype; mapped where the gallery was loaded.
        """
        return [batch.rows for batch in self._batches]

    def name(self, place: int) -> str:
        """The name of a picture.

        Args:
            place: 0 to len - 1.

        Returns:
            As it was when the picture was added.
        """
        batch, row = self._at(place)
        return batch.names[row]

    def sha256(self, place: int) -> str:
        """The SHA-256 of the picture's file.

        Args:
            place: 0 to len - 1.

        Returns:
            64 hexadecimal digits.
        """
        batch, row = self._at(place)
        return batch.sha256[row]

    def embedding(self, place: int) -> AnyArray:
        """A picture's row.

        Args:
            place: 0 to len - 1.

        Returns:
            [D] of the gallery's dtype, read-only where it is mapped.
        """
        batch, row = self._at(place)
        array: AnyArray = batch.rows[row]
        return array

    def picture_path(self, place: int) -> Path:
        """Where the picture's file was when it was added, if gallery and pictures moved together.

        Args:
            place: 0 to len - 1.

        Returns:
            A path that need not exist.
        """
        batch, row = self._at(place)
        return self.beside / batch.folder / batch.names[row]

    @property
    def model_path(self) -> Path | None:
        """Where the model was that made it, if both moved together; None if it is not known.

        Returns:
            A path that need not exist.
        """
        stored = self.description.get("model_path")
        return None if stored is None else self.beside / str(stored)

    @property
    def beside(self) -> Path:
        """What folders are relative to: where the file lies, or the current directory.

        Returns:
            A directory.
        """
        return Path() if self.path is None else self.path.parent

    def _at(self, place: int) -> tuple[Batch, int]:
        if not 0 <= place < len(self):
            raise InvalidInputError(f"place is {place}, expected 0 to {len(self) - 1}")
        number = int(np.searchsorted(self._starts, place, side="right")) - 1
        return self._batches[number], int(place - self._starts[number])
