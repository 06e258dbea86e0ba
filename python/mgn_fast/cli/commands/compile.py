# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast compile`: ONNX to .om, by ATC or the simulated one."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any, get_args

from mgn_fast.cann.compile import compile_om
from mgn_fast.cann.job import AtcPrecision
from mgn_fast.cli import exit_codes
from mgn_fast.cli.contract_options import add_contract_options, stated_options
from mgn_fast.cli.options import Commands, new_command, path_argument
from mgn_fast.cli.screen.level import draws_progress
from mgn_fast.cli.screen.progress import detail, say, working
from mgn_fast.common.text import printable
from mgn_fast.models.om_file import read_sidecar


def add_parser(commands: Commands) -> None:
    """Adds `mgn-fast compile` and its options."""
    parser = new_command(
        commands,
        "compile",
        help="compile an ONNX model for an Ascend NPU",
        example="mgn-fast compile mgn.onnx -o mgn.om --batch-sizes 8 --aipp\n"
        "  mgn-fast compile mgn.onnx -o gears.om --batch-sizes 1,4,8 --soc-version Ascend310P3\n"
        "  mgn-fast compile mgn.onnx -o half.om --atc-arg=--output_type=FP16 --simulate\n"
        "  mgn-fast compile osnet.onnx -o osnet.om --contract torchreid --aipp",
    )
    parser.add_argument("onnx", type=path_argument, help="the .onnx file")
    parser.add_argument(
        "-o", "--output", type=path_argument, required=True, help="the .om file to write"
    )
    parser.add_argument("--soc-version", metavar="NAME", help="the chip (the one in this machine)")
    parser.add_argument(
        "--batch-sizes",
        "--batch-size",
        type=_sizes,
        default=(8,),
        metavar="N[,N...]",
        help="one: a static model; several: gears of one model (8)",
    )
    parser.add_argument(
        "--aipp", action="store_true", help="normalise on the device: the model takes uint8"
    )
    parser.add_argument(
        "--precision", choices=get_args(AtcPrecision), help="ATC's precision mode (float16)"
    )
    parser.add_argument("--atc", type=path_argument, metavar="PATH", help="the compiler to call")
    parser.add_argument(
        "--simulate", action="store_true", help="compile for the simulator, without CANN"
    )
    parser.add_argument(
        "--atc-arg",
        dest="extra_args",
        action="append",
        default=[],
        metavar="OPTION",
        help="one more for ATC, as in --atc-arg=--output_type=FP16; may be repeated",
    )
    parser.add_argument(
        "--timeout", type=float, default=3600, metavar="S", help="seconds it may take (3600)"
    )
    parser.add_argument(
        "--log", type=path_argument, metavar="PATH", help="file for all that ATC prints"
    )
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")
    add_contract_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compiles an ONNX model and prints which file was written; exit code 0."""
    if arguments.simulate:
        say("the compiler is simulated: its .om runs on the simulator only", always=True)
    with _reporting() as report:
        path = compile_om(
            arguments.onnx,
            arguments.output,
            soc_version=arguments.soc_version,
            batch_sizes=arguments.batch_sizes,
            aipp=arguments.aipp,
            precision=arguments.precision,
            atc=arguments.atc,
            simulate=arguments.simulate,
            extra_args=arguments.extra_args,
            timeout_s=arguments.timeout,
            log_path=arguments.log,
            on_line=report,
            **stated_options(arguments, arguments.onnx),
        )
    facts = read_sidecar(path) or {}
    if facts["contract"] is None:
        say(
            f"note: nobody says how {printable(str(arguments.onnx))} wants its pictures, so "
            "commands that embed by this .om will need --contract"
        )
    if arguments.json:
        print(json.dumps({"path": str(path)} | facts))
        return exit_codes.OK
    sizes = ", ".join(map(str, facts["batch_sizes"]))
    print(
        f"{printable(str(path))}: {facts['om_bytes'] / 1e6:.1f} MB for {facts['soc_version']}, "
        f"batch {sizes}, {_fed(facts)}; {facts['seconds']:.1f} s"
    )
    return exit_codes.OK


def _fed(facts: dict[str, Any]) -> str:
    """What the .om takes."""
    if not facts["aipp"]:
        return "the ONNX file's input"
    return f"uint8 {facts['contract']['colour']} pictures, normalised on the device"


def _sizes(text: str) -> tuple[int, ...]:
    """Batch sizes from text: whole numbers between commas."""
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a batch size, or several between commas"
        ) from None


@contextlib.contextmanager
def _reporting() -> Iterator[Callable[[str], None]]:
    """ATC's lines and a clock, if a person is there to see them; the lines with --verbose too."""
    with working("compiling"):
        yield say if draws_progress() else detail
