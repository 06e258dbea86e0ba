# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast bench`: how fast a model is, and what bounds it."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mgn_fast.bench.case import SWEEP, Case, MeasureSettings, Slo
from mgn_fast.bench.load.arrivals import Arrivals
from mgn_fast.bench.load.window import Pace
from mgn_fast.bench.models import default_model, simulated_model
from mgn_fast.bench.page.render import render_page
from mgn_fast.bench.record.baseline import compare_with_baseline, read_record, regressed
from mgn_fast.bench.record.tables import csv_text, markdown, terminal_lines
from mgn_fast.bench.run import Outcome, Plan, benchmark
from mgn_fast.cli import exit_codes
from mgn_fast.cli.bench_options import add_bench_options
from mgn_fast.cli.contract_options import stated_contract
from mgn_fast.cli.options import Commands, enable_simulator, new_command, path_argument
from mgn_fast.cli.screen.level import OPTIONS as LEVEL_OPTIONS
from mgn_fast.cli.screen.progress import say, stages
from mgn_fast.common.extras import require_extra
from mgn_fast.common.files import is_directory, replacing
from mgn_fast.common.progress import Progress
from mgn_fast.common.text import printable
from mgn_fast.datasets.dataset import Dataset, load_dataset, synthetic
from mgn_fast.errors import DatasetError, InvalidInputError
from mgn_fast.models.presets import StatedContract
from mgn_fast.pictures.directories import list_pictures
from mgn_fast.simulator.control import TIMED_SOC_VERSION

_NUM_DRAWN = 64
_NUM_REFERENCE_PERSONS = 16

_EPILOG = """mgn-fast bench mgn.onnx --images pictures/
  mgn-fast bench --batch 8 --lanes 1,2,3 --html sweep.html
  mgn-fast bench mgn_bs1.om mgn_bs8.om --json new.json --baseline old.json --max-regress 5%
  mgn-fast bench --simulate Ascend310P3 --scope device
  mgn-fast bench osnet.onnx --contract torchreid

images/s count pictures in scope e2e and rows of the network (a picture and its mirror are two)
otherwise. Latency is a batch's, in scope e2e and under an open load a picture's. A percentile is
told only where ten results lie beyond it. Pictures need the model's contract, scopes compute and
device do not. A simulated chip takes MGN's published times, whatever network it runs.

exit codes: 5 a run is not valid (--strict), 7 slower than the baseline or the --slo is missed by
every run, 130 interrupted: the files then hold the runs that were finished"""


