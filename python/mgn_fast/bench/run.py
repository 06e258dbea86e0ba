# SPDX-License-Identifier: Apache-2.0
"""Runs a benchmark from its models to its record. Ctrl-C keeps the runs that are finished."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mgn_fast import _core
from mgn_fast.bench.accuracy import accuracy_of
from mgn_fast.bench.case import SWEEP, Case, MeasureSettings
from mgn_fast.bench.measuring import measure
from mgn_fast.bench.models import (
    batch_sizes_of,
    describe,
    open_for_description,
)
from mgn_fast.bench.record.baseline import SCHEMA
from mgn_fast.bench.record.environment import describe_environment
from mgn_fast.bench.record.published_rates import SOURCE, published_rate
from mgn_fast.bench.record.row import row_of
from mgn_fast.bench.record.trace import trace_events
from mgn_fast.common.files import is_regular_file
from mgn_fast.common.progress import Progress, no_progress
from mgn_fast.embedding.mirroring import picture_rows
from mgn_fast.errors import InvalidInputError, MgnError, ModelError
from mgn_fast.inference.opening import MAX_LANES
from mgn_fast.inference.session import Session
from mgn_fast.models.contract import MAX_BATCH_SIZE
from mgn_fast.models.presets import StatedContract


@dataclass(frozen=True)
class Plan:
    """Models to measure, their settings, and a reference for their accuracy.

    Attributes:
        models: files, each of which goes through all settings.
        settings: pace, pictures, percentiles.
        case: of every case what does not change: scope, device, precision and so on.
        batch_sizes: to sweep; None for those of the usual sweep that a model runs.
        lanes: to sweep.
        contracts: by model, of those that want their pictures otherwise than the case says.
        reference: model to compare embeddings with; None for no accuracy.
        reference_pictures: for that: a `Dataset`, or what an `Embedder` takes.
        traced: keep the spans for a trace.
        command: that repeats the run, for the record.
        options: for the record.
    """

    models: Sequence[Path]
    settings: MeasureSettings
    case: Case
    batch_sizes: Sequence[int] | None = None
    lanes: Sequence[int] = (2,)
    contracts: Mapping[Path, StatedContract] = field(default_factory=dict)
    reference: Path | None = None
    reference_pictures: Any = None
    traced: bool = False
    command: Sequence[str] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.models:
            raise InvalidInputError("models is empty, expected at least one file")
        if self.case.scope == "e2e" and not self.settings.pictures:
            raise InvalidInputError("pictures is empty, expected at least one for scope e2e")
        for name, values, most in (
            ("batch", self.batch_sizes, MAX_BATCH_SIZE),
            ("lanes", self.lanes, MAX_LANES),
        ):
            if values is not None and not (values and 1 <= min(values) <= max(values) <= most):
                raise InvalidInputError(
                    f"{name} is {list(values)}, expected numbers from 1 up, at most {most}"
                )
        if self.case.scope == "compute" and self.case.arrivals is not None:
            raise InvalidInputError(
                "scope is 'compute' and the load is open; expected 'device' or 'e2e', as a load "
                "that does not fill the device says nothing of its computing"
            )
        if self.reference is not None and not is_regular_file(self.reference):
            raise ModelError(f"reference {str(self.reference)!r} is no file")


@dataclass
class Outcome:
    """A benchmark's record and, if it was asked for, its trace.

    Attributes:
        record: as schema.json says.
        trace: events.
        failure: what ended it before its time, if any run was finished by then.
    """

    record: dict[str, Any]
    trace: list[dict[str, Any]] = field(default_factory=list)
    failure: MgnError | None = None


def benchmark(
    plan: Plan,
    *,
    progress: Progress = no_progress,
    on_run: Callable[[dict[str, Any]], None] = lambda run: None,
) -> Outcome:
    """The record of a plan's cases, all measured one after another.

    Args:
        plan: the models and their settings.
        progress: is told how many cases are done.
        on_run: is given every run as soon as it is finished.

    Returns:
        The outcome; interrupted by Ctrl-C or a failure, the runs finished until then.

    Raises:
        MgnError: a model cannot be opened, or runs none of the batch sizes; the first run failed.
    """
    started_s = time.perf_counter()
    cases: list[Case] = []
    models: list[dict[str, Any]] = []
    for model in map(Path, plan.models):
        found, own_cases = _cases(plan, model)
        models.append(found)
        cases += own_cases
    with_ascend = any(case.on_npu for case in cases)
    _refuse_idle_options(plan, cases)
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "command": list(plan.command),
        "started": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "seconds": 0.0,
        "interrupted": False,
        "options": plan.options,
        "environment": describe_environment(with_ascend=with_ascend),
        "model": models[0],
        "models": models,
        "runs": [],
        "baseline": None,
    }
    outcome = Outcome(record)
    try:
        for run in _runs(plan, cases, outcome, progress):
            record["runs"].append(run)
            on_run(run)
        if plan.reference is not None:
            _add_accuracy(plan, cases, record["runs"], progress)
    except KeyboardInterrupt:
        record["interrupted"] = True
    except MgnError as error:
        if not record["runs"]:
            raise
        record["interrupted"] = True
        outcome.failure = error
    record["seconds"] = time.perf_counter() - started_s
    return outcome


def _refuse_idle_options(plan: Plan, cases: Sequence[Case]) -> None:
    """Raises for options that no model of the plan would follow."""
    if plan.case.threads is not None and all(case.on_npu for case in cases):
        raise InvalidInputError(
            f"threads is {plan.case.threads}, but no model computes on the CPU; leave it out"
        )
    if plan.case.device != 0 and not any(case.on_npu for case in cases):
        raise InvalidInputError(
            f"device is {plan.case.device}, but no model runs on an NPU; leave it out"
        )


def _cases(plan: Plan, model: Path) -> tuple[dict[str, Any], list[Case]]:
    """A model's description and its cases: those with the largest batches, the slowest, last."""
    contract = plan.contracts.get(model, plan.case.contract)
    base = replace(plan.case, model=model, contract=contract)
    options = base.session_options()
    del options["lanes"], options["batch_size"]
    if isinstance(options.get("device"), list):
        options["device"] = options["device"][0]
    with open_for_description(model, options, max(plan.batch_sizes or SWEEP)) as session:
        if base.scope == "e2e":
            session.require_contract()
        sizes = batch_sizes_of(session, plan.batch_sizes, _sweep(base, session))
        found = describe(model, session)
    cases = [replace(base, batch_size=size, lanes=lanes) for size in sizes for lanes in plan.lanes]
    return found, cases


