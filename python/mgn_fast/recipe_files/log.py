# SPDX-License-Identifier: Apache-2.0
"""The log of what earlier runs of `write_bins` wrote, locked against a second run.

A line says from which bytes of which picture two tensors were made, and when they were written: a
file that has been touched since is not the one it vouches for. Lines are only ever added.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mgn_fast.errors import InvalidInputError

LOG_NAME = "bins.jsonl"
# Part of every line: to be raised when the tensors of a picture would have other bytes.
SCHEMA = "mgn_fast.bins/1"
MAX_LOG_BYTES = 1 << 30


@dataclass(frozen=True)
class Proof:
    """The picture's bytes and the two tensors' times that a line of the log vouches for.

    Attributes:
        sha256: of the picture's file.
        written_ns: when the plain and the mirrored tensor were last written.
    """

    sha256: str
    written_ns: tuple[int, int]


class BinsLog:
    """The log of a directory, open for one run. Used by one thread.

    Args:
        root: the directory, which is there.

    Attributes:
        proofs: by split and number; the last line about them counts.

    Raises:
        InvalidInputError: another process has it open.
        OSError: it cannot be opened or read.
    """

    def __init__(self, root: Path) -> None:
        # Read and write, because some network file systems lock nothing that is opened for one.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = io.FileIO(os.open(root / LOG_NAME, flags, 0o666), "r+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.proofs = self._read()
        except BlockingIOError as error:
            self.close()
            raise InvalidInputError(
                f"output {str(root)!r} is being written by another process, which holds "
                f"{LOG_NAME}; wait for its end, or choose another directory"
            ) from error
        except BaseException:
            self.close()
            raise

    def add(self, split: str, index: int, picture: str, proof: Proof) -> None:
        """Adds a line that vouches for a picture's two tensors; OSError if it cannot be written."""
        line = {
            "schema": SCHEMA,
            "split": split,
            "index": index,
            "picture": picture,
            "sha256": proof.sha256,
            "written_ns": proof.written_ns,
        }
        self._append(json.dumps(line).encode() + b"\n")

    def close(self) -> None:
        """Closes the log, which unlocks the directory. May be called again."""
        self._file.close()

    def __enter__(self) -> BinsLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _append(self, line: bytes) -> None:
        if self._file.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), LOG_NAME)

    def _read(self) -> dict[tuple[str, int], Proof]:
        """Proofs of all whole lines; a line cut short, or not ours, vouches for nothing."""
        if os.fstat(self._file.fileno()).st_size > MAX_LOG_BYTES:
            self._file.truncate(0)  # nothing is trusted then, and all is written again
        content = self._file.readall()
        proofs: dict[tuple[str, int], Proof] = {}
        for line in content.splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
                entry: dict[str, Any] = json.loads(line)
                if entry["schema"] == SCHEMA:
                    plain, mirrored = entry["written_ns"]
                    key = entry["split"], entry["index"]
                    proofs[key] = Proof(entry["sha256"], (plain, mirrored))
        if content and not content.endswith(b"\n"):
            self._append(b"\n")
        return proofs
