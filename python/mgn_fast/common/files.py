# SPDX-License-Identifier: Apache-2.0
"""Files: read only where they are regular, written beside their place and then renamed."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mgn_fast.errors import InvalidInputError

# What a full or failing disk says while a file is being written.
_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def open_regular(path: str | os.PathLike[str]) -> io.BufferedReader:
    """A regular file opened for reading; a pipe or device, which might never end, is refused.

    Args:
        path: the file.

    Returns:
        The open file.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    # Without O_NONBLOCK, opening a pipe without a writer would wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no regular file")
    return os.fdopen(descriptor, "rb")


def read_limited(
    path: str | os.PathLike[str],
    most_bytes: int,
    refusal: Callable[[str], Exception] = OSError,
    *,
    what: str = "",
    remedy: str = "",
) -> bytes:
    """All bytes of a regular file; else the error that `refusal` makes of the message.

    Args:
        path: the file.
        most_bytes: a larger file is refused.
        refusal: a class of errors, or what makes one of a text.
        what: first words of the message: what the file is.
        remedy: last words of the message.

    Returns:
        The file's content.
    """
    name = f"{what} {os.fspath(path)!r}".lstrip()
    end = f"; {remedy}" if remedy else ""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            content = file.read(size) if size <= most_bytes else b""
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise refusal(f"{name} cannot be read: {reason}{end}") from error
    if size > most_bytes:
        raise refusal(f"{name} has {size} bytes, expected at most {most_bytes}{end}")
    return content


def is_regular_file(path: str | os.PathLike[str]) -> bool:
    """True for a regular file or a link to one; a name too long or out of reach is none."""
    return os.path.isfile(path)  # noqa: PTH113 (pathlib raises for names that are too long)


def is_directory(path: str | os.PathLike[str]) -> bool:
    """True for a directory or a link to one; a name too long or out of reach is none."""
    return os.path.isdir(path)  # noqa: PTH112 (pathlib raises for names that are too long)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block ends well, removed otherwise.

    A link is followed: the file it points to is replaced.

    Args:
        path: the final name. Its directory must exist.

    Yields:
        A fresh, empty file with the same suffix in the same directory.

    Raises:
        InvalidInputError: the directory is missing or cannot be written, the disk is full, or
            `path` is there and no regular file.
    """
    name = os.fspath(path)
    final = Path(os.path.realpath(name))
    if is_directory(final):
        raise InvalidInputError(f"output {name!r} is a directory, expected a file name")
    if os.path.lexists(final) and not is_regular_file(final):
        raise InvalidInputError(f"output {name!r} is a pipe or device, expected a regular file")
    try:
        handle, made = tempfile.mkstemp(prefix=".mgn-fast-", suffix=final.suffix, dir=final.parent)
    except OSError as error:
        raise InvalidInputError(
            f"output {name!r} cannot be written: {error.strerror}; "
            "expected an existing directory with write permission"
        ) from error
    os.close(handle)
    temporary = Path(made)
    try:
        yield temporary
        temporary.chmod(0o666 & ~current_umask())
        temporary.replace(final)
    except OSError as error:
        if error.errno not in _DISK_ERRORS and error.filename2 is None:
            raise
        raise InvalidInputError(f"output {name!r} cannot be written: {error.strerror}") from error
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


def write_json(path: str | os.PathLike[str], content: Any) -> Path:
    """Writes JSON, indented for people; as `write_atomically` of its text."""
    return write_atomically(path, json.dumps(content, indent=1).encode() + b"\n")


def current_umask() -> int:
    """The rights that new files of this process do not get.

    Read from /proc, not set and set back: another thread may create a file meanwhile.

    Returns:
        The mask's bits.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Umask:")).split()[1], 8)
