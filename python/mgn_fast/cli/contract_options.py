# SPDX-License-Identifier: Apache-2.0
"""The options by which a command is told how a model wants its pictures."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any, get_args

from mgn_fast.errors import InvalidInputError
from mgn_fast.models.contract import Colour, Contract, Exif, InputKind, Interpolation, Layout
from mgn_fast.models.model_file import contract_in
from mgn_fast.models.presets import PRESETS, contract_of, with_changes

# Options that change fields of the same name; --size changes two.
_FIELDS = ("input", "layout", "colour", "scale", "mean", "deviation", "interpolation", "exif")


def add_contract_options(parser: argparse.ArgumentParser) -> Any:
    """The options that state a model's contract, or change some of it.

    Args:
        parser: gets the options.

    Returns:
        Their group.
    """
    group = parser.add_argument_group("what the model wants (what its file says)")
    group.add_argument(
        "--contract",
        metavar="NAME|FILE",
        help=f"a training's ({', '.join(PRESETS)}), or a .json file",
    )
    group.add_argument("--size", type=_size, metavar="HxW", help="of a picture, such as 256x128")
    group.add_argument("--input", choices=get_args(InputKind), help="element type of the input")
    group.add_argument("--layout", choices=get_args(Layout), help="order of the input's axes")
    group.add_argument("--colour", choices=get_args(Colour), help="order of the channels")
    group.add_argument("--scale", type=float, help="divides the pixels: 255, or 1 for 0..255")
    for name, what in (("mean", "subtracted then"), ("deviation", "divides last")):
        group.add_argument(
            f"--{name}", type=_numbers, nargs="+", metavar="X", help=f"{what}; three numbers"
        )
    group.add_argument(
        "--interpolation", choices=get_args(Interpolation), help="how pictures are resized"
    )
    group.add_argument(
        "--exif",
        choices=get_args(Exif),
        help="apply turns pictures upright by their EXIF orientation (ignore, as the recipe does)",
    )
    group.add_argument("--output-name", metavar="NAME", help="the output that holds embeddings")
    return group


def stated_contract(arguments: argparse.Namespace, model: Path | None) -> Contract | None:
    """The contract that the options state; None where they say nothing of it.

    Args:
        arguments: with what `add_contract_options` added.
        model: whose own contract the options change where --contract is not given; None where
            there is no file yet.

    Returns:
        The contract, with its origin.

    Raises:
        InvalidInputError: a name or file that states none, a value that no model has, or a change
            of a contract that nobody says.
        ModelError: the model's own contract is wanted and cannot be read.
    """
    changes = _changes(arguments)
    if arguments.contract is not None:
        return with_changes(contract_of(arguments.contract), changes)
    if not changes:
        return None
    own = None if model is None else contract_in(model)
    if own is None:
        option = "size" if "height" in changes else next(iter(changes))
        raise InvalidInputError(
            f"--{option} is given without --contract, and {model or 'the model'} says no contract "
            f"that it could change; expected --contract with one of {', '.join(PRESETS)}, or a "
            ".json file"
        )
    return with_changes(own, changes)


def stated_options(arguments: argparse.Namespace, model: Path | None) -> dict[str, Any]:
    """What the options say, as keywords of `open_session`; see `stated_contract`."""
    said = {"contract": stated_contract(arguments, model), "output": arguments.output_name}
    return {name: value for name, value in said.items() if value is not None}


def _changes(arguments: argparse.Namespace) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if arguments.size is not None:
        changes["height"], changes["width"] = arguments.size
    for name in _FIELDS:
        value = getattr(arguments, name)
        if value is not None:
            changes[name] = _flat(value) if name in ("mean", "deviation") else value
    if changes.get("input") == "uint8":
        changes.setdefault("layout", "NHWC")
    return changes


def _flat(groups: list[list[float]]) -> list[float]:
    return [number for group in groups for number in group]


def _size(text: str) -> tuple[int, int]:
    """Height and width."""
    match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r}, expected height x width, such as 256x128")
    return int(match[1]), int(match[2])


def _numbers(text: str) -> list[float]:
    """One number, or several between commas."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r}, expected three numbers, such as 0.485 0.456 0.406"
        ) from None
