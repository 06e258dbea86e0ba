# SPDX-License-Identifier: Apache-2.0
"""The options of `mgn-fast bench`, by what they are for, and how their words are read."""

from __future__ import annotations

import argparse
from typing import get_args

from mgn_fast.bench.case import PERCENTILES, SWEEP, Scope
from mgn_fast.bench.load.arrivals import Arrival
from mgn_fast.bench.load.window import Pace
from mgn_fast.cli.options import add_model_options, path_argument


def add_bench_options(parser: argparse.ArgumentParser) -> None:
    """Adds all options of `mgn-fast bench` but the models."""
    _add_sweep_options(parser)
    add_model_options(parser)
    _add_measuring_options(parser)
    _add_judging_options(parser)
    _add_outputs(parser)


def _add_sweep_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to run")
    group.add_argument(
        "--images", type=path_argument, help="pictures or a dataset for scope e2e (drawn ones)"
    )
    group.add_argument(
        "--batch",
        type=_numbers,
        help=f"batch sizes ({','.join(map(str, SWEEP))}, as far as the model runs them)",
    )
    group.add_argument("--lanes", type=_numbers, default=[2], help="batches in flight (2)")
    group.add_argument(
        "--scope",
        choices=get_args(Scope),
        default="e2e",
        help="compute: the execution alone; device: the copies too; e2e: from a picture's bytes "
        "to its embedding (e2e)",
    )
    group.add_argument("--threads", type=int, help="per lane, on the CPU (cores divided by lanes)")
    group.add_argument("--workers", type=int, help="threads that decode (one per core)")


def _add_measuring_options(parser: argparse.ArgumentParser) -> None:
    pace = Pace()
    group = parser.add_argument_group("how to measure")
    group.add_argument(
        "--warmup", type=float, default=pace.warmup_s, help=f"seconds ({pace.warmup_s})"
    )
    group.add_argument(
        "--duration",
        type=float,
        default=pace.duration_s,
        help=f"seconds of a repeat at least ({pace.duration_s})",
    )
    group.add_argument("--repeat", type=int, default=pace.repeats, help=f"repeats ({pace.repeats})")
    group.add_argument(
        "--load",
        choices=("closed", "open"),
        default="closed",
        help="closed: as fast as it goes; open: images arrive at --rate (closed)",
    )
    group.add_argument("--rate", type=float, help="images per second of an open load")
    group.add_argument(
        "--arrival", choices=get_args(Arrival), default="poisson", help="of an open load (poisson)"
    )
    group.add_argument(
        "--percentiles",
        type=_percentiles,
        default=list(PERCENTILES),
        help=f"of latency ({','.join(f'{p:g}' for p in PERCENTILES)})",
    )


def _add_judging_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how to judge")
    group.add_argument("--slo", help="bound on latency, such as p99:20ms or mean:5ms")
    group.add_argument(
        "--baseline", type=path_argument, help="an older --json; exit 7 if a run is slower"
    )
    group.add_argument(
        "--max-regress",
        type=_share,
        default=0.05,
        help="by how much a run may be slower than the baseline (5%%)",
    )
    group.add_argument("--strict", action="store_true", help="exit 5 if a run is not valid")
    group.add_argument(
        "--reference",
        type=path_argument,
        metavar="MODEL",
        help="say too how far the embeddings are from this model's",
    )


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("files to write")
    for name, what in (
        ("json", "the whole record"),
        ("csv", "a line per run"),
        ("markdown", "a table"),
        ("html", "a page with plots (needs the report extra)"),
        ("trace", "every step, for Perfetto or chrome://tracing"),
    ):
        group.add_argument(f"--{name}", type=path_argument, metavar="FILE", help=what)


def _numbers(text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = [0]
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}, expected numbers from 1 up, such as 1,4,8")
    return numbers


def _percentiles(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}, expected such as 50,90,99.9") from None


def _share(text: str) -> float:
    """A share in [0, 1] from text such as 5% or 0.05."""
    try:
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"{text!r}, expected 0 to below 1, such as 5% or 0.05")
    return share
