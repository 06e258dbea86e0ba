# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast tune`: the options with which a model embeds pictures fastest on this machine."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from mgn_fast.bench.case import Slo
from mgn_fast.bench.tuning import Tuning, TuningTrial, tune
from mgn_fast.cli import exit_codes
from mgn_fast.cli.options import (
    Commands,
    add_model_options,
    model_options,
    new_command,
    path_argument,
)
from mgn_fast.cli.screen.progress import say, stages
from mgn_fast.common.text import printable
from mgn_fast.pictures.directories import list_pictures

_SHOWN = 8


def add_parser(commands: Commands) -> None:
    """Adds `mgn-fast tune` and its options."""
    parser = new_command(
        commands,
        "tune",
        help="find the options with which a model embeds pictures fastest",
        example="mgn-fast tune mgn.onnx --images pictures/\n"
        "  mgn-fast tune mgn.om --slo p99:20ms --seconds 30\n"
        "  mgn-fast tune osnet.onnx --contract torchreid\n"
        "  mgn-fast embed pictures/ --model mgn.onnx -o people.npy --auto",
    )
    parser.add_argument(
        "model", metavar="MODEL", type=path_argument, help="an .onnx, .om or .xml file"
    )
    parser.add_argument(
        "--images", type=path_argument, help="directory of pictures like yours (drawn ones)"
    )
    parser.add_argument(
        "--slo", type=str, help="bound on a picture's latency, such as p99:20ms or mean:5ms"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="that it may take (60)")
    add_model_options(parser)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints the options with which a model embeds fastest; exit code 7 if none keeps the SLO."""
    pictures = None if arguments.images is None else list(list_pictures(arguments.images))
    options = model_options(arguments)
    with stages() as progress:
        found = tune(
            arguments.model,
            pictures=pictures,
            budget_s=arguments.seconds,
            slo=None if arguments.slo is None else Slo.parse(arguments.slo),
            progress=progress,
            **options,
        )
    for case, reason in found.skipped:
        say(f"skipped: {case}: {reason}")
    for doubt in found.doubts:
        say(f"warning: {doubt}")
    if arguments.json:
        print(json.dumps(_as_dict(found)))
    else:
        _print(found)
    return exit_codes.TOO_SLOW if found.best is None else exit_codes.OK


def command_options(found: dict[str, Any]) -> str:
    """Options of `Embedder` as the command line spells them.

    Args:
        found: by name.

    Returns:
        Such as "--batch-size 8 --lanes 2".
    """
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in found.items())


def _print(found: Tuning) -> None:
    last = {trial.case: trial for trial in found.trials}  # a setting's longest measurement
    ordered = sorted(last.values(), key=lambda trial: -trial.images_per_s)
    print(f"{'pictures/s':>11}  batch  lanes  threads  workers  latency")
    for trial in ordered[:_SHOWN]:
        print(_row(trial))
    if found.best is None:
        print(printable(f"no setting keeps the bound; the nearest is {found.nearest.case}"))
        return
    simulated = ", SIMULATED" if found.best.simulated else ""
    print(f"{len(last)} settings in {found.seconds:.0f} s; the fastest{simulated}:")
    print(f"  {command_options(found.best.options())}")
    print("kept for --auto")


def _row(trial: TuningTrial) -> str:
    case = trial.case
    latency = "" if trial.latency_ms is None else f"{trial.latency_ms:.1f} ms"
    missed = "" if trial.keeps_slo else " (too long)"
    return (
        f"{trial.images_per_s:11.1f}  {case.batch_size:5}  {case.lanes:5}  "
        f"{case.threads or '-':>7}  {case.workers or 'cores':>7}  {latency}{missed}"
    ).rstrip()


def _as_dict(found: Tuning) -> dict[str, Any]:
    return {
        "best": None if found.best is None else asdict(found.best),
        "options": None if found.best is None else command_options(found.best.options()),
        "trials": [
            {
                "batch_size": trial.case.batch_size,
                "lanes": trial.case.lanes,
                "threads": trial.case.threads,
                "workers": trial.case.workers,
                "images_per_s": trial.images_per_s,
                "latency_ms": trial.latency_ms,
                "keeps_slo": trial.keeps_slo,
            }
            for trial in found.trials
        ],
        "skipped": [{"setting": case, "reason": reason} for case, reason in found.skipped],
        "seconds": found.seconds,
    }
