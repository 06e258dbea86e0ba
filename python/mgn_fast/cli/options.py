# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share, so that one word means one thing in all of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from mgn_fast.cli.contract_options import add_contract_options, stated_options
from mgn_fast.cli.screen.level import add_level_options
from mgn_fast.cli.screen.progress import say
from mgn_fast.common.text import sentence
from mgn_fast.inference.opening import Backend
from mgn_fast.models.precision import Precision
from mgn_fast.simulator import control
from mgn_fast.simulator.control import TIMED_SOC_VERSION

# What the commands call their models.
_MODELS = ("model", "reference_model", "candidate_model")

Commands = Any  # argparse's own type for add_subparsers() is private


def new_command(commands: Commands, name: str, *, help: str, example: str) -> Any:
    """A command's parser with its example under the help, and --quiet and --verbose.

    Args:
        commands: what `add_subparsers` returned.
        name: the command.
        help: one line.
        example: command lines that work as they stand.

    Returns:
        The new parser.
    """
    parser = commands.add_parser(
        name,
        help=help,
        description=sentence(help),
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_level_options(parser)
    return parser


def path_argument(text: str) -> Path:
    """A path from the command line; an empty one is a usage error.

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


def add_model_options(parser: argparse.ArgumentParser) -> Any:
    """The options that say where and in what precision a model runs.

    Args:
        parser: gets the options.

    Returns:
        Their group.
    """
    group = parser.add_argument_group("running the model")
    group.add_argument(
        "--device",
        type=device_numbers,
        default=0,
        help="NPU, or several: 0,1 spreads lanes (0)",
    )
    group.add_argument(
        "--simulate",
        nargs="?",
        type=_soc_version,
        const=TIMED_SOC_VERSION,
        metavar="SOC",
        help=f"a simulated NPU of this kind ({TIMED_SOC_VERSION})",
    )
    group.add_argument(
        "--backend",
        choices=get_args(Backend),
        help="what runs the model (onnxruntime for .onnx, ascend for .om)",
    )
    group.add_argument(
        "--precision",
        choices=get_args(Precision),
        help="bf16 needs the openvino backend, int8 a quantised model (what the file is)",
    )
    group.add_argument(
        "--no-mirror",
        dest="mirror",
        action="store_const",
        const=False,
        help="leave the mirrored picture out (as the contract says)",
    )
    add_contract_options(parser)
    return group


def add_session_options(parser: argparse.ArgumentParser, *, auto: bool = True) -> None:
    """The options of `open_session` and `Embedder`.

    Args:
        parser: gets the options.
        auto: whether --auto is one of them; not where two models are open at once, because the
            second cannot be tuned beside the first.
    """
    group = add_model_options(parser)
    group.add_argument("--lanes", type=int, help="batches in flight at once (2)")
    group.add_argument("--batch-size", type=int, help="pictures per batch (8, or the model's own)")
    group.add_argument("--threads", type=int, help="per lane, on the CPU (cores divided by lanes)")
    group.add_argument("--workers", type=int, help="threads that decode (one per core)")
    parser.set_defaults(auto=False)
    if auto:
        group.add_argument(
            "--auto",
            action="store_true",
            help="lanes, batch size, threads and workers that `mgn-fast tune` found; tunes if it "
            "did not yet",
        )
    group.add_argument(
        "--on-error",
        choices=("raise", "skip"),
        default="raise",
        help="what to do with a picture that cannot be decoded (raise)",
    )


def model_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `add_model_options` read, as keywords of `Embedder`; starts the simulator if asked."""
    if arguments.simulate is not None and _runs_an_om(arguments):
        enable_simulator(arguments)
    stated = stated_options(arguments, _model(arguments))
    return _given(arguments, ("device", "backend", "precision", "mirror")) | stated


def session_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `add_session_options` read, as keywords of `Embedder`; `model_options` included."""
    names = ("on_error", "lanes", "batch_size", "threads", "workers")
    auto = {"auto": True} if arguments.auto else {}
    return model_options(arguments) | _given(arguments, names) | auto


def enable_simulator(arguments: argparse.Namespace, **settings: Any) -> None:
    """Turns the simulator on, with as many devices as --device names, and says so.

    Args:
        arguments: with `simulate` and `device`.
        settings: of `simulator.enable` besides.
    """
    devices = arguments.device if isinstance(arguments.device, list) else [arguments.device]
    count = max(1, min(max(devices) + 1, 64))
    timed = arguments.simulate == TIMED_SOC_VERSION
    control.enable(arguments.simulate, timing=timed, device_count=count, **settings)
    speeds = ": speeds are those of a model of the chip"
    without = " without its times: speeds mean nothing"
    say(f"{arguments.simulate} is simulated{speeds if timed else without}", always=True)


def simulated_note(simulated: bool | None) -> tuple[str, ...]:  # noqa: FBT001 (of a session)
    """What results say of embeddings that a simulated NPU made; nothing of others."""
    return ("the embeddings are of a simulated NPU",) * bool(simulated)


def _given(arguments: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """The options of these names that have a value, as keyword arguments."""
    values = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _model(arguments: argparse.Namespace) -> Path | None:
    """The model that the command names; the first where it names two."""
    models = (getattr(arguments, name, None) for name in _MODELS)
    return next((model for model in models if model is not None), None)


def _runs_an_om(arguments: argparse.Namespace) -> bool:
    """Any of the models that the commands name; an .onnx runs on the CPU all the same."""
    models = (getattr(arguments, name, None) for name in _MODELS)
    return any(model is not None and Path(model).suffix == ".om" for model in models)


def _soc_version(text: str) -> str:
    """A chip's name; a model's file after the bare option would be taken for one."""
    if not text.isalnum():
        raise argparse.ArgumentTypeError(
            f"{text!r}, expected a chip such as Ascend310P3; a bare --simulate goes last"
        )
    return text


def device_numbers(text: str) -> int | list[int]:
    """The numbers of NPUs that --device names, in the order given.

    Args:
        text: one number, or several between commas.

    Returns:
        The number, or the list of them.

    Raises:
        ArgumentTypeError: anything else.
    """
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r}, expected a number or several between commas, such as 0,1"
        ) from None
    return numbers[0] if len(numbers) == 1 else numbers


def add_rerank_options(
    parser: argparse.ArgumentParser, *, switch: str | None = "report re-ranked figures too"
) -> None:
    """Adds --rerank and its three numbers.

    Args:
        parser: gets the options.
        switch: what --rerank does, for the help; None where re-ranking is on by default.
    """
    group = parser.add_argument_group("re-ranking")
    help_text = argparse.SUPPRESS if switch is None else switch
    group.add_argument("--rerank", action="store_true", help=help_text)
    group.add_argument("--k1", type=int, default=20, help="neighbours that must be mutual (20)")
    group.add_argument("--k2", type=int, default=6, help="neighbours that are averaged (6)")
    group.add_argument(
        "--original-weight", type=float, default=0.3, help="share of the original distance (0.3)"
    )
