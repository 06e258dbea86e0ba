# SPDX-License-Identifier: Apache-2.0
"""The fastest options found for a model on this machine, kept in the cache for `auto`.

One file per model and machine, so that two tunings at once do not spoil each other's.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mgn_fast import _core
from mgn_fast.cann.host import is_simulated
from mgn_fast.common.cache import cache_directory, file_sha256
from mgn_fast.common.files import read_limited, write_json
from mgn_fast.common.machine import cpu_name
from mgn_fast.errors import MgnError
from mgn_fast.models.contract import Contract
from mgn_fast.models.presets import contract_of
from mgn_fast.types import PathLike

SCHEMA = "mgn_fast.tuned/1"
_MAX_BYTES = 1 << 20
# Given or not, it means the same; anything else is None where it is not given.
_USUAL = {"device": 0}


@dataclass(frozen=True)
class Tuned:
    """Options of `Embedder` that were fastest.

    Attributes:
        batch_size: rows of the network in a batch.
        lanes: batches in flight.
        workers: threads that decode.
        threads: per lane; None on an NPU.
        images_per_s: pictures per second that they gave.
        simulated: on the simulator.
    """

    batch_size: int
    lanes: int
    workers: int
    threads: int | None
    images_per_s: float
    simulated: bool

    def options(self) -> dict[str, Any]:
        """The tuned options as keyword arguments of `Embedder`."""
        chosen: dict[str, Any] = {
            "batch_size": self.batch_size,
            "lanes": self.lanes,
            "workers": self.workers,
        }
        return chosen if self.threads is None else chosen | {"threads": self.threads}


def save_tuned(model: PathLike, fixed: dict[str, Any], tuned: Tuned) -> Path:
    """Writes what was tuned for a model into the cache, for `load_tuned`.

    Args:
        model: that was tuned.
        fixed: the options that were given, not tuned.
        tuned: what was found.

    Returns:
        The file in the cache.

    Raises:
        ModelError: the model cannot be read.
        InvalidInputError: the cache cannot be written.
    """
    return write_json(_path(model, fixed), {"schema": SCHEMA, **asdict(tuned)})


def load_tuned(model: PathLike, fixed: dict[str, Any]) -> Tuned | None:
    """The tuned options in the cache for the same file, fixed options and machine, or None.

    Args:
        model: to run.
        fixed: the options that are given.

    Returns:
        What was found; None where nothing was, or what is there cannot be read any more.

    Raises:
        ModelError: the model cannot be read.
    """
    try:
        content = json.loads(read_limited(_path(model, fixed), _MAX_BYTES))
        if content.pop("schema") != SCHEMA:
            return None
        return Tuned(**content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, MgnError):
            raise
        return None


def _words(value: Any) -> str:
    return value.to_json() if isinstance(value, Contract) else str(value)


def _path(model: PathLike, fixed: dict[str, Any]) -> Path:
    given = {name: value for name, value in fixed.items() if value != _USUAL.get(name)}
    if "contract" in given:
        given["contract"] = contract_of(given["contract"])
    question = {
        "model": file_sha256(model),
        "fixed": {name: _words(value) for name, value in sorted(given.items())},
        "machine": [cpu_name(), len(os.sched_getaffinity(0)), os.environ.get("MGN_FAST_THREADS")],
        "simulated": Path(model).suffix == ".om" and is_simulated(),
        "version": _core.build_info()["version"],
    }
    key = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:32]
    return cache_directory() / f"tuned-{key}.json"
