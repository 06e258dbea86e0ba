# SPDX-License-Identifier: Apache-2.0
"""One run of the record out of a measured case: rate, latency, stages, verdict and doubts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

import numpy as np

from mgn_fast.bench.case import Measured, MeasureSettings, Slo, percentile_name
from mgn_fast.bench.load.recorder import DEVICE_STAGES, busy_s, service_times_s
from mgn_fast.bench.load.window import Repeat
from mgn_fast.bench.record.statistics import mean_interval, percentile
from mgn_fast.bench.record.validity import LittlesLaw, doubts
from mgn_fast.bench.record.verdict import Circumstances, judge
from mgn_fast.common.observer import Span
from mgn_fast.common.threads import thread_count
from mgn_fast.errors import InvalidInputError
from mgn_fast.types import F64Array

_HOST_STAGES = ("decode", "resize", "pack", "lane_wait", "fuse")
# A run of a record, as `row_of` makes it and a file gives it back.
Row: TypeAlias = "Mapping[str, Any]"


def row_of(measured: Measured, settings: MeasureSettings) -> dict[str, Any]:
    """One entry of the record's `runs`, with None for published rates, accuracy and baseline."""
    case, repeats = measured.case, measured.repeats
    rates = rates_of(measured)
    rate = float(np.mean(rates))
    law = _littles_law(measured)
    wanted = None if case.arrivals is None else case.arrivals.rate
    reasons = [*doubts(repeats, rates, law, measured.noise, wanted), *simulation_doubts(measured)]
    occupancy = _occupancy(measured)
    verdict = judge(occupancy, _circumstances(measured))
    latency = _latency(measured, settings)
    slo = settings.slo
    if slo is not None and latency[slo.name] is None:
        reasons.append(f"too few results for {slo.name}: {latency['samples']}")
    return {
        **_what_ran(measured),
        "images_per_s": rate,
        "images_per_s_ci95": list(mean_interval(rates)),
        "images_per_s_repeats": rates,
        "network_images_per_s": rate * measured.rows_per_image,
        "latency_ms": latency,
        "stages_ms": _stages_ms(measured),
        "occupancy": occupancy,
        "device_idle": verdict.device_idle,
        "bottleneck_stage": verdict.bottleneck,
        "bottleneck": verdict.words,
        "memory": {
            "peak_resident_bytes": measured.peak_resident_bytes,
            "peak_device_bytes": measured.device_bytes,
        },
        "cold_start_s": {"load": measured.load_s, "first_inference": measured.first_s},
        "littles_law": {
            "in_flight": law.in_flight,
            "rate_times_latency": law.rate_times_latency,
        },
        "noise": asdict(measured.noise),
        "valid": not reasons,
        "reasons": reasons,
        "slo": None if slo is None else _kept(slo, latency[slo.name]),
        "published": None,
        "accuracy": None,
        "baseline": None,
    }


def _what_ran(measured: Measured) -> dict[str, Any]:
    case = measured.case
    rate = None if case.arrivals is None else case.arrivals.rate
    return {
        "model": str(case.model),
        "backend": measured.backend,
        "precision": measured.precision,
        "batch_size": case.batch_size,
        "lanes": case.lanes,
        "workers": measured.workers,
        "threads": measured.threads,
        "scope": case.scope,
        "device": _device_name(measured),
        "simulated": measured.simulated,
        "load": {"kind": "closed" if rate is None else "open", "rate": rate},
        "mirror": measured.rows_per_image == 2,
    }


def simulation_doubts(measured: Measured) -> tuple[str, ...]:
    """Why a simulated rate says nothing of the model: the chip's only times are MGN's."""
    if not measured.simulated or measured.is_mgn:
        return ()
    return (
        "the simulated chip takes the times published for MGN, and nothing says that this is MGN",
    )


def _kept(slo: Slo, reached_ms: float | None) -> dict[str, Any]:
    return {"limit": str(slo), "met": None if reached_ms is None else reached_ms <= slo.limit_ms}


def _window(repeats: Sequence[Repeat]) -> tuple[float, float]:
    """Beginning and end of all repeats, which follow each other without a break."""
    return repeats[0].started_s, repeats[-1].ended_s


