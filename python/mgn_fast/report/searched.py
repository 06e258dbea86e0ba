# SPDX-License-Identifier: Apache-2.0
"""What pages ask of a gallery, which stands on the same floor: its pictures, by place."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Protocol

from mgn_fast.errors import DecodeError
from mgn_fast.models.contract import Contract
from mgn_fast.pictures.pixels import read_file


class Searched(Protocol):
    """What is asked of the gallery; a `Gallery` answers."""

    model: str | None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files it is in; none in memory."""

    @property
    def contract(self) -> Contract | None:
        """How its pictures were prepared; None where it is not known."""

    def __len__(self) -> int: ...

    def name(self, place: int) -> str:
        """The name of the picture at a place of the gallery."""

    def sha256(self, place: int) -> str:
        """The SHA-256 of its file when it was embedded."""

    def picture_path(self, place: int) -> Path:
        """The file from which the picture at a place was embedded."""

    def label(self, place: int) -> dict[str, Any]:
        """Who is on it, as far as that is known: "person", "camera"."""

    def origin(self, place: int) -> tuple[Named, int]:
        """The gallery that the picture is in, and its place there."""


class Named(Protocol):
    """What is asked of one of several galleries."""

    path: Path | None


def doubt(path: Path, sha256: str) -> str:
    """Whether a file is the one that was embedded; one that is not there says so itself.

    Args:
        path: the file.
        sha256: of the file when it was embedded.

    Returns:
        A few words for under the picture; "" for no doubt.
    """
    try:
        content = read_file(path)
    except DecodeError:
        return ""
    same = hashlib.sha256(content).hexdigest() == sha256
    return "" if same else "changed since it was embedded"
