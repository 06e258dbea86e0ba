# SPDX-License-Identifier: Apache-2.0
"""The machine and what is installed on it, as far as it bears on speed."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

from mgn_fast import _core
from mgn_fast.cann import host
from mgn_fast.common.machine import cpu_name, field_of, lines_of

PACKAGES = ("numpy", "onnxruntime", "openvino", "opencv-python-headless", "simplejpeg")


def describe_environment(*, with_ascend: bool) -> dict[str, Any]:
    """The record's `environment`: CPU, memory, versions, and AscendCL if an .om was run."""
    return {
        "mgn_fast": _core.build_info()["version"],
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": _memory_bytes(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "simd": _core.simd_level(),
        "governor": _governor(),
        "load_average": os.getloadavg()[0],
        "ascend": _ascend() if with_ascend else None,
    }


def _memory_bytes() -> int | None:
    kilobytes = field_of(Path("/proc/meminfo"), "MemTotal:")
    return None if kilobytes is None else kilobytes * 1024


def _governor() -> str | None:
    lines = lines_of(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"))
    return lines[0] if lines else None


def _ascend() -> dict[str, Any]:
    info = _core.ascend_info()
    return {
        "soc_name": info["soc_name"],
        "version": info["version"],
        "simulated": host.is_simulated(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
