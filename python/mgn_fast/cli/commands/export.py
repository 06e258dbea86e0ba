# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast export`: a checkpoint, or seeded random weights, to ONNX."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from mgn_fast.cli import exit_codes
from mgn_fast.cli.options import Commands, new_command, path_argument
from mgn_fast.cli.screen.progress import say, working
from mgn_fast.common.cache import file_sha256
from mgn_fast.common.text import printable
from mgn_fast.errors import ExportError, InvalidInputError
from mgn_fast.export.onnx_export import export_onnx
from mgn_fast.models.contract import WEIGHTS_HASH
from mgn_fast.models.model_file import contract_in


def add_parser(commands: Commands) -> None:
    """Adds `mgn-fast export` and its options."""
    parser = new_command(
        commands,
        "export",
        help="write a checkpoint as an ONNX model",
        example="mgn-fast export model.pt -o mgn.onnx\n"
        "  mgn-fast export --random-weights -o random.onnx",
    )
    parser.add_argument(
        "checkpoint",
        nargs="?",
        type=path_argument,
        help="a file of torch.save or safetensors, whatever its name ends in",
    )
    parser.add_argument(
        "-o", "--output", type=path_argument, required=True, help="the .onnx file to write"
    )
    parser.add_argument(
        "--random-weights", action="store_true", help="seeded random weights, no checkpoint"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random weights (0)")
    parser.add_argument("--batch-size", type=int, help="fix the batch axis (it is dynamic)")
    parser.add_argument("--opset", type=int, help="ONNX opset, 11 upward")
    parser.add_argument(
        "--pool",
        choices=("avg", "max"),
        help="how stripes were pooled in training, where the checkpoint does not say",
    )
    parser.add_argument("--outputs", choices=("embedding", "all"), default="embedding")
    parser.add_argument("--input", choices=("float32", "uint8"), default="float32")
    parser.add_argument(
        "--fuse-mirror", action="store_true", help="mirror, add and normalise inside the graph"
    )
    parser.add_argument(
        "--no-verify", dest="verify", action="store_false", help="do not compare with torch"
    )
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Writes a checkpoint or random weights as ONNX and prints the file's name; exit code 0."""
    if (arguments.checkpoint is None) != arguments.random_weights:
        given = (
            "neither a checkpoint nor --random-weights is given"
            if arguments.checkpoint is None
            else f"both {str(arguments.checkpoint)!r} and --random-weights are given"
        )
        raise InvalidInputError(f"{given}; give one of the two")
    if arguments.random_weights:
        say(f"random weights of seed {arguments.seed}: embeddings mean nothing about people")
    path = _export(arguments)
    size = path.stat().st_size
    hashes = _hashes(arguments.checkpoint, path)
    if arguments.json:
        written = {"path": str(path), "bytes": size, "verified": arguments.verify}
        print(json.dumps(written | {f"{name}_sha256": value for name, value in hashes.items()}))
    else:
        verified = "verified against torch" if arguments.verify else "not verified"
        print(f"{printable(str(path))}: {size / 1e6:.1f} MB, {verified}")
        for name, value in hashes.items():
            if value is not None:
                print(f"{name} sha256 {value}")
    return exit_codes.OK


def _hashes(checkpoint: Path | None, path: Path) -> dict[str, str | None]:
    """Whose weights these are: as their author publishes it, and as models and galleries say."""
    if checkpoint is None:
        return {"checkpoint": None, "weights": None}
    contract = contract_in(path)
    assert contract is not None  # it was just written
    weights = contract.checkpoint_sha256.removeprefix(WEIGHTS_HASH)
    return {"checkpoint": file_sha256(checkpoint), "weights": weights}


def _export(arguments: argparse.Namespace) -> Path:
    """The file written; what is wrong with a checkpoint is said in words of this command."""
    try:
        with working("exporting"):
            return export_onnx(
                arguments.checkpoint,
                arguments.output,
                batch_size=arguments.batch_size,
                opset=arguments.opset,
                outputs=arguments.outputs,
                input=arguments.input,
                fuse_mirror=arguments.fuse_mirror,
                pool=arguments.pool,
                verify=arguments.verify,
                seed=arguments.seed,
            )
    except ExportError as error:
        raise ExportError(re.sub(r"\b(pool|outputs)='(\w+)'", r"--\1 \2", str(error))) from error
