# SPDX-License-Identifier: Apache-2.0
"""Pictures by their files' bytes: those that come, and those that a gallery holds.

Is one known, has it moved? Files that come are read; of those that are held it is only looked
whether they are there.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mgn_fast.errors import InvalidInputError
from mgn_fast.gallery.edits import Shown
from mgn_fast.pictures import pixels
from mgn_fast.types import Crop

Meeting = Literal["known", "found elsewhere", "moved", "named again"]


@dataclass
class Entry:
    """A picture of the gallery.

    Attributes:
        row: its number in the file.
        name: of the picture now.
        folder: that the name is relative to, itself relative to the gallery.
    """

    row: int
    name: str
    folder: str


@dataclass(frozen=True)
class Read:
    """A picture read and hashed.

    Attributes:
        name: in the gallery.
        called: what messages call it.
        picture: as it came.
        source: what to decode.
        sha256: of its file; of a crop, of its frame's and its box.
    """

    name: str
    called: str
    picture: Path | Crop
    source: pixels.Source
    sha256: str

    @property
    def path(self) -> Path | None:
        """Its file; None of a crop, which has none of its own."""
        return None if isinstance(self.picture, Crop) else self.picture


class Held:
    """What a gallery holds while pictures are added to it.

    Args:
        shown: the gallery's pictures.
        beside: the directory that folders are relative to.
    """

    def __init__(self, shown: Shown | None = None, beside: Path | None = None) -> None:
        self._beside = Path() if beside is None else beside
        self._entries: dict[str, list[Entry]] = {}
        self._num_pictures = 0
        pieces = () if shown is None else zip(shown.first_rows, shown.pieces, strict=True)
        for first, piece in pieces:
            self.add(piece.sha256, piece.names, piece.folder, first)

    def __contains__(self, sha256: str) -> bool:
        return sha256 in self._entries

    def __len__(self) -> int:
        return self._num_pictures

    def add(self, sha256: Iterable[str], names: Iterable[str], folder: str, first: int) -> None:
        """Takes note of pictures whose rows follow one another in the file, from `first` on."""
        for row, (digest, name) in enumerate(zip(sha256, names, strict=True), first):
            self._entries.setdefault(digest, []).append(Entry(row, name, folder))
            self._num_pictures += 1

    def meet(self, sha256: str, name: str, path: Path | None, folder: str) -> tuple[Meeting, Entry]:
        """What a picture is to the gallery, which holds one of the same bytes.

        It is known if it is there under this name, or is the very file that is there under another
        one; found elsewhere if it is known by name and its file is gone: it has the new one's
        folder from now on. It has moved if the file of a picture of the same bytes is gone: that
        picture has its name from now on. Else it is a second name.

        Args:
            sha256: of its file; in the gallery.
            name: that it comes under.
            path: of its file; None of a crop, which has no file of its own and so moves nowhere.
            folder: that the name is relative to, itself relative to the gallery.

        Returns:
            What it is; and the picture that is known, that has moved, or whose embedding serves the
            second name too.
        """
        entries = self._entries[sha256]
        same = next((entry for entry in entries if entry.name == name), None)
        if same is not None:
            if same.folder != folder and not self._path(same).exists():
                same.folder = folder
                return "found elsewhere", same
            return "known", same
        if path is None:
            return "named again", entries[0]
        here = os.path.abspath(path)  # noqa: PTH100 (pathlib keeps "..")
        for entry in entries:
            if os.path.abspath(self._path(entry)) == here:  # noqa: PTH100
                return "known", entry
        for entry in entries:
            if not self._path(entry).exists():
                entry.name, entry.folder = name, folder
                return "moved", entry
        return "named again", entries[0]

    def _path(self, entry: Entry) -> Path:
        return self._beside / entry.folder / entry.name


def file_of(picture: Path | Crop) -> Path:
    """The file that a picture is in; InvalidInputError for a crop out of one in memory."""
    if not isinstance(picture, Crop):
        return picture
    if not isinstance(picture.frame, (str, os.PathLike)):
        raise InvalidInputError(
            f"the frame of {picture} is a {type(picture.frame).__name__}, expected a path: a "
            "gallery knows pictures by their files"
        )
    return Path(picture.frame)


def read_and_hash(path: Path) -> tuple[bytes, str]:
    """A picture file's bytes and their SHA-256; DecodeError where it cannot be read."""
    content = pixels.read_file(path)
    return content, hashlib.sha256(content).hexdigest()


def read_of(name: str, picture: Path | Crop, content: bytes, sha256: str) -> Read:
    """A picture of which its file's bytes are read; a crop is known by its frame's and its box.

    Args:
        name: in the gallery.
        picture: its path, or a crop out of one.
        content: the file's bytes.
        sha256: of them.

    Returns:
        What the gallery knows the picture by.
    """
    if not isinstance(picture, Crop):
        return Read(name, str(picture), picture, content, sha256)
    called = f"{file_of(picture)}#{picture.box}"
    both = hashlib.sha256(f"{sha256}#{picture.box.edges}".encode()).hexdigest()
    return Read(name, called, picture, Crop(content, picture.box, called), both)
