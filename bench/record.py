# SPDX-License-Identifier: Apache-2.0
"""What every benchmark writes beside its figures: machine, versions, commit, day."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("numpy", "onnxruntime", "simplejpeg", "opencv-python-headless", "torch", "scikit-learn")


def environment():
    """The machine and what is installed on it."""
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": _commit(),
        "cpu": cpu[0].partition(":")[2].strip() if cpu else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load_at_start": os.getloadavg()[0],
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def write(name, figures):
    """Writes results/DATE-name.json and prints its path."""
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    path = RESULTS / f"{stamp}-{name}.json"
    path.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"record: {path}")


def spread(seconds):
    """Median and extremes of repeated timings."""
    ordered = sorted(seconds)
    middle = ordered[len(ordered) // 2]
    return {"median_s": middle, "min_s": ordered[0], "max_s": ordered[-1], "repeats": len(ordered)}


def _commit():
    words = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
