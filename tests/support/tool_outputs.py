# SPDX-License-Identifier: Apache-2.0
"""Stands in for benchmark, msame and ais_bench: runs the written tensors, writes as each does.

After the output that counts come two that do not, as wide as a stripe's and a classifier's are.
"""

import json

import numpy as np

from mgn_fast.recipe_files.runs import RUNS

# What each tool writes.
FORMATS = [
    ("benchmark", "txt"),
    ("benchmark", "bin"),
    ("msame", "txt"),
    ("msame", "bin"),
    ("ais_bench", "txt"),
    ("ais_bench", "bin"),
    ("ais_bench", "npy"),
]
OTHER_WIDTHS = (256, 751)
# The recipe's directories by run, then the tool's own below them.
_PLACES = {
    "benchmark": ([run.results[0] for run in RUNS], "dumpOutput_device0"),
    "msame": ([run.results[1] for run in RUNS], "2026113_1_2_3_456789"),
    "ais_bench": ([run.results[1] for run in RUNS], ""),
}


def run_tool(tool, suffix, data, result, session, *, dtype="<f4", first=()):
    """Runs the tensors below `data`; the outputs stand below `result`, `first` widths in front."""
    for run, place in zip(RUNS, folders(tool, result), strict=True):
        place.mkdir(parents=True)
        paths = sorted((data / run.folder).glob("*.bin"))
        pictures = np.stack([np.fromfile(path, "<f4").reshape(3, 384, 128) for path in paths])
        write_part(tool, suffix, place, session.run(pictures).astype(dtype), first=first)
        if tool == "ais_bench":
            (result / f"{place.name}_summary.json").write_text(json.dumps({"throughput": 1.0}))
    return result


def folders(tool, result):
    """Where the tool leaves its outputs, in the order of the runs."""
    names, below = _PLACES[tool]
    return [result / name / below for name in names]


def write_part(tool, suffix, place, rows, *, first=()):
    """All outputs of a run's pictures."""
    random = np.random.default_rng(len(rows))
    for index, row in enumerate(rows):
        others = [random.random(width).astype(row.dtype) for width in (*first, *OTHER_WIDTHS)]
        outputs = [*others[: len(first)], row, *others[len(first) :]]
        for number, values in enumerate(outputs):
            (place / name_of(tool, suffix, index, number)).write_bytes(
                content(tool, suffix, values)
            )


def name_of(tool, suffix, index, number):
    """The tool's name for an output, counted from 0."""
    ending = {
        "benchmark": f"{number + 1}",
        "msame": f"output_{number}",
        "ais_bench": f"{number}",
    }
    return f"{index:05d}_{ending[tool]}.{suffix}"


def content(tool, suffix, values):
    """One tensor as the tool writes it: [1, width]."""
    if suffix == "bin":
        return values.tobytes()
    if suffix == "npy":
        return npy(values[None])
    # ais_bench has six decimals, the other two C++'s six digits; a space after every number.
    form = "%f " if tool == "ais_bench" else "%g "
    text = "".join(form % value for value in values.tolist())
    return (text if tool == "benchmark" else text + "\n").encode()


def npy(array):
    """A .npy file's bytes."""
    import io

    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def largest_errors(tool, suffix, rows):
    """How far numbers read back may be from those written: half a unit of the last digit."""
    if suffix != "txt":
        return np.zeros_like(rows, np.float64)
    rows = np.abs(rows.astype(np.float64))
    return np.full_like(rows, 5e-7) if tool == "ais_bench" else 5e-6 * rows
