# SPDX-License-Identifier: Apache-2.0
"""Compares a record's runs with those of an older record: is any slower, and not by chance?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError
from ..files import open_regular
from ..types import PathLike
from .statistics import chance_of_lower

SCHEMA = "mgn_fast.bench/1"
MAX_RECORD_BYTES = 1 << 28
# Less likely by chance than this counts as slower.
SIGNIFICANCE = 0.05
# What makes two runs the same question. The model's path may differ; its hash is told apart below.
_KEYS = ("scope", "batch_size", "lanes", "backend", "precision", "simulated", "mirror")
_ENVIRONMENT = ("cpu", "cores", "os", "python", "simd", "governor")


def read_record(path: PathLike) -> dict[str, Any]:
    """A record that `mgn-fast bench --json` wrote.

    Args:
        path: the file.

    Returns:
        The record.

    Raises:
        InvalidInputError: it cannot be read, or is no such record.
    """
    try:
        with open_regular(path) as file:
            record = json.loads(file.read(MAX_RECORD_BYTES))
        good = record["schema"] == SCHEMA and all(
            len(run["images_per_s_repeats"]) > 0 and all(key in run for key in _KEYS)
            for run in record["runs"]
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidInputError(f"baseline {str(path)!r} cannot be read: {error!r}") from error
    if not good:
        raise InvalidInputError(
            f"baseline {str(path)!r} has schema {record['schema']!r}, expected {SCHEMA!r}"
        )
    return dict(record)


def compare(record: dict[str, Any], older: dict[str, Any], path: Path, max_regress: float) -> None:
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
    known = {_key(run): run for run in older["runs"]}
    missing = dict(known)
    for run in record["runs"]:
        counterpart = known.get(_key(run))
        missing.pop(_key(run), None)
        if counterpart is not None:
            run["baseline"] = _compared(run, counterpart, max_regress)
    if record["runs"] and all(run["baseline"] is None for run in record["runs"]):
        raise InvalidInputError(
            f"baseline {str(path)!r} has no run with the scope, batch size, lanes, backend and "
            f"load of any of these; it has {', '.join(map(_described, older['runs'])) or 'none'}"
        )
    record["baseline"] = {
        "path": str(path),
        "max_regress": max_regress,
        "notes": list(_notes(record, older)),
        "missing": [_described(run) for run in missing.values()],
    }


def regressed(record: dict[str, Any]) -> bool:
    """Whether any run has.

    Args:
        record: that was compared.

    Returns:
        True or False.
    """
    return any(run["baseline"] and run["baseline"]["regressed"] for run in record["runs"])


def _key(run: dict[str, Any]) -> tuple[Any, ...]:
    load = run.get("load", {})
    name = Path(str(run.get("model"))).name
    return (name, *(run[key] for key in _KEYS), load.get("kind"), load.get("rate"))


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
    """What else changed between the two."""
    ours, theirs = record["environment"], older.get("environment", {})
    notes = [
        f"{key} was {theirs.get(key)!r}, is {ours[key]!r}"
        for key in _ENVIRONMENT
        if theirs.get(key) != ours[key]
    ]
    hashes = {model["path"]: model["sha256"] for model in older.get("models", [])}
    notes += [
        f"{model['path']} has changed"
        for model in record["models"]
        if hashes.get(model["path"], model["sha256"]) != model["sha256"]
    ]
    return notes


def _described(run: dict[str, Any]) -> str:
    return f"{run['scope']} batch {run['batch_size']} lanes {run['lanes']}"
