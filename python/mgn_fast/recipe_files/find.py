# SPDX-License-Identifier: Apache-2.0
"""Finds what benchmark, msame or ais_bench left: which tool, and the file of each picture.

Reads names only; `read` reads what is in the files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from mgn_fast.common.files import is_directory
from mgn_fast.errors import DatasetError
from mgn_fast.recipe_files.runs import RUNS, Run, stem_of
from mgn_fast.types import PathLike

Tool = Literal["benchmark", "msame", "ais_bench"]

# <stem>_<output>.<suffix>; msame puts a word between.
_NAME = re.compile(r"(\d{5,})_(output_)?(\d{1,4})\.(txt|bin|npy)", re.ASCII)
# A tool that runs several devices leaves a directory for each, with some of the pictures.
_DEVICE = re.compile(r"(dumpOutput_)?device\d+", re.ASCII)
# Below a run's directory: a time stamp, and in it a device.
_DEPTH = 2


@dataclass(frozen=True)
class ToolOutputs:
    """The output files of one run, and the tool that wrote them.

    Attributes:
        run: which.
        place: the run's directory.
        tool: which tool's names these are.
        suffix: ".txt", ".bin" or ".npy".
        files: paths by the output's number, as the tool counts them, and the picture's.
    """

    run: Run
    place: Path
    tool: Tool
    suffix: str
    files: dict[int, dict[int, str]]


class _Named(NamedTuple):
    """A file, and the numbers in its name. A dataset has half a million of them."""

    path: str
    picture: int
    is_msame: bool
    number: int
    suffix: str


def find_outputs(results: PathLike) -> tuple[ToolOutputs, ...]:
    """The output files of the recipe's four runs, all by one tool in one format.

    benchmark counts a model's outputs from 1 and ais_bench from 0, so the lowest number tells
    them apart; msame writes `_output_` before it.

    Args:
        results: the directory of the four, or the one that holds it under the name `result`.

    Returns:
        One for each of `RUNS`, by the same tool in the same format.

    Raises:
        DatasetError: a run is not there or there twice, nothing in it is named as a tool names
            its outputs, or what is there is by two tools, runs or formats.
    """
    root = _root_of(Path(results))
    found = tuple(_outputs_of(root, run) for run in RUNS)
    for other in found[1:]:
        if (other.tool, other.suffix) != (found[0].tool, found[0].suffix):
            raise DatasetError(
                f"{str(found[0].place)!r} holds {found[0].suffix} files of {found[0].tool} and "
                f"{str(other.place)!r} {other.suffix} files of {other.tool}, expected all four by "
                "one tool in one format"
            )
    return found


def _root_of(given: Path) -> Path:
    if not is_directory(given):
        raise DatasetError(f"results {str(given)!r} is no directory")
    below = given / "result"
    names = [name for run in RUNS for name in run.results]
    if is_directory(below) and not any(is_directory(given / name) for name in names):
        return below
    return given


def _outputs_of(root: Path, run: Run) -> ToolOutputs:
    places = [root / name for name in run.results if is_directory(root / name)]
    if not places:
        names = " or ".join(run.results)
        raise DatasetError(f"results {str(root)!r} has no {names}, expected the {run} outputs")
    if len(places) > 1:
        names = " and ".join(place.name for place in places)
        raise DatasetError(f"results {str(root)!r} has {names}, expected one for {run}")
    (place,) = places
    named = _named_below(place)
    tool = _tool_of(place, named)
    files: dict[int, dict[int, str]] = {}
    for entry in named:
        twin = files.setdefault(entry.number, {}).setdefault(entry.picture, entry.path)
        if twin is not entry.path:
            raise DatasetError(
                f"{twin!r} and {entry.path!r} are the same output of the same picture, "
                "expected one of them"
            )
    return ToolOutputs(run, place, tool, named[0].suffix, files)


def _named_below(place: Path) -> list[_Named]:
    """All output files of the one run below `place`; in several directories only for devices."""
    found = dict(_folders(place, _DEPTH))
    if not found:
        raise DatasetError(
            f"{str(place)!r} holds no outputs, expected files like 00000_1.txt (benchmark), "
            "00000_output_0.txt (msame) or 00000_0.txt (ais_bench)"
        )
    devices = all(_DEVICE.fullmatch(folder.name) for folder in found)
    if len(found) > 1 and not (devices and len({folder.parent for folder in found}) == 1):
        listed = ", ".join(str(folder) for folder in list(found)[:3])
        raise DatasetError(
            f"{str(place)!r} holds outputs of {len(found)} runs ({listed}), expected one; remove "
            "the others"
        )
    return [entry for named in found.values() for entry in named]


def _folders(folder: Path, depth: int) -> Iterator[tuple[Path, list[_Named]]]:
    """The directories at and below `folder` that hold outputs, in order of name."""
    named, below = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                match = _NAME.fullmatch(entry.name)
                if match and match[1] == stem_of(int(match[1])):
                    numbers = int(match[1]), bool(match[2]), int(match[3])
                    named.append(_Named(entry.path, *numbers, f".{match[4]}"))
                elif depth > 0 and entry.is_dir():
                    below.append(entry.name)
    except OSError as error:
        raise DatasetError(f"{str(folder)!r} cannot be read: {error.strerror}") from error
    if named:
        yield folder, named
    for name in sorted(below):
        yield from _folders(folder / name, depth - 1)


def _tool_of(place: Path, names: Sequence[_Named]) -> Tool:
    """The tool that names files so; refuses two tools or formats, because one may be old."""
    first = names[0]
    for name in names:
        if (name.is_msame, name.suffix) != (first.is_msame, first.suffix):
            raise DatasetError(
                f"{str(place)!r} holds {Path(first.path).name!r} and {Path(name.path).name!r}, "
                "outputs of two tools or formats; remove one kind"
            )
    lowest = min(name.number for name in names)
    if first.is_msame and first.suffix != ".npy":
        return "msame"
    if lowest == 0 and not first.is_msame:
        return "ais_bench"
    if lowest == 1 and not first.is_msame and first.suffix != ".npy":
        return "benchmark"
    raise DatasetError(
        f"{str(place)!r} holds files like {Path(first.path).name!r}, lowest output {lowest}; no "
        "tool names its outputs so: benchmark counts from 1 and ais_bench from 0, and only "
        "ais_bench writes .npy"
    )
