# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast` without a word: what to do next, by the names of what lies in this directory."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

from mgn_fast.common.extras import EXTRAS, install_line
from mgn_fast.common.text import printable

_KINDS = {
    **dict.fromkeys((".pt", ".pth", ".safetensors"), "checkpoints"),
    **dict.fromkeys((".onnx", ".om"), "models"),
    ".gallery": "galleries",
}
# Both make a dataset in the layout of Market-1501.
_HALVES = ("bounding_box_test", "query")
# Of a kind so many are shown; of directories so many are looked into.
_SHOWN = 2
_LOOKED_INTO = 200


def first_screen(directory: Path) -> list[str]:
    """What to do next. Nothing is opened: names alone tell.

    Args:
        directory: the current one.

    Returns:
        Lines that can be printed.
    """
    found = _look(directory)
    steps = list(_steps(found))
    lines = ["mgn-fast: pictures of people to embeddings to mAP, on Ascend NPUs and on any CPU", ""]
    if steps:
        lines += ["what lies here can be used like this:", *_table(steps), ""]
    else:
        lines += ["to see the whole job, from nothing, in a minute or two:"]
        lines += [*_table([("mgn-fast demo", "")]), ""]
        lines += ["with files of your own:"]
        lines += [*_table(_USUAL), ""]
    lines += _missing(["export"] if found["checkpoints"] else [] if steps else ["export", "report"])
    lines += ["always:", *_table(_ALWAYS)]
    return [printable(line) for line in lines]


_USUAL = [
    ("mgn-fast export model.pt -o mgn.onnx", "a checkpoint to a model"),
    ("mgn-fast evaluate DATASET --model mgn.onnx", "mAP and CMC"),
    ("mgn-fast embed PICTURES --model mgn.onnx -o people.npy", "embeddings"),
]
_ALWAYS = [
    ("mgn-fast doctor", "what works on this machine, and how to mend what does not"),
    ("mgn-fast --help", "all commands"),
    ("mgn-fast COMMAND --help", "one of them, with examples"),
]


def _look(directory: Path) -> dict[str, list[str]]:
    """The names of what lies here, ascending, by its kind."""
    found: dict[str, list[str]] = {kind: [] for kind in (*_KINDS.values(), "datasets")}
    folders = []
    try:
        with os.scandir(directory) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return found  # a directory that cannot be read holds nothing that could be used
    for entry in listed:
        if entry.name.startswith("."):
            continue
        suffix = os.path.splitext(entry.name)[1]  # noqa: PTH122 (a name, no path)
        if suffix in _KINDS:
            found[_KINDS[suffix]].append(entry.name)
        if suffix != ".gallery" and _is_folder(entry):
            folders.append(entry.name)
    places = [".", *folders[:_LOOKED_INTO]]
    found["datasets"] = [place for place in places if _is_dataset(directory / place)]
    return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    with contextlib.suppress(OSError):
        return entry.is_dir()
    return False


def _is_dataset(folder: Path) -> bool:
    return all(os.path.isdir(folder / half) for half in _HALVES)  # noqa: PTH112 (never raises)


def _steps(found: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """Command lines for what was found, each with what it is good for."""
    for name in found["checkpoints"][:_SHOWN]:
        output = _quoted(os.path.splitext(name)[0] + ".onnx")  # noqa: PTH122
        yield f"mgn-fast export {_quoted(name)} -o {output}", "a checkpoint to a model"
    for name in found["models"][:_SHOWN]:
        model = f"--model {_quoted(name)}"
        for place in found["datasets"][:_SHOWN] or ["DATASET"]:
            yield f"mgn-fast evaluate {_quoted(place)} {model}", "mAP and CMC"
        yield f"mgn-fast embed PICTURES {model} -o people.npy", "embeddings"
    if not found["models"]:
        for place in found["datasets"][:_SHOWN]:
            yield f"mgn-fast evaluate {_quoted(place)} --model mgn.onnx", "mAP and CMC of a model"
    for name in found["galleries"][:_SHOWN]:
        yield f"mgn-fast search {_quoted(name)} picture.jpg", "who looks like that"


def _quoted(name: str) -> str:
    """As a word of the shell, which is no option either."""
    return shlex.quote(f"./{name}" if name.startswith("-") else name)


def _missing(
    wanted: list[str], has: Callable[[str], object] = importlib.util.find_spec
) -> list[str]:
    """The line that installs the extras which the steps above need and which are not there."""
    lacking = [extra for extra in wanted if has(EXTRAS[extra][0]) is None]
    if not lacking:
        return []
    return [f"that needs more:  {install_line(*lacking)}", ""]


def _table(rows: list[tuple[str, str]]) -> list[str]:
    """Lines with what they are good for beside them, as far as that lines up."""
    width = max(len(line) for line, _ in rows)
    return [f"  {line:<{width}}  {reason}".rstrip() for line, reason in rows]
