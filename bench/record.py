# SPDX-License-Identifier: Apache-2.0
"""What every benchmark writes: figures, those worth a line in the README, and where they were made.

A headline is {"what": text, "figure": text}, made by the script from what it has just measured.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path

from mgn_fast.common.files import write_atomically

RESULTS = Path(__file__).parent / "results"
# Where records go instead; run_all.py sets it for the scripts that it starts.
FOLDER_VARIABLE = "MGN_FAST_BENCH_RESULTS"
PACKAGES = (
    "numpy", "onnxruntime", "openvino", "simplejpeg", "opencv-python-headless", "pillow", "torch",
    "scikit-learn", "scipy",
)  # fmt: skip
CPU_FIELDS = ("model name", "cpu family", "model")


def environment():
    """The machine and what is installed on it."""
    return {
        "date": _now().isoformat(timespec="seconds"),
        "commit": _commit(),
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "load_at_start": os.getloadavg()[0],
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "settings": {
            name: value
            for name, value in sorted(os.environ.items())
            if name.startswith("MGN_FAST_") and name != FOLDER_VARIABLE
        },
    }


def folder():
    """Where records go: `results` beside this file, or what MGN_FAST_BENCH_RESULTS names."""
    return Path(os.environ.get(FOLDER_VARIABLE) or RESULTS)


def write(name, figures, headlines):
    """Writes DATE-name.json, whole or not at all, and prints its headlines and its path."""
    for one in headlines:
        _check(one, simulated="simulated" in figures)
    content = {"name": name, **figures, "headlines": headlines}
    path = folder() / f"{_now():%Y-%m-%d}-{name}.json"
    write_atomically(path, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())
    for one in headlines:
        print(f"{one['what']}: {one['figure']}")
    print(f"record: {path}")
    return path


def headline(what, figure):
    """One line of the README's table, without its record."""
    return {"what": what, "figure": figure}


def spread(seconds):
    """Median and extremes of repeated timings."""
    ordered = sorted(seconds)
    middle = ordered[len(ordered) // 2]
    return {"median_s": middle, "min_s": ordered[0], "max_s": ordered[-1], "repeats": len(ordered)}


def two_digits(value):
    """472, 17, 9.5 or 0.72: at least two digits that count."""
    digits = 0 if value >= 9.95 else 1 if value >= 0.995 else 2
    return f"{value:,.{digits}f}"


def times(ratio):
    """A speed-up, as in "9.5 times"."""
    return f"{two_digits(ratio)} times"


def duration(seconds):
    """Seconds, milliseconds or microseconds, as in "17 ms"."""
    for scale, unit in ((1, "s"), (1e3, "ms")):
        if seconds * scale >= 0.995:
            return f"{two_digits(seconds * scale)} {unit}"
    return f"{two_digits(seconds * 1e6)} us"


def memory(megabytes):
    """MB of 2^20 bytes, or GB of 2^30, as in "5.9 GB"."""
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{two_digits(megabytes / 1024)} GB"


def _check(one, *, simulated):
    """What is in a headline must fit into a table, and say so where nothing real was measured."""
    if set(one) != {"what", "figure"} or not all(one.values()):
        raise ValueError(f"headline {one!r} needs a text for 'what' and one for 'figure'")
    if any(mark in text for text in one.values() for mark in "|\n"):
        raise ValueError(f"headline {one!r} would break a table: leave out '|' and line ends")
    if simulated and "simulated" not in one["what"]:
        raise ValueError(f"headline {one!r} of simulated figures does not say 'simulated'")


def _now():
    return datetime.datetime.now(datetime.timezone.utc)


def _cpu():
    """The model's name, and the numbers that tell what is behind a name like "AMD EPYC"."""
    fields = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        field, _, value = line.partition(":")
        fields.setdefault(field.strip(), value.strip())
    name, family, model = (fields.get(field) for field in CPU_FIELDS)
    if not name:
        return platform.processor() or platform.machine()
    return f"{name}, family {family}, model {model}" if family and model else name


def _commit():
    words = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # a machine without git
        return "unknown"
    return done.stdout.strip() or "unknown"


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
