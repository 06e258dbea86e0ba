# SPDX-License-Identifier: Apache-2.0
"""Finds the options with which a model embeds pictures fastest, within a given time.

Successive halving (Jamieson and Talwalkar 2016): all settings are measured briefly, the better half
longer, and so on; the number of workers is tried last, on the setting that won. Every measurement
goes end to end, from the pictures' bytes to embeddings.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mgn_fast.bench.case import SWEEP, Case, Measured, MeasureSettings, Slo
from mgn_fast.bench.load.window import Pace
from mgn_fast.bench.measuring import measure
from mgn_fast.bench.models import batch_sizes_of, open_for_description
from mgn_fast.bench.record.row import latency_of, rates_of, simulation_doubts
from mgn_fast.bench.tuned import Tuned, load_tuned, save_tuned
from mgn_fast.common.cache import cache_directory
from mgn_fast.common.progress import Progress, no_progress
from mgn_fast.common.threads import thread_count
from mgn_fast.datasets.drawn_set import drawn_jpegs
from mgn_fast.errors import DeviceMemoryError, InvalidInputError
from mgn_fast.inference.opening import MAX_LANES
from mgn_fast.simulator.control import reconfigured
from mgn_fast.types import PathLike

TUNED_OPTIONS = ("batch_size", "lanes", "threads", "workers")
MIN_BUDGET_S = 5.0
# For `auto`, where the caller did not say how long it may take.
AUTO_BUDGET_S = 30.0
# Rates nearer to each other than this are the same: short measurements tell no more.
NEARLY = 0.02
# A shorter measurement sees little but the results that a pause of this machine held back.
LEAST_S = 0.3
_NUM_DRAWN = 64
_MOST_LANES = 4
_BURSTS = 2
# Of the time, what a single measurement may take at most.
_MOST_SHARE = 0.15
# Where there are enough batches, the middle one of so many repeats counts.
_REPEATS = 3
# Of the time, what the number of workers may take.
_WORKERS_SHARE = 0.25


@dataclass(frozen=True)
class TuningTrial:
    """One setting that was measured, with its rate and latency.

    Attributes:
        case: the setting.
        images_per_s: pictures per second.
        latency_ms: of the SLO's percentile or mean; None where there is no SLO.
        keeps_slo: the latency is within it.
    """

    case: Case
    images_per_s: float
    latency_ms: float | None
    keeps_slo: bool


@dataclass(frozen=True)
class Tuning:
    """The fastest setting that tuning found, and all that it measured.

    Attributes:
        best: the fastest setting that keeps the SLO; None if none does.
        nearest: the trial it comes from; if none keeps the SLO, the one with the least latency.
        trials: every measurement, in order.
        skipped: settings that could not be measured in the time, or at all, with the reason.
        seconds: that it took.
        kept_in: the file in the cache where `auto` finds it; None if there is no best.
        doubts: why it may not be the fastest, in words.
    """

    best: Tuned | None
    nearest: TuningTrial
    trials: tuple[TuningTrial, ...]
    skipped: tuple[tuple[str, str], ...]
    seconds: float
    kept_in: Path | None
    doubts: tuple[str, ...] = ()


@dataclass
class _Search:
    """The trials so far, and the time that is left for more."""

    settings: MeasureSettings
    budget_s: float
    until_s: float
    progress: Progress
    trials: list[TuningTrial] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    simulated: bool = False
    doubts: tuple[str, ...] = ()
    rows_per_s: float | None = None  # the slowest seen, to foresee how long a case will take

    def left_s(self) -> float:
        return self.until_s - time.monotonic()

    def try_case(self, case: Case, duration_s: float) -> TuningTrial | None:
        """The trial, or None if it would take longer than there is time."""
        repeats = 1
        if self.rows_per_s is not None:
            batch_s = case.batch_size / self.rows_per_s
            # To fill the pipeline, to measure, and to empty it.
            least_s = (2 * case.lanes + 1 + _BURSTS) * batch_s
            if least_s > min(self.left_s(), _MOST_SHARE * self.budget_s):
                self.skipped.append((str(case), f"would take {least_s:.1f} s to measure"))
                return None
            if duration_s > 2 * _REPEATS * _BURSTS * batch_s:
                repeats = _REPEATS
        pace = Pace(0.0, max(duration_s, LEAST_S) / repeats, repeats, _BURSTS)
        try:
            measured = measure(case, replace(self.settings, pace=pace))
        except DeviceMemoryError as error:
            if not self.trials:
                raise
            self.skipped.append((str(case), str(error)))
            return None
        trial = _trial(measured, self.settings)
        rows_per_s = trial.images_per_s * measured.rows_per_image
        self.rows_per_s = min(rows_per_s, self.rows_per_s or math.inf)
        self.simulated = measured.simulated
        self.doubts = simulation_doubts(measured)
        self.trials.append(trial)
        return trial


def tune(
    model: PathLike,
    *,
    pictures: Sequence[Any] | None = None,
    budget_s: float = 60.0,
    slo: Slo | None = None,
    progress: Progress = no_progress,
    **fixed: Any,
) -> Tuning:
    """The batch size, lanes, workers and, on the CPU, threads that are fastest; kept for `auto`.

    Args:
        model: an .onnx, .om or OpenVINO's .xml file.
        pictures: to embed: paths or bytes of files; None draws some, of the size of Market-1501's.
        budget_s: seconds that it may take, from 5; the first measurement is always finished.
        slo: bound on a picture's latency, from when the embedder takes it to its embedding.
        progress: is told how many rounds are done.
        fixed: what is not tuned, as `Embedder` takes it: mirror, device, backend, precision,
            contract, output.

    Returns:
        The findings.

    Raises:
        InvalidInputError: an option out of range.
        ModelError: the model cannot be opened, or neither it nor the caller says its contract.
        DeviceError: the NPU or its runtime failed.
    """
    if not MIN_BUDGET_S <= budget_s < 1e6:
        raise InvalidInputError(f"budget_s is {budget_s}, expected {MIN_BUDGET_S:g} or more")
    cache_directory()  # tried before any work is done
    started_s = time.monotonic()
    base = _base(Path(model), fixed)
    # What a simulated device computes takes the host's cores, which no NPU does.
    stand_in = {"compute": "deterministic", "guard": False}
    with reconfigured(**stand_in) if base.on_npu else contextlib.nullcontext():
        candidates = _candidates(base)
        settings = MeasureSettings(pictures=pictures or drawn_jpegs(_NUM_DRAWN, seed=0), slo=slo)
        search = _Search(settings, budget_s, started_s + budget_s, progress)
        winner = _halve(candidates, search, budget_s * (1 - _WORKERS_SHARE))
        winner = _simplest([winner, *_try_workers(winner, search)])
    best = _tuned(winner, search) if winner.keeps_slo else None
    return Tuning(
        best=best,
        nearest=winner,
        trials=tuple(search.trials),
        skipped=tuple(search.skipped),
        seconds=time.monotonic() - started_s,
        kept_in=None if best is None else save_tuned(model, fixed, best),
        doubts=search.doubts,
    )


def automatic(
    model: PathLike, *, mirror: bool | None, workers: int | None, **options: Any
) -> tuple[int, dict[str, Any]]:
    """The tuned workers and session options; tunes first where this machine has none.

    Args:
        model: to run.
        mirror: as `Embedder` takes it.
        workers: None, because it is tuned.
        options: of `open_session`, without those that are tuned.

    Returns:
        The workers, and all options of `open_session`.

    Raises:
        InvalidInputError: an option is given that is tuned.
        MgnError: as `tune`.
    """
    given = options | {"workers": workers}
    for name in TUNED_OPTIONS:
        if given.get(name) is not None:
            raise InvalidInputError(f"auto chooses {name}, but it is given as {given[name]!r}")
    fixed = {
        name: value
        for name, value in (options | {"mirror": mirror}).items()
        if name not in TUNED_OPTIONS
    }
    tuned = load_tuned(model, fixed)
    if tuned is None:
        tuned = tune(model, budget_s=AUTO_BUDGET_S, **fixed).best
        assert tuned is not None  # there is no bound to miss
    chosen = tuned.options()
    del fixed["mirror"]
    return chosen.pop("workers"), fixed | chosen


def _tuned(winner: TuningTrial, search: _Search) -> Tuned:
    return Tuned(
        batch_size=winner.case.batch_size,
        lanes=winner.case.lanes,
        workers=winner.case.workers or thread_count(),
        threads=winner.case.threads,
        images_per_s=winner.images_per_s,
        simulated=search.simulated,
    )


def _base(model: Path, fixed: dict[str, Any]) -> Case:
    unknown = set(fixed) - {"mirror", "device", "backend", "precision", "contract", "output"}
    if unknown:
        raise InvalidInputError(
            f"{sorted(unknown)[0]} is given; expected none of the options that are tuned"
        )
    device = fixed.get("device", 0)
    given = {name: value for name, value in fixed.items() if name != "device"}
    return Case(
        model,
        batch_size=1,
        lanes=1,
        device=tuple(device) if isinstance(device, (list, tuple)) else device,
        **given,
    )


def _candidates(base: Case) -> list[Case]:
    """Settings to measure, small batches first: they are quick, and tell how long others take."""
    options = base.session_options()
    del options["lanes"], options["batch_size"]
    devices = options.get("device", 0)
    num_devices = len(devices) if isinstance(devices, list) else 1
    if isinstance(devices, list):
        options["device"] = devices[0]
    with open_for_description(base.model, options, max(SWEEP)) as session:
        session.require_contract()
        sizes = batch_sizes_of(session, None, SWEEP)
    cores = thread_count()
    if base.on_npu:
        lanes = [count * num_devices for count in range(1, _MOST_LANES + 1)]
        return [replace(base, batch_size=size, lanes=n) for size in sizes for n in lanes]
    lanes = sorted({1, 2, max(1, cores // 2), min(cores, MAX_LANES)})
    return [
        replace(base, batch_size=size, lanes=n, threads=max(1, cores // n))
        for size in sizes
        for n in lanes
    ]


def _halve(candidates: list[Case], search: _Search, budget_s: float) -> TuningTrial:
    """Rounds of equal time, each with the better half of the one before."""
    rounds = max(1, math.ceil(math.log2(len(candidates))))
    until_s = time.monotonic() + budget_s
    best: list[TuningTrial] = []
    for number in range(rounds):
        search.progress("tuning", number, rounds + 1)
        share_s = (until_s - time.monotonic()) / (rounds - number) / len(candidates)
        tried: list[TuningTrial] = []
        for place, case in enumerate(candidates):
            if (best or tried) and time.monotonic() + max(share_s / 2, LEAST_S) > until_s:
                if not best:  # in the first round these are settings without a measurement
                    left = [(str(other), "no time was left") for other in candidates[place:]]
                    search.skipped += left
                break
            # Opening the model takes its part of the share.
            trial = search.try_case(case, share_s / 2)
            tried += [] if trial is None else [trial]
        best = sorted(tried, key=_merit, reverse=True) or best
        if len(best) <= 1 or time.monotonic() >= until_s:
            break
        candidates = [trial.case for trial in best[: math.ceil(len(best) / 2)]]
    search.progress("tuning", rounds, rounds + 1)
    return _simplest(best)


def _try_workers(winner: TuningTrial, search: _Search) -> list[TuningTrial]:
    """The winner again, with fewer workers than cores and with more."""
    cores = thread_count()
    counts = sorted({1, max(1, cores // 2), cores + 1} - {cores})
    trials = []
    for number, count in enumerate(counts):
        left_s = search.left_s() / (len(counts) - number)
        if left_s <= LEAST_S:
            break
        trial = search.try_case(replace(winner.case, workers=count), left_s / 2)
        trials += [] if trial is None else [trial]
    return trials


def _trial(measured: Measured, settings: MeasureSettings) -> TuningTrial:
    latency_ms = None if settings.slo is None else latency_of(measured, settings.slo.percent)
    keeps = settings.slo is None or (latency_ms or 0.0) <= settings.slo.limit_ms
    return TuningTrial(measured.case, float(np.median(rates_of(measured))), latency_ms, keeps)


def _merit(trial: TuningTrial) -> tuple[bool, float]:
    """Sort key: settings that keep the SLO first, by rate; of the others, those nearest to it."""
    if trial.keeps_slo:
        return True, trial.images_per_s
    return False, -(trial.latency_ms or 0.0)


def _simplest(trials: Sequence[TuningTrial]) -> TuningTrial:
    """Of the trials nearly as good as the best, the one that takes least memory and threads."""
    best = max(trials, key=_merit)
    if not best.keeps_slo:
        return best
    near = [
        trial
        for trial in trials
        if trial.keeps_slo and trial.images_per_s >= (1 - NEARLY) * best.images_per_s
    ]
    return min(near, key=lambda trial: _cost(trial.case))


def _cost(case: Case) -> tuple[int, int]:
    return case.lanes * case.batch_size, case.workers or thread_count()
