# SPDX-License-Identifier: Apache-2.0
"""The peak of this process's resident memory, since it was last reset."""

from __future__ import annotations

import contextlib
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset_peak() -> None:
    """Starts again from what is resident now, where the kernel allows it."""
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")


def peak_resident_bytes() -> int | None:
    """The peak.

    Returns:
        Bytes; None where the kernel does not tell.
    """
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    sizes = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(sizes[0]) * 1024 if sizes else None
