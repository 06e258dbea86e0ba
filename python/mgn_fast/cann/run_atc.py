# SPDX-License-Identifier: Apache-2.0
"""Runs a compiler as a process of its own, so that nothing of it outlives the call.

It gets no shell, no environment but what is named here, and a file for its output. However the call
ends, every process that it started is gone afterwards.
"""

from __future__ import annotations

import collections
import contextlib
import os
import secrets
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# What CANN, its operator compiler and AOE read. Knowledge banks: TUNE_BANK_PATH, ASCEND_CACHE_PATH.
_NAMES = frozenset(
    name
    for line in (
        "PATH HOME USER LOGNAME SHELL LANG LANGUAGE TZ TMPDIR LD_LIBRARY_PATH LD_PRELOAD",
        "PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX TOOLCHAIN_HOME",
        "MAX_COMPILE_CORE_NUMBER PRINT_MODEL PARA_DEBUG_PATH OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS CMAKE_PREFIX_PATH",
    )
    for name in line.split()
)
_PREFIXES = (
    *("ASCEND", "TUNE_BANK", "TE_", "TBE", "GE_", "ATC_", "AOE_", "NPU_", "DUMP_", "ENABLE_"),
    *("DDK_", "OPP_", "CCE", "LC_", "MGN_FAST_", "ASAN_", "LSAN_", "UBSAN_", "TSAN_"),
)

_MARK = "MGN_FAST_COMPILE_ID"
_POLL_S = 0.05
# From asking to forcing: ATC's processes need a moment to leave shared memory behind in order.
_GRACE_S = 1.0
_STRAYS_S = 2.0
_TAIL_BYTES = 1 << 19
_CHUNK = 1 << 16
_LINE_BYTES = 4096


@dataclass(frozen=True)
class AtcOutcome:
    """Exit status and output of a process that has ended.

    Attributes:
        returncode: its exit status; minus the signal's number if a signal ended it; None if it was
            stopped because its time was up.
        output: the end of what it printed, as text.
        seconds: how long it took.
    """

    returncode: int | None
    output: str
    seconds: float


def environment() -> dict[str, str]:
    """What a compiler inherits: search paths, locale, variables of CANN, AOE and this package."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _NAMES or name.startswith(_PREFIXES)
    }


def run(
    command: Sequence[str],
    *,
    folder: Path,
    variables: Mapping[str, str],
    log: BinaryIO,
    timeout_s: float,
    on_line: Callable[[str], None],
) -> AtcOutcome:
    """Runs a program to its end, or stops it when its time is up.

    Args:
        command: the program's absolute path and its arguments.
        folder: its working directory.
        variables: its environment.
        log: gets all that it prints, as it comes.
        timeout_s: seconds it may take.
        on_line: called with every line it prints.

    Returns:
        How it ended.

    Raises:
        OSError: the program cannot be started, or the log cannot be written.
    """
    mark = secrets.token_hex(16)
    started = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 (no shell; the caller checked the program)
        command,
        cwd=folder,
        env={**variables, _MARK: mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    lines = _Lines(log, on_line)
    try:
        ended = _follow(process, lines, started + timeout_s)
    finally:
        _end_group(process)
        _end_strays(mark)
    lines.end()
    seconds = time.monotonic() - started
    return AtcOutcome(process.returncode if ended else None, lines.tail(), seconds)


class _Lines:
    """Passes output on: to the log as bytes, to the callback as lines; keeps the end of it."""

    def __init__(self, log: BinaryIO, on_line: Callable[[str], None]) -> None:
        self._log = log
        self._on_line = on_line
        self._line = b""
        self._chunks: collections.deque[bytes] = collections.deque()
        self._kept = 0

    def take(self, chunk: bytes) -> None:
        self._log.write(chunk)
        self._log.flush()
        self._chunks.append(chunk)
        self._kept += len(chunk)
        while self._kept - len(self._chunks[0]) >= _TAIL_BYTES:
            self._kept -= len(self._chunks.popleft())
        *whole, self._line = (self._line + chunk).replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            self._say(line)
        self._line = self._line[-_LINE_BYTES:]

    def end(self) -> None:
        self._say(self._line)

    def tail(self) -> str:
        return b"".join(self._chunks).decode(errors="replace")

    def _say(self, line: bytes) -> None:
        if line.strip():
            self._on_line(line[:_LINE_BYTES].decode(errors="replace").rstrip())


def _follow(process: subprocess.Popen[bytes], lines: _Lines, deadline: float) -> bool:
    """Reads the output until the process ends; False if its time was up first.

    The process's end counts, not that of its output: a child left behind may hold the pipe open.
    """
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    os.set_blocking(descriptor, False)
    with process.stdout, selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while not (ended := _has_ended(process.pid)) and time.monotonic() < deadline:
            if not selector.get_map():
                time.sleep(_POLL_S)
            elif selector.select(_POLL_S) and not _read(descriptor, lines):
                selector.unregister(descriptor)
        while _read(descriptor, lines):
            if time.monotonic() > deadline:
                break
    return ended


def _read(descriptor: int, lines: _Lines) -> bool:
    """Passes on what the pipe holds; False where it is empty or closed."""
    try:
        chunk = os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return False
    if chunk:
        lines.take(chunk)
    return bool(chunk)


def _has_ended(pid: int) -> bool:
    """True for an ended process, which stays unreaped so that its number stays its own."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and all of its group, then reaps it."""
    if not _has_ended(process.pid):
        _signal_group(process.pid, signal.SIGTERM)
        limit = time.monotonic() + _GRACE_S
        while not _has_ended(process.pid) and time.monotonic() < limit:
            time.sleep(_POLL_S / 5)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _end_strays(mark: str) -> None:
    """Ends processes that left the group: all those with our mark in their environment."""
    needle = f"{_MARK}={mark}".encode()
    limit = time.monotonic() + _STRAYS_S
    while (strays := _marked(needle)) and time.monotonic() < limit:
        for pid in strays:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_POLL_S / 5)


def _marked(needle: bytes) -> list[int]:
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            # Gone, or another user's.
            with contextlib.suppress(OSError):
                if needle in Path(entry.path, "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found
