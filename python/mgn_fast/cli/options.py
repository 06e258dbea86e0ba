# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share, so that one word means one thing in all of them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .. import simulator
from ..simulator.control import TIMED_SOC_VERSION
from .progress import say

# What the commands call their models.
_MODELS = ("model", "reference_model", "candidate_model")

Commands = Any  # argparse's own type for add_subparsers() is private


def new_command(commands: Commands, name: str, *, help: str, example: str) -> Any:
    """A command's parser with its example under the help.

    Args:
        commands: what `add_subparsers` returned.
        name: the command.
        help: one line.
        example: command lines that work as they stand.

    Returns:
        The new parser.
    """
    return commands.add_parser(
        name,
        help=help,
        description=help[0].upper() + help[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def path_argument(text: str) -> Path:
    """A path from the command line.

    Args:
        text: the word.

    Returns:
        The path.

    Raises:
        ArgumentTypeError: the word is empty, which would silently mean the current directory.
    """
    if not text:
        raise argparse.ArgumentTypeError("the path is empty, expected a file or directory")
    return Path(text)


def add_session_options(parser: argparse.ArgumentParser) -> None:
    """The options of `open_session` and `Embedder`.

    Args:
        parser: gets the options.
    """
    group = parser.add_argument_group("running the model")
    group.add_argument("--lanes", type=int, default=2, help="batches in flight at once (2)")
    group.add_argument("--batch-size", type=int, help="pictures per batch (8, or the model's own)")
    group.add_argument("--threads", type=int, help="per lane, on the CPU (cores divided by lanes)")
    group.add_argument(
        "--device", type=_devices, default=0, help="NPU, or several: 0,1 spreads the lanes (0)"
    )
    group.add_argument(
        "--simulate",
        nargs="?",
        const="Ascend310P3",
        metavar="SOC",
        help="run .om models on a simulated NPU of this kind (Ascend310P3)",
    )
    group.add_argument("--workers", type=int, help="threads that decode (one per core)")
    group.add_argument(
        "--no-mirror", dest="mirror", action="store_false", help="leave the mirrored picture out"
    )
    group.add_argument(
        "--on-error",
        choices=("raise", "skip"),
        default="raise",
        help="what to do with a picture that cannot be decoded (raise)",
    )


def session_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `add_session_options` read, as keyword arguments of `Embedder`.

    Turns the simulator on where it is asked for.

    Args:
        arguments: the parsed command line.

    Returns:
        The keyword arguments.
    """
    if arguments.simulate is not None and _runs_an_om(arguments):
        devices = arguments.device if isinstance(arguments.device, list) else [arguments.device]
        simulator.enable(
            arguments.simulate,
            timing=arguments.simulate == TIMED_SOC_VERSION,
            device_count=max(1, min(max(devices) + 1, 64)),
        )
        say(f"{arguments.simulate} is simulated: speeds are those of a model of the chip")
    names = ("lanes", "batch_size", "threads", "device", "workers", "mirror", "on_error")
    return {name: getattr(arguments, name) for name in names}


def _runs_an_om(arguments: argparse.Namespace) -> bool:
    """Any of the models that the commands name; an .onnx runs on the CPU all the same."""
    models = (getattr(arguments, name, None) for name in _MODELS)
    return any(model is not None and Path(model).suffix == ".om" for model in models)


def _devices(text: str) -> int | list[int]:
    """One number, or several between commas."""
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r}, expected a number or several between commas, such as 0,1"
        ) from None
    return numbers[0] if len(numbers) == 1 else numbers


def add_rerank_options(parser: argparse.ArgumentParser) -> None:
    """Whether and how to re-rank.

    Args:
        parser: gets the options.
    """
    group = parser.add_argument_group("re-ranking")
    group.add_argument("--rerank", action="store_true", help="report re-ranked figures too")
    group.add_argument("--k1", type=int, default=20, help="neighbours that must be mutual (20)")
    group.add_argument("--k2", type=int, default=6, help="neighbours that are averaged (6)")
    group.add_argument(
        "--original-weight", type=float, default=0.3, help="share of the original distance (0.3)"
    )