def add_parser(commands: Commands) -> None:
    """Adds `mgn-fast bench` and its options."""
    parser = new_command(
        commands, "bench", help="measure speed, and say what bounds it", example=_EPILOG
    )
    parser.add_argument(
        "models",
        metavar="MODEL",
        nargs="*",
        type=path_argument,
        help=".onnx, .om or .xml files (MGN with seeded weights, made once and kept in the cache)",
    )
    add_bench_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measures models, prints and writes what was asked for; exit code 0, 5, 7 or 130."""
    slo = None if arguments.slo is None else Slo.parse(arguments.slo)
    older = None if arguments.baseline is None else read_record(arguments.baseline)
    if arguments.html is not None:
        require_extra("report", "jinja2", "matplotlib")
    _require_different_outputs(arguments)
    with contextlib.ExitStack() as stack:
        # The outputs are tried before anything is measured.
        outputs = {name: stack.enter_context(replacing(path)) for name, path in _outputs(arguments)}
        plan = _plan(arguments, slo, stack)
        with stages("runs") as progress:
            outcome = benchmark(plan, progress=_counting(progress), on_run=_say_run)
        record, failure = outcome.record, outcome.failure
        if older is not None and record["runs"]:
            try:
                compare_with_baseline(record, older, arguments.baseline, arguments.max_regress)
            except InvalidInputError as error:
                failure = failure or error
        # What was measured is kept, whatever else went wrong.
        for name, path in outputs.items():
            # File names may hold bytes that are no UTF-8.
            path.write_text(_WRITERS[name](outcome), encoding="utf-8", errors="backslashreplace")
    for line in terminal_lines(record["runs"]):
        print(printable(line))
    if failure is not None:
        raise failure
    for note in (record["baseline"] or {"notes": []})["notes"]:
        say(f"note: {note}")
    return _exit_code(record, strict=arguments.strict)


def _counting(progress: Progress) -> Progress:
    """One line for all runs: `_say_run` tells each."""

    def show(stage: str, done: int, total: int) -> None:
        progress("accuracy" if stage == "accuracy" else "measuring", done, total)

    return show


def _say_run(run: dict[str, Any]) -> None:
    """As soon as it is finished, for who waits; the table comes at the end."""
    say(
        f"{Path(run['model']).name}, {run['scope']}, batch {run['batch_size']}, lanes "
        f"{run['lanes']}: {run['images_per_s']:.1f} images/s"
    )


def _exit_code(record: dict[str, Any], *, strict: bool) -> int:
    if record["interrupted"]:
        say("interrupted: the runs above are those that were finished", always=True)
        return exit_codes.INTERRUPTED
    if strict and not all(run["valid"] for run in record["runs"]):
        return exit_codes.NOT_VALID
    bounds = [run["slo"] for run in record["runs"] if run["slo"] is not None]
    if regressed(record) or (bounds and all(bound["met"] is False for bound in bounds)):
        return exit_codes.TOO_SLOW
    return exit_codes.OK


_WRITERS: dict[str, Callable[[Outcome], str]] = {
    "json": lambda outcome: json.dumps(outcome.record, indent=1) + "\n",
    "csv": lambda outcome: csv_text(outcome.record),
    "markdown": lambda outcome: markdown(outcome.record),
    "html": lambda outcome: render_page(outcome.record),
    "trace": lambda outcome: json.dumps({"traceEvents": outcome.trace}) + "\n",
}


def _outputs(arguments: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    for name in _WRITERS:
        path = getattr(arguments, name)
        if path is not None:
            yield name, path


def _require_different_outputs(arguments: argparse.Namespace) -> None:
    seen: dict[str, str] = {}
    for name, path in _outputs(arguments):
        other = seen.setdefault(os.path.realpath(path), name)
        if other != name:
            raise InvalidInputError(
                f"--{other} and --{name} are both {str(path)!r}, expected a file for each"
            )


def _plan(arguments: argparse.Namespace, slo: Slo | None, stack: contextlib.ExitStack) -> Plan:
    arrivals = _arrivals(arguments)
    models = arguments.models or [default_model()]
    if arguments.simulate is not None:
        models = _simulated(models, arguments)
    device = arguments.device
    return Plan(
        models=models,
        settings=MeasureSettings(
            pictures=_pictures(arguments),
            pace=Pace(arguments.warmup, arguments.duration, arguments.repeat),
            percentiles=arguments.percentiles,
            slo=slo,
        ),
        case=Case(
            model=models[0],
            batch_size=1,
            lanes=1,
            scope=arguments.scope,
            device=tuple(device) if isinstance(device, list) else device,
            backend=arguments.backend,
            precision=arguments.precision,
            threads=arguments.threads,
            workers=arguments.workers,
            mirror=arguments.mirror,
            arrivals=arrivals,
            output=arguments.output_name,
        ),
        contracts=_contracts(arguments, models),
        batch_sizes=arguments.batch,
        lanes=arguments.lanes,
        reference=arguments.reference,
        reference_pictures=_reference_pictures(arguments, stack),
        traced=arguments.trace is not None,
        command=arguments.command_line,
        options=_recorded_options(arguments),
    )


def _contracts(arguments: argparse.Namespace, models: list[Path]) -> dict[Path, StatedContract]:
    """What the options state of each model; some may change what its own file says."""
    stated = {model: stated_contract(arguments, model) for model in models}
    return {model: contract for model, contract in stated.items() if contract is not None}


def _simulated(models: list[Path], arguments: argparse.Namespace) -> list[Path]:
    """Turns the simulator on; what is no .om yet is compiled for it."""
    if arguments.simulate != TIMED_SOC_VERSION:
        raise InvalidInputError(
            f"--simulate is {arguments.simulate!r}; times are published for {TIMED_SOC_VERSION} "
            "only, so the speed of another chip cannot be simulated"
        )
    sizes = arguments.batch or SWEEP
    compiled = [
        model
        if model.suffix == ".om"
        else simulated_model(
            model,
            arguments.simulate,
            sizes,
            stated_contract(arguments, model),
            arguments.output_name,
        )
        for model in models
    ]
    # The stand-in computes, so that this machine's cores are the host's; the guards' page
    # protections cost what no NPU does.
    enable_simulator(arguments, compute="deterministic", guard=False)
    return compiled


def _pictures(arguments: argparse.Namespace) -> list[Any]:
    if arguments.scope != "e2e":
        return []
    if arguments.images is None:
        from mgn_fast.datasets.drawn_set import drawn_jpegs

        return list(drawn_jpegs(_NUM_DRAWN, seed=0))
    if not is_directory(arguments.images):
        raise InvalidInputError(f"images {str(arguments.images)!r} is no directory")
    return list(list_pictures(arguments.images))


def _reference_pictures(arguments: argparse.Namespace, stack: contextlib.ExitStack) -> Any:
    """A dataset where there is one, so that mAP can be told."""
    if arguments.reference is None:
        return None
    if arguments.images is None:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mgn-fast-"))
        return synthetic(folder, persons=_NUM_REFERENCE_PERSONS)
    try:
        dataset: Dataset = load_dataset(arguments.images)
    except DatasetError:
        return arguments.images
    return dataset


def _arrivals(arguments: argparse.Namespace) -> Arrivals | None:
    if (arguments.load == "open") != (arguments.rate is not None):
        raise InvalidInputError(
            f"load is {arguments.load!r} and rate is {arguments.rate}; expected --load open "
            "together with --rate"
        )
    return None if arguments.rate is None else Arrivals(arguments.rate, arguments.arrival)


def _recorded_options(arguments: argparse.Namespace) -> dict[str, Any]:
    skipped = ("run", "command_line", *LEVEL_OPTIONS)
    return {name: _plain(value) for name, value in vars(arguments).items() if name not in skipped}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return [_plain(entry) for entry in value] if isinstance(value, list) else value
