# SPDX-License-Identifier: Apache-2.0
"""Files that appear whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .errors import InvalidInputError


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block ends well, removed otherwise.

    Args:
        path: the final name. Its directory must exist.

    Yields:
        A fresh, empty file with the same suffix in the same directory.

    Raises:
        InvalidInputError: the directory is missing or cannot be written, or `path` is a directory.
    """
    final = Path(path)
    if final.is_dir():
        raise InvalidInputError(f"output {str(final)!r} is a directory, expected a file name")
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{final.stem}-", suffix=final.suffix, dir=final.parent
        )
    except OSError as error:
        raise InvalidInputError(
            f"output {str(final)!r} cannot be written: {error.strerror}; "
            "expected an existing directory with write permission"
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(final)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: str | os.PathLike[str], content: bytes) -> Path:
    """Writes a file that appears whole or not at all.

    Args:
        path: the final name.
        content: all of the file's bytes.

    Returns:
        The path written.

    Raises:
        InvalidInputError: the directory is missing or cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return Path(path)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
