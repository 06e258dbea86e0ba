# SPDX-License-Identifier: Apache-2.0
"""The machine and what is installed on it, as far as it bears on speed."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

from .. import _core, ascend_host

PACKAGES = ("numpy", "onnxruntime", "openvino", "opencv-python-headless", "simplejpeg")


def environment(*, with_ascend: bool) -> dict[str, Any]:
    """What the record says of where it was made.

    Args:
        with_ascend: an .om was run, so that AscendCL is loaded.

    Returns:
        The record's `environment`; see schema.json.
    """
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


def cpu_name() -> str:
    """What the CPU calls itself, or of which kind it is.

    Returns:
        A name; never empty on Linux.
    """
    lines = _lines(Path("/proc/cpuinfo"))
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _memory_bytes() -> int | None:
    sizes = [line.split()[1] for line in _lines(Path("/proc/meminfo")) if "MemTotal:" in line]
    return int(sizes[0]) * 1024 if sizes else None


def _governor() -> str | None:
    lines = _lines(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"))
    return lines[0] if lines else None


def _ascend() -> dict[str, Any]:
    info = _core.ascend_info()
    return {
        "soc_name": info["soc_name"],
        "version": info["version"],
        "simulated": ascend_host.is_simulated(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
