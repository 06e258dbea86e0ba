# SPDX-License-Identifier: Apache-2.0
"""Several galleries of one model, searched as if they were one. Nothing is copied or written."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from mgn_fast.errors import InvalidInputError
from mgn_fast.gallery.gallery import Gallery
from mgn_fast.gallery.model import require_comparable
from mgn_fast.types import AnyArray, PathLike


class JoinedGallery(Gallery):
    """Galleries one after another: what queries are searched in. Made by `join_galleries`.

    Places are numbered through all of them, in the order given. `galleries` holds them.
    """

    def __init__(self, galleries: Sequence[Gallery]) -> None:
        first = galleries[0]
        model = first.model_path
        description = first.description | {
            "model_path": None if model is None else os.fspath(model.absolute()),
            "simulated": any(gallery.simulated for gallery in galleries),
        }
        super().__init__((), description, first.probe, embedder=first._embedder)
        self.galleries = tuple(galleries)
        self._first_places = np.cumsum([0, *map(len, galleries)])

    def __len__(self) -> int:
        return int(self._first_places[-1])

    @property
    def segments(self) -> list[AnyArray]:
        """The rows of all galleries, each of its gallery's dtype."""
        return [segment for gallery in self.galleries for segment in gallery.segments]

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of all galleries that have one."""
        return tuple(file for gallery in self.galleries for file in gallery.files)

    def origin(self, place: int) -> tuple[Gallery, int]:
        """The gallery that the picture at a place is in, one of `galleries`, and its place there.

        Args:
            place: 0 to len - 1.

        Returns:
            The gallery, and a place in it.
        """
        if not 0 <= place < len(self):
            raise InvalidInputError(f"place is {place}, expected 0 to {len(self) - 1}")
        number = int(np.searchsorted(self._first_places, place, side="right")) - 1
        return self.galleries[number], place - int(self._first_places[number])

    def require_unchanged(self) -> None:
        """Raises DatasetError if somebody wrote over one of the files."""
        for gallery in self.galleries:
            gallery.require_unchanged()

    def places_of(self, sha256: Collection[str]) -> dict[str, list[int]]:
        """As of one gallery, numbered through all."""
        found: dict[str, list[int]] = {}
        for first, gallery in zip(self._first_places.tolist(), self.galleries, strict=False):
            for digest, places in gallery.places_of(sha256).items():
                found.setdefault(digest, []).extend(first + place for place in places)
        return found

    def name(self, place: int) -> str:
        """The name of the picture at a place."""
        gallery, own = self.origin(place)
        return gallery.name(own)

    def sha256(self, place: int) -> str:
        """The SHA-256 of the file of the picture at a place."""
        gallery, own = self.origin(place)
        return gallery.sha256(own)

    def label(self, place: int) -> dict[str, Any]:
        """What is known of the picture at a place."""
        gallery, own = self.origin(place)
        return gallery.label(own)

    def embedding(self, place: int) -> AnyArray:
        """The embedding of the picture at a place, of its gallery's dtype."""
        gallery, own = self.origin(place)
        return gallery.embedding(own)

    def picture_path(self, place: int) -> Path:
        """The path of the picture at a place, relative to its own gallery."""
        gallery, own = self.origin(place)
        return gallery.picture_path(own)

    def save(self, path: PathLike) -> NoReturn:
        """Refused: joined galleries are for searching, and InvalidInputError says what to do."""
        raise InvalidInputError(
            f"{len(self.galleries)} joined galleries are not saved to {os.fspath(path)!r}; "
            "`mgn-fast gallery merge` makes one gallery of several"
        )


def join_galleries(galleries: Sequence[Gallery]) -> Gallery:
    """Several galleries of one model as one, to search in.

    What is found is what one gallery of all pictures would give: equal distances keep the order in
    which the galleries are given. A picture that two of them hold is found twice.

    Args:
        galleries: at least one; rows may be float32 in some and float16 in others. The first one's
            embedder is that of all.

    Returns:
        The gallery itself where it is one, else a `JoinedGallery`.

    Raises:
        InvalidInputError: none, or one file twice.
        ModelError: they are not of one model, prepared alike; or the model of some is not known.
    """
    if not galleries:
        raise InvalidInputError("galleries is empty, expected at least one")
    files = [os.path.realpath(file) for gallery in galleries for file in gallery.files]
    for file in files:
        if files.count(file) > 1:
            raise InvalidInputError(f"gallery {file!r} is given twice, expected each once")
    for other in galleries[1:]:
        require_comparable(galleries[0], other, alike=("width", "mirror"))
    return galleries[0] if len(galleries) == 1 else JoinedGallery(galleries)
