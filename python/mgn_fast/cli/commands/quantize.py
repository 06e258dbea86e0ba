# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast quantize`: an .onnx model in int8, for the CPU."""

from __future__ import annotations

import argparse
import json

from mgn_fast.cli import exit_codes
from mgn_fast.cli.contract_options import add_contract_options, stated_options
from mgn_fast.cli.options import Commands, new_command, path_argument
from mgn_fast.cli.screen.progress import say, stages
from mgn_fast.common.text import printable
from mgn_fast.quantize.run import MIN_COSINE, KeepFloat32, Quantized, quantize_onnx
from mgn_fast.quantize.trial import Accuracy

# Beyond this share of its work in float32 a model is hardly faster for the rest.
_MUCH = 0.3
_NAMED = 5


def add_parser(commands: Commands) -> None:
    """Adds `mgn-fast quantize` and its options."""
    parser = new_command(
        commands,
        "quantize",
        help="write an ONNX model in int8, three times as fast on the CPU",
        example="mgn-fast quantize mgn.onnx --images Market-1501-v15.09.15/bounding_box_train "
        "-o mgn-int8.onnx\n  mgn-fast verify mgn.onnx mgn-int8.onnx Market-1501-v15.09.15\n"
        "  mgn-fast quantize osnet.onnx --contract torchreid --images pictures/ -o osnet-int8.onnx",
    )
    parser.add_argument("model", metavar="MODEL", type=path_argument, help="a float32 .onnx file")
    parser.add_argument(
        "--images",
        type=path_argument,
        required=True,
        metavar="DIR",
        help="pictures like those to come, a hundred or more: training pictures, never noise",
    )
    parser.add_argument(
        "-o", "--output", type=path_argument, required=True, help="the .onnx file to write"
    )
    parser.add_argument(
        "--min-cosine",
        type=float,
        metavar="X",
        help=f"between the worst picture's int8 and float32 embeddings ({MIN_COSINE})",
    )
    parser.add_argument(
        "--keep-float32",
        type=_keep_float32,
        default="auto",
        metavar="N|auto|none",
        help="blocks that stay float32: as many as --min-cosine needs (auto), none, or a number",
    )
    parser.add_argument(
        "--on-error",
        choices=("raise", "skip"),
        default="raise",
        help="what to do with a picture that cannot be decoded (raise)",
    )
    parser.add_argument("--threads", type=int, help="to compute with (one per core)")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    add_contract_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Writes an ONNX model in int8 and prints what it lost; exit code 0."""
    with stages() as progress:
        found = quantize_onnx(
            arguments.model,
            arguments.images,
            arguments.output,
            **stated_options(arguments, arguments.model),
            min_cosine=arguments.min_cosine,
            keep_float32=arguments.keep_float32,
            on_error=arguments.on_error,
            threads=arguments.threads,
            progress=progress,
        )
    for reason in found.skipped:
        say(f"skipped: {reason}")
    if found.kept_work > _MUCH:
        say(
            f"warning: {found.kept_work:.0%} of the work stays float32, so less speed is gained "
            "than could be; pass a lower --min-cosine"
        )
    if arguments.json:
        print(json.dumps(found.to_dict() | {"bytes": found.path.stat().st_size}))
    else:
        _print(found)
    return exit_codes.OK


def _print(found: Quantized) -> None:
    size = found.path.stat().st_size
    print(f"{printable(str(found.path))}: {size / 1e6:.1f} MB")
    print(f"{'pictures':<21} {found.calibrated_on} for the ranges, {found.checked_on} held out")
    print(f"{'all in int8':<21} {_described(found.without_kept)}")
    if found.kept:
        print(f"{'as written':<21} {_described(found.accuracy)}")
    kept = f"{len(found.kept)} of {found.num_blocks} blocks, {found.kept_work:.1%} of the work"
    names = printable(", ".join(found.kept[:_NAMED]))
    more = len(found.kept) - _NAMED
    rest = f" and {more} more (--json names all)" if more > 0 else ""
    print(f"{'kept in float32':<21} {kept}{': ' if found.kept else ''}{names}{rest}")


def _described(accuracy: Accuracy) -> str:
    agreement = accuracy.agreement
    return (
        f"cosine mean {agreement.cosine_mean:.4f} min {agreement.cosine_min:.4f}, "
        f"same nearest picture {accuracy.same_nearest:.1%}"
    )


def _keep_float32(text: str) -> KeepFloat32:
    if text == "auto":
        return "auto"
    if text == "none":
        return "none"
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}, expected a number, auto or none") from None
