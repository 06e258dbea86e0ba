# SPDX-License-Identifier: Apache-2.0
"""The directory for files that can be made again: models with seeded weights, tunings."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from mgn_fast.common.files import open_regular
from mgn_fast.errors import InvalidInputError, ModelError
from mgn_fast.types import PathLike

_CHUNK_BYTES = 1 << 20


def cache_directory() -> Path:
    """The directory for files that can be made again, in XDG_CACHE_HOME or else in ~/.cache.

    Returns:
        The directory, which exists.

    Raises:
        InvalidInputError: it cannot be made.
    """
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    directory = Path(os.path.expanduser(home)) / "mgn_fast"  # noqa: PTH111 (pathlib's raises)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError(
            f"the cache {str(directory)!r} cannot be made: {error.strerror}; set XDG_CACHE_HOME "
            "to a place that can be written"
        ) from error
    return directory


def file_sha256(path: PathLike, refusal: Callable[[str], Exception] = ModelError) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits; what `refusal` makes if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with open_regular(path) as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise refusal(f"{str(path)!r} cannot be read: {error.strerror}") from error
    return digest.hexdigest()
