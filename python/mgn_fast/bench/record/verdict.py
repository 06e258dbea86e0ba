# SPDX-License-Identifier: Apache-2.0
"""The bottleneck of a pipeline, in words, and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mgn_fast.common.bottleneck import Bottleneck

BOTTLENECKS: tuple[Bottleneck, ...] = ("decode", "feed", "h2d", "compute", "d2h")

# Below it no stage holds the pipeline up by itself.
BUSY = 0.85
# Of several stages as busy as that the device's computing is named, as what one pays for.
_NEARLY = 0.03

_NAMES = {"h2d": "copy-in-bound", "d2h": "copy-out-bound"}


@dataclass(frozen=True)
class Circumstances:
    """Facts of a run that the advice depends on.

    Attributes:
        lanes: batches in flight.
        workers: threads that decode; 0 where nothing is decoded.
        cores: that this process may use.
        on_npu: the device is an NPU, not this CPU.
        open_load: images come at a given rate.
        floats: the input is float32, of which bytes would be a quarter.
    """

    lanes: int
    workers: int
    cores: int
    on_npu: bool
    open_load: bool
    floats: bool


@dataclass(frozen=True)
class BottleneckVerdict:
    """The stage that limits the rate, and a sentence that says so.

    Attributes:
        bottleneck: by which stage.
        device_idle: share of the time in which nothing computed.
        words: a sentence.
    """

    bottleneck: Bottleneck
    device_idle: float
    words: str


def judge(occupancy: Mapping[str, float], circumstances: Circumstances) -> BottleneckVerdict:
    """The stage that limits the rate, with advice, from each stage's share of busy time."""
    idle = max(0.0, 1 - occupancy.get("compute", 0.0))
    bottleneck = _bottleneck(occupancy, circumstances)
    share = occupancy.get(bottleneck, 0.0)
    device = "the device idles" if circumstances.on_npu else "nothing computes for"
    lead = _NAMES.get(bottleneck, f"{bottleneck}-bound")
    if bottleneck == "load":
        words = f"load-bound: {device} {idle:.0%} of the time, waiting for images to arrive"
    elif bottleneck == "lanes":
        most = max(BOTTLENECKS, key=lambda name: occupancy.get(name, 0.0))
        words = f"{lead}: no stage is busy all the time ({most} most, "
        words += f"{occupancy.get(most, 0.0):.0%}) and {device} {idle:.0%}; "
        words += f"try {circumstances.lanes + 1} lanes, or larger batches"
    elif bottleneck == "compute":
        busy = "the device is" if circumstances.on_npu else "the lanes are"
        words = f"{lead}: {busy} busy {share:.0%} of the time; {_faster(share, circumstances)}"
    else:
        words = f"{lead} ({share:.0%} busy): {device} {idle:.0%}; "
        words += _advice(bottleneck, occupancy, circumstances)
    return BottleneckVerdict(bottleneck, idle, words)


def _bottleneck(occupancy: Mapping[str, float], circumstances: Circumstances) -> Bottleneck:
    busiest = max(BOTTLENECKS, key=lambda name: occupancy.get(name, 0.0))
    share = occupancy.get(busiest, 0.0)
    if share < BUSY:
        return "load" if circumstances.open_load else "lanes"
    if occupancy.get("compute", 0.0) >= share - _NEARLY:
        return "compute"
    return busiest


def _advice(
    bottleneck: Bottleneck, occupancy: Mapping[str, float], circumstances: Circumstances
) -> str:
    if bottleneck == "decode":
        return _more_workers(occupancy, circumstances)
    if bottleneck == "feed":
        return "one thread packs and adds: use another process beside this one"
    if bottleneck == "h2d" and circumstances.floats:
        return "use a model with bytes as input (uint8, AIPP): a quarter to copy"
    return "the link to the device is what limits; use another slot or device"


def _more_workers(occupancy: Mapping[str, float], circumstances: Circumstances) -> str:
    """The number of workers that would keep the device busy, if there are cores for them."""
    wanted = math.ceil(
        circumstances.workers * occupancy["decode"] / max(occupancy.get("compute", 0.0), 0.01)
    )
    missing = wanted - circumstances.workers
    free = max(0, circumstances.cores - circumstances.workers)
    if free == 0:
        return (
            f"all {circumstances.cores} cores decode already; decode less (smaller files), or use "
            "a machine with more cores"
        )
    more = min(missing, free)
    return f"add {more} worker{'s' if more > 1 else ''} (--workers {circumstances.workers + more})"


def _faster(share: float, circumstances: Circumstances) -> str:
    if circumstances.on_npu and share < 1 - _NEARLY and not circumstances.open_load:
        return f"try {circumstances.lanes + 1} lanes, which hides what it waits for"
    if circumstances.on_npu:
        return "only another device or a smaller network is faster"
    return "only more cores, or a lower precision (bf16, int8), are faster"
