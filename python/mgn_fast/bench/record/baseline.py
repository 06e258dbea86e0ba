# SPDX-License-Identifier: Apache-2.0
"""Compares a record's runs with those of an older record: is any slower, and not by chance?"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from mgn_fast.bench.record.statistics import chance_of_lower
from mgn_fast.common.files import read_limited
from mgn_fast.errors import InvalidInputError
from mgn_fast.types import PathLike

SCHEMA = "mgn_fast.bench/1"
MAX_RECORD_BYTES = 1 << 28
# Less likely by chance than this counts as slower.
SIGNIFICANCE = 0.05
# What makes two runs the same question, with the model's name, the number of devices and the load.
# The model may lie elsewhere; whether it is the same is told by its hash, in the notes.
_KEYS = ("scope", "batch_size", "lanes", "backend", "precision", "simulated", "mirror")
_ENVIRONMENT = ("cpu", "cores", "os", "python", "simd", "governor")
_THREADS = ("workers", "threads")
# A rate that could be one: what is compared is finite whatever an older file says.
_LEAST_RATE, _MOST_RATE = 1e-9, 1e12


def read_record(path: PathLike) -> dict[str, Any]:
    """The record that `mgn-fast bench --json` wrote; InvalidInputError if the file is none."""
    try:
        record = json.loads(read_limited(path, MAX_RECORD_BYTES))
        _require_comparable(record)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidInputError(
            f"baseline {str(path)!r} is no record of `mgn-fast bench --json`: {error!r:.300}"
        ) from error
    return dict(record)


def compare_with_baseline(
    record: dict[str, Any], older: dict[str, Any], path: Path, max_regress: float
) -> None:
    """Writes into a record's runs how they compare with an older record's.

    A run has regressed if its repeats are lower than the older ones less `max_regress`, and the
    Mann-Whitney test says that chance would do that less than once in twenty times.

    Args:
        record: the new one; `baseline` of each run with a counterpart, and of the record, are set.
        older: to compare with.
        path: of the older one.
        max_regress: share by which a run may be slower, from 0, below 1.

    Raises:
        InvalidInputError: `max_regress` is out of range, or no run has a counterpart.
    """
    if not 0 <= max_regress < 1:
        raise InvalidInputError(f"max-regress is {max_regress}, expected 0 to below 1 (or 5%)")
    missing = list(older["runs"])
    notes = _notes(record, older)
    for run in record["runs"]:
        counterpart = _counterpart(run, older["runs"])
        if counterpart is not None:
            run["baseline"] = _compared(run, counterpart, max_regress)
            notes += _run_notes(run, counterpart)
            missing = [other for other in missing if other is not counterpart]
    if record["runs"] and all(run["baseline"] is None for run in record["runs"]):
        has = ", ".join(map(_described, older["runs"])) or "none"
        raise InvalidInputError(
            f"baseline {str(path)!r} has no run with the model's name, scope, batch size, lanes, "
            f"backend, devices and load of any of these; it has {has}"
        )
    record["baseline"] = {
        "path": str(path),
        "max_regress": max_regress,
        "notes": notes,
        "missing": [_described(run) for run in missing],
    }


def regressed(record: dict[str, Any]) -> bool:
    """True if any run is slower than its baseline by more than `max_regress`, and not by chance."""
    return any(run["baseline"] and run["baseline"]["regressed"] for run in record["runs"])


def _require_comparable(record: dict[str, Any]) -> None:
    """Raises a Python error if a field that is read of an older record is missing or unfit."""
    if record["schema"] != SCHEMA:
        raise ValueError(f"schema is {record['schema']!r}, expected {SCHEMA!r}")
    for run in _entries(record, "runs"):
        _require(str, run, "model", "scope", "device")
        _require(int, run, "batch_size", "lanes")
        _require((int, type(None)), run, *_THREADS)
        _key(run)
        repeats = run["images_per_s_repeats"]
        if not isinstance(repeats, list) or not repeats:
            raise ValueError(f"images_per_s_repeats is {repeats!r}, expected numbers")
        for rate in (run["images_per_s"], *repeats):
            if type(rate) not in (int, float) or not _LEAST_RATE <= rate <= _MOST_RATE:
                raise ValueError(f"a run has {rate!r} images/s, expected a number above 0")
    for model in _entries(record, "models"):
        _require(str, model, "path", "sha256")
    _require(dict, record, "environment")
    known = {name: record["environment"].get(name) for name in _ENVIRONMENT}
    _require((str, int, type(None)), known, *known)


def _entries(record: dict[str, Any], name: str) -> list[dict[str, Any]]:
    _require(list, record, name)
    return list(record[name])


def _require(kind: type | tuple[type, ...], holder: dict[str, Any], *names: str) -> None:
    for name in names:
        if not isinstance(holder[name], kind):
            raise TypeError(f"{name} is {holder[name]!r}, expected {kind}")


def _counterpart(run: dict[str, Any], others: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The run that answers the same question: of the same file, or of one of that name if all are.

    Several files of one name, none of them this one, answer nothing.
    """
    alike = [other for other in others if _key(other) == _key(run)]
    same = [other for other in alike if other["model"] == run["model"]]
    if not same and len({other["model"] for other in alike}) == 1:
        same = alike
    return same[-1] if same else None


def _key(run: dict[str, Any]) -> tuple[Any, ...]:
    load = run["load"]
    num_devices = len(run["device"].split(","))
    named = [run[key] for key in _KEYS]
    return (Path(run["model"]).name, num_devices, *named, load["kind"], load["rate"])


def _compared(run: dict[str, Any], older: dict[str, Any], max_regress: float) -> dict[str, Any]:
    allowed = [rate * (1 - max_regress) for rate in older["images_per_s_repeats"]]
    p_value = chance_of_lower(run["images_per_s_repeats"], allowed)
    ratio = run["images_per_s"] / older["images_per_s"]
    return {
        "images_per_s": older["images_per_s"],
        "ratio": ratio,
        "p_value": p_value,
        "regressed": ratio < 1 - max_regress and p_value <= SIGNIFICANCE,
    }


def _notes(record: dict[str, Any], older: dict[str, Any]) -> list[str]:
    """What else changed between two records: environment and model files, as sentences."""
    ours, theirs = record["environment"], older["environment"]
    notes = [
        f"{key} was {theirs.get(key)!r}, is {ours[key]!r}"
        for key in _ENVIRONMENT
        if theirs.get(key) != ours[key]
    ]
    for model in record["models"]:
        alike = [m for m in older["models"] if Path(m["path"]).name == Path(model["path"]).name]
        same = [other for other in alike if other["path"] == model["path"]] or alike
        if same and all(other["sha256"] != model["sha256"] for other in same):
            notes.append(f"{model['path']} has changed")
    return notes


def _run_notes(run: dict[str, Any], older: dict[str, Any]) -> list[str]:
    notes = [f"{key} was {older[key]}, is {run[key]}" for key in _THREADS if older[key] != run[key]]
    now, then = len(run["images_per_s_repeats"]), len(older["images_per_s_repeats"])
    if 1 / math.comb(now + then, now) > SIGNIFICANCE:
        notes.append(f"{now} repeats against {then} cannot tell a regression from chance")
    return [f"{_described(run)}: {note}" for note in notes]


def _described(run: dict[str, Any]) -> str:
    return f"{run['scope']} batch {run['batch_size']} lanes {run['lanes']}"
