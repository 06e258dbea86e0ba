# SPDX-License-Identifier: Apache-2.0
"""The largest resident memory of this process since a moment of the caller's choice."""

from __future__ import annotations

import contextlib
from pathlib import Path

from mgn_fast.common.machine import field_of

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset_peak() -> None:
    """Starts the peak again from what is resident now, where the kernel allows it."""
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")


def peak_resident_bytes() -> int | None:
    """Largest resident memory since `reset_peak`, in bytes; None where the kernel does not tell."""
    kilobytes = field_of(_STATUS, "VmHWM:")
    return None if kilobytes is None else kilobytes * 1024
