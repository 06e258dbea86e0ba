# SPDX-License-Identifier: Apache-2.0
"""A gallery's rows, names and files by place: pictures are numbered in the order they came.

Removed ones have no number: those behind them are numbered anew when the gallery is loaded again.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mgn_fast.errors import DatasetError, InvalidInputError
from mgn_fast.gallery.file import Pictures
from mgn_fast.models.contract import Contract
from mgn_fast.models.in_use import kept_contract
from mgn_fast.types import AnyArray


class Stored:
    """Pictures in pieces, one after another. Never changes; safe for several threads.

    Attributes:
        path: the file it was loaded from; None in memory.
        dtype: of the rows.
        width: of an embedding.
        model: file name of the model that embedded the pictures; None where it is not known.
        simulated: whether its NPU was the simulator; None where it is not known.
        description: of the embeddings, as in the file.
    """

    def __init__(
        self, pieces: Sequence[Pictures], description: dict[str, Any], path: Path | None
    ) -> None:
        self._pieces = tuple(pieces)
        self.description = description
        self.path = path
        self.dtype = np.dtype(description["dtype"])
        self.width: int = description["width"]
        self.model: str | None = description.get("model")
        told = description.get("simulated")
        self.simulated = told if isinstance(told, bool) else None
        self._starts = np.cumsum([0, *(len(piece.rows) for piece in self._pieces)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __repr__(self) -> str:
        kind = type(self).__name__
        where = "" if self.path is None else f" in {str(self.path)!r}"
        model = "an unknown model" if self.model is None else repr(self.model)
        return (
            f"<{kind}{where}: {len(self):,} pictures, {self.dtype} {self.width} wide, of {model}>"
        )

    @property
    def segments(self) -> list[AnyArray]:
        """The rows as they lie in the file: read-only arrays [n, D], one after another.

        Removed pictures are between them and in none.

        Returns:
            Arrays of the gallery's dtype; mapped where the gallery was loaded.
        """
        return [piece.rows for piece in self._pieces]

    def require_unchanged(self) -> None:
        """Raises DatasetError if somebody wrote over the file since it was loaded."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that the pictures' rows are in.

        Returns:
            One; none in memory; several of galleries that are searched together.
        """
        return () if self.path is None else (self.path,)

    def origin(self, place: int) -> tuple[Stored, int]:
        """The gallery that the picture at a place is in, and its place there.

        Args:
            place: 0 to len - 1.

        Returns:
            This gallery and the place; another one of galleries that are searched together.
        """
        self._at(place)  # which refuses what is no place
        return self, place

    def places_of(self, sha256: Collection[str]) -> dict[str, list[int]]:
        """Where pictures of some content are.

        Args:
            sha256: of the pictures' files, 64 hexadecimal digits each.

        Returns:
            By SHA-256 the places, ascending; nothing of what the gallery does not hold.
        """
        found: dict[str, list[int]] = {}
        for first, batch in zip(self._starts.tolist(), self._pieces, strict=False):
            for row, digest in enumerate(batch.sha256):
                if digest in sha256:
                    found.setdefault(digest, []).append(first + row)
        return found

    def name(self, place: int) -> str:
        """The name of the picture at a place, as it was when the picture was added or renamed.

        Args:
            place: 0 to len - 1.

        Returns:
            The name.
        """
        piece, row = self._at(place)
        return piece.names[row]

    def sha256(self, place: int) -> str:
        """The SHA-256 of the file of the picture at a place.

        Args:
            place: 0 to len - 1.

        Returns:
            64 hexadecimal digits.
        """
        piece, row = self._at(place)
        return piece.sha256[row]

    def label(self, place: int) -> dict[str, Any]:
        """What is known of the picture at a place.

        Args:
            place: 0 to len - 1.

        Returns:
            "person" and "camera" as texts, where they are known, and any other keys with JSON
            values; {} where nothing is known.
        """
        piece, row = self._at(place)
        return dict(piece.label(row))

    def embedding(self, place: int) -> AnyArray:
        """The embedding of the picture at a place.

        Args:
            place: 0 to len - 1.

        Returns:
            [D] of the gallery's dtype, read-only where it is mapped.
        """
        piece, row = self._at(place)
        array: AnyArray = piece.rows[row]
        return array

    def picture_path(self, place: int) -> Path:
        """The path of the picture at a place, if gallery and pictures have moved together since.

        Args:
            place: 0 to len - 1.

        Returns:
            A path that need not exist.
        """
        piece, row = self._at(place)
        return self.beside / piece.folder / piece.names[row]

    @functools.cached_property
    def contract(self) -> Contract | None:
        """How the pictures were prepared, and what of the model's outputs was taken.

        Pass it to an `Embedder` of a model file that does not say it itself.

        Returns:
            The contract, with where the model's was read; None where it is not known.

        Raises:
            DatasetError: the gallery keeps a contract that no model can have.
        """
        return contract_kept(self.description, self.path)

    @property
    def model_path(self) -> Path | None:
        """Where the model file should be, if it moved with the gallery; None if it is not known.

        Returns:
            A path that need not exist.
        """
        stored = self.description.get("model_path")
        return None if stored is None else self.beside / str(stored)

    @property
    def beside(self) -> Path:
        """The directory that folders are relative to: the file's, or the current one."""
        return Path() if self.path is None else self.path.parent

    def _at(self, place: int) -> tuple[Pictures, int]:
        if not 0 <= place < len(self):
            raise InvalidInputError(f"place is {place}, expected 0 to {len(self) - 1}")
        number = int(np.searchsorted(self._starts, place, side="right")) - 1
        return self._pieces[number], int(place - self._starts[number])


def called(path: Path | None) -> str:
    """Words for a gallery in messages.

    Args:
        path: its file; None in memory.

    Returns:
        The words.
    """
    return "the gallery" if path is None else f"gallery {str(path)!r}"


def contract_kept(description: dict[str, Any], path: Path | None) -> Contract | None:
    """The contract that a gallery's description keeps, as it was used.

    Args:
        description: of the gallery.
        path: its file; None in memory.

    Returns:
        The contract; None where none is kept.

    Raises:
        DatasetError: one that no model can have.
    """
    try:
        return kept_contract(description, where=called(path))
    except InvalidInputError as error:
        raise DatasetError(f"{error}; restore the gallery from a copy") from error