def rates_of(measured: Measured) -> list[float]:
    """Images per second of each repeat; for scope "compute", of the time that computing took."""
    if measured.case.scope != "compute":
        return [repeat.rate for repeat in measured.repeats]
    rates = []
    for repeat in measured.repeats:
        busy = busy_s(measured.spans, "compute", repeat.started_s, repeat.ended_s)
        if busy == 0:
            raise InvalidInputError(
                f"scope is 'compute', but the {measured.backend} runtime does not tell how long "
                "it computes; expected scope 'device' or 'e2e'"
            )
        rates.append(repeat.images / (busy / measured.num_engines))
    return rates


def latency_of(measured: Measured, percent: float | None) -> float:
    """A percentile of latency in milliseconds, however few the results; the mean for None."""
    milliseconds = 1000 * _latencies_s(measured)
    if percent is None:
        return float(milliseconds.mean())
    return float(np.percentile(milliseconds, percent, method="inverted_cdf"))


def _latencies_s(measured: Measured) -> F64Array:
    if measured.case.scope == "compute":
        started_s, ended_s = _window(measured.repeats)
        times = service_times_s(measured.spans, "compute")
        return np.array([seconds for end_s, seconds in times if started_s <= end_s <= ended_s])
    return np.concatenate([np.array(repeat.latencies_s) for repeat in measured.repeats])


def _latency(measured: Measured, settings: MeasureSettings) -> dict[str, Any]:
    milliseconds = 1000 * _latencies_s(measured)
    told = {
        percentile_name(percent): percentile(milliseconds, percent)
        for percent in settings.told_percentiles
    }
    return {
        "mean": float(milliseconds.mean()),
        **told,
        "max": float(milliseconds.max()),
        "samples": len(milliseconds),
    }


def _littles_law(measured: Measured) -> LittlesLaw:
    """Images in flight against rate times latency; lanes of prepared images count as full."""
    repeats, case = measured.repeats, measured.case
    rate = sum(repeat.images for repeat in repeats) / sum(repeat.seconds for repeat in repeats)
    latency_s = float(np.mean(np.concatenate([repeat.latencies_s for repeat in repeats])))
    counted = [count for repeat in repeats for count in repeat.in_flight]
    if case.scope != "e2e" and case.arrivals is None:
        return LittlesLaw(float(case.lanes * case.batch_size), rate * latency_s)
    in_flight = float(np.mean(counted)) if counted else 0.0
    # Three deviations of a count of so many independent images.
    return LittlesLaw(in_flight, rate * latency_s, chance=3 / max(1, sum(counted)) ** 0.5)


def _occupancy(measured: Measured) -> dict[str, float]:
    started_s, ended_s = _window(measured.repeats)
    wall_s = ended_s - started_s

    def share(stages: Sequence[Any], units: int) -> float:
        busy = sum(busy_s(measured.spans, stage, started_s, ended_s) for stage in stages)
        return min(1.0, busy / (units * wall_s))

    shares = {
        "feed": share(("pack", "fuse"), 1),
        "lane_wait": share(("lane_wait",), 1),
    }
    if measured.workers is not None:
        shares["decode"] = share(("decode", "resize"), measured.workers)
    for stage in _device_stages(measured.spans):
        shares[stage] = share((stage,), measured.num_engines)
    return shares


def _stages_ms(measured: Measured) -> dict[str, float]:
    """Mean milliseconds per full batch by stage; a smaller batch counts as the part that it is."""
    started_s, ended_s = _window(measured.repeats)
    rate = sum(r.images for r in measured.repeats) / sum(r.seconds for r in measured.repeats)
    batches = rate * (ended_s - started_s) * measured.rows_per_image / measured.case.batch_size
    present = {span.stage for span in measured.spans}
    return {
        stage: 1000 * busy_s(measured.spans, stage, started_s, ended_s) / batches
        for stage in (*_HOST_STAGES, *DEVICE_STAGES)
        if stage in present
    }


def _device_stages(spans: Sequence[Span]) -> list[Any]:
    present = {span.stage for span in spans}
    return [stage for stage in DEVICE_STAGES if stage in present]


def _circumstances(measured: Measured) -> Circumstances:
    return Circumstances(
        lanes=measured.case.lanes,
        workers=measured.workers or 0,
        cores=thread_count(),
        on_npu=measured.case.on_npu,
        open_load=measured.case.arrivals is not None,
        floats=measured.floats,
    )


def _device_name(measured: Measured) -> str:
    if not measured.case.on_npu:
        return "cpu"
    device = measured.case.device
    return ",".join(map(str, device if isinstance(device, tuple) else (device,)))