def _sweep(case: Case, session: Session) -> Sequence[int]:
    """Batch sizes to try; under an open load those that hold a picture with its mirror."""
    if case.arrivals is None or case.scope != "e2e":
        return SWEEP
    rows = picture_rows(session.contract, case.model, mirror=case.mirror)
    return [size for size in SWEEP if size >= len(rows)]


def _runs(
    plan: Plan, cases: Sequence[Case], outcome: Outcome, progress: Progress
) -> Iterator[dict[str, Any]]:
    for number, case in enumerate(cases):
        progress(str(case), number, len(cases))
        measured = measure(case, plan.settings)
        run = row_of(measured, plan.settings)
        if case.on_npu and measured.is_mgn:
            run["published"] = _published(case.batch_size)
        if plan.traced:
            outcome.trace += trace_events(str(case), number, measured.spans)
        yield run
        progress(str(case), number + 1, len(cases))


def _add_accuracy(
    plan: Plan, cases: Sequence[Case], runs: Sequence[dict[str, Any]], progress: Progress
) -> None:
    """Adds each model's accuracy to its runs; embeddings do not depend on batches and lanes."""
    assert plan.reference is not None  # for mypy
    first_cases = {case.model: case for case in reversed(cases)}
    for number, (model, case) in enumerate(first_cases.items()):
        progress("accuracy", number, len(first_cases))
        found = accuracy_of(plan.reference, case, plan.reference_pictures)
        for run in runs:
            if run["model"] == str(model):
                run["accuracy"] = found
        progress("accuracy", number + 1, len(first_cases))


def _published(batch_size: int) -> dict[str, Any] | None:
    rate = published_rate(_core.ascend_info()["soc_name"], batch_size)
    return None if rate is None else {"images_per_s": rate, "source": SOURCE}
