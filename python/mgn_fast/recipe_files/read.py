# SPDX-License-Identifier: Apache-2.0
"""Reads a tool's outputs as embeddings: the 2048 numbers of each picture, plain plus mirrored.

Every file is checked for size, form and numbers, because a wrong tensor of the right name gives a
plausible mAP.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mgn_fast.common.files import read_limited
from mgn_fast.common.progress import Progress, no_progress
from mgn_fast.datasets.dataset import Dataset
from mgn_fast.embedding.embeddings_file import NPY_ERRORS
from mgn_fast.embedding.mirroring import fused
from mgn_fast.errors import DatasetError
from mgn_fast.models.contract import EMBEDDING_WIDTH
from mgn_fast.recipe_files.find import Tool, ToolOutputs, find_outputs
from mgn_fast.recipe_files.runs import pictures_of, stem_of
from mgn_fast.types import AnyArray, F32Array, PathLike

# A batch of 64 with every digit a float has; larger ones are nothing of ours.
MAX_FILE_BYTES = 1 << 24
_FLOATS = (np.dtype("<f4"), np.dtype("<f2"))
_STEP = 64  # files between two words about how far it is


@dataclass(frozen=True, eq=False)
class ToolEmbeddings:
    """Query and gallery embeddings that a tool computed from the tensors of `write_bins`.

    Attributes:
        query, gallery: float32 [N, 2048], unit rows, in the dataset's order.
        tool: which tool's names the files have.
        suffix: their format.
        output: the number of the output taken, as the tool counts.
        num_outputs: how many the tool wrote.
        notes: what else was noticed, as sentences.
    """

    query: F32Array
    gallery: F32Array
    tool: Tool
    suffix: str
    output: int
    num_outputs: int
    notes: tuple[str, ...] = ()


def read_results(
    results: PathLike, dataset: Dataset, *, progress: Progress = no_progress
) -> ToolEmbeddings:
    """Embeddings from what benchmark, msame or ais_bench made of the tensors of `write_bins`.

    Takes the output that is 2048 wide, whatever its number; of several the first, as the recipe
    does. Raw files do not say their type: 8192 bytes are float32 and 4096 float16.

    Args:
        results: the directory of the four runs' outputs.
        dataset: whose pictures they are.
        progress: is told the number of files read.

    Returns:
        The embeddings.

    Raises:
        DatasetError: see `find_outputs`; no output is 2048 wide; a run has not one file for each
            picture; a file is not what the others are, or holds a number that is not finite; or a
            picture's embedding is zero.
    """
    runs = find_outputs(results)
    number, dtype = _choose(runs[0])
    for plain, mirrored in zip(runs[:2], runs[2:], strict=True):
        count = len(pictures_of(dataset, plain.run))
        _require_all_pictures(plain, mirrored, number, count)
    rows = _read_all(runs, number, dtype, progress)
    notes = [
        f"{str(runs[i].place)!r} and {str(runs[i + 2].place)!r} hold the same numbers: did the "
        "mirrored pictures run?"
        for i in (0, 1)
        if np.array_equal(rows[i], rows[i + 2])
    ]
    return ToolEmbeddings(
        query=_summed(rows[0], rows[2], runs[0].files[number]),
        gallery=_summed(rows[1], rows[3], runs[1].files[number]),
        tool=runs[0].tool,
        suffix=runs[0].suffix,
        output=number,
        num_outputs=len(runs[0].files),
        notes=tuple(notes),
    )


def _choose(outputs: ToolOutputs) -> tuple[int, np.dtype[Any]]:
    """The first output that is 2048 wide, and its type, by the files of one picture."""
    index = min(min(files) for files in outputs.files.values())
    paths = {n: files[index] for n, files in sorted(outputs.files.items()) if index in files}
    measured = {number: _measured(path, outputs.suffix) for number, path in paths.items()}
    fitting = {
        number: dtype
        for number, (width, dtype) in measured.items()
        if width == EMBEDDING_WIDTH and dtype in _FLOATS
    }
    if not fitting:
        listed = ", ".join(f"{n} is {_worded(*measured[n])}" for n in measured)
        batched = any(
            w > EMBEDDING_WIDTH and w % EMBEDDING_WIDTH == 0 for w, _ in measured.values()
        )
        remedy = (
            "; a whole batch in one file cannot be told apart: run a model of batch 1, or "
            "ais_bench, which splits batches"
            if batched
            else ""
        )
        raise DatasetError(
            f"{str(outputs.place)!r} has no output {EMBEDDING_WIDTH} wide: of picture "
            f"{stem_of(index)}, output {listed}{remedy}"
        )
    if outputs.suffix == ".bin" and len(set(fitting.values())) > 1:
        listed = " and ".join(f"{n} ({_worded(*measured[n])})" for n in fitting)
        raise DatasetError(
            f"{str(outputs.place)!r} has outputs {listed} and raw files do not say their type; "
            "expected one that can be the embedding: remove the other, or write text"
        )
    return next(iter(fitting.items()))


def _worded(width: int, dtype: np.dtype[Any]) -> str:
    return f"{width} x {dtype}"


def _require_all_pictures(
    plain: ToolOutputs, mirrored: ToolOutputs, number: int, count: int
) -> None:
    """Raises unless both runs have that output for every picture, 0 to count - 1, and no other."""
    sides = [outputs.files.get(number, {}) for outputs in (plain, mirrored)]
    wanted = set(range(count))
    for outputs, files in zip((plain, mirrored), sides, strict=True):
        missing, others = wanted - set(files), set(files) - wanted
        if not missing and not others:
            continue
        which = [f"{stem_of(min(missing))} is missing"] if missing else []
        which += [f"{stem_of(min(others))} is none of them"] if others else []
        if outputs.tool == "msame" and not others:
            which.append("msame writes one file per batch, so that its model must have batch 1")
        raise DatasetError(
            f"{str(outputs.place)!r} has output {number} of {len(files)} pictures (plain and "
            f"mirrored: {len(sides[0])} and {len(sides[1])}), expected each of the {count} "
            f"{plain.run.split} pictures; {', '.join(which)}"
        )


def _read_all(
    runs: Sequence[ToolOutputs], number: int, dtype: np.dtype[Any], progress: Progress
) -> list[F32Array]:
    """One array float32 [N, 2048] for each run, a row for each picture."""
    total = sum(len(run.files[number]) for run in runs)
    done, rows = 0, []
    for run in runs:
        files = run.files[number]
        rows.append(np.empty((len(files), EMBEDDING_WIDTH), np.float32))
        for index, path in files.items():
            rows[-1][index] = _row(path, run, dtype)
            done += 1
            if done % _STEP == 0 or done == total:
                progress("reading outputs", done, total)
    return rows


def _row(path: str, outputs: ToolOutputs, dtype: np.dtype[Any]) -> AnyArray:
    """The 2048 numbers of a picture's file; DatasetError if one is not finite."""
    content = read_limited(path, MAX_FILE_BYTES, DatasetError)
    if outputs.suffix == ".bin":
        if len(content) != EMBEDDING_WIDTH * dtype.itemsize:
            raise DatasetError(
                f"{path!r} has {len(content)} bytes, expected "
                f"{EMBEDDING_WIDTH * dtype.itemsize}: {_worded(EMBEDDING_WIDTH, dtype)}"
            )
        values: AnyArray = np.frombuffer(content, dtype)
    else:
        values = _npy(path, content) if outputs.suffix == ".npy" else _text(path, content)
    # benchmark's documents do not say how its text ends; the other two end numbers with a space.
    if outputs.suffix == ".txt" and outputs.tool != "benchmark" and not content[-1:].isspace():
        raise DatasetError(
            f"{path!r} ends in {content[-12:].decode(errors='replace')!r}, expected a space "
            f"or line end, as {outputs.tool} writes after every number: it is cut short"
        )
    if values.size != EMBEDDING_WIDTH or values.dtype != dtype:
        raise DatasetError(
            f"{path!r} holds {_worded(values.size, values.dtype)}, expected "
            f"{_worded(EMBEDDING_WIDTH, dtype)}"
        )
    finite = np.isfinite(values)
    if not finite.all():
        place = int(np.argmin(finite))
        raise DatasetError(
            f"{path!r} has {values[place]} at position {place}, expected finite numbers"
        )
    return values


def _measured(path: str, suffix: str) -> tuple[int, np.dtype[Any]]:
    """The count and type of the numbers in a file. Raw files of 4096 bytes are float16."""
    content = read_limited(path, MAX_FILE_BYTES, DatasetError)
    if suffix == ".bin":
        is_half = len(content) == EMBEDDING_WIDTH * 2
        dtype = _FLOATS[1] if is_half else _FLOATS[0]
        return len(content) // dtype.itemsize, dtype
    values = _npy(path, content) if suffix == ".npy" else _text(path, content)
    return values.size, values.dtype


def _npy(path: str, content: bytes) -> AnyArray:
    """The numbers of a .npy file, in the order they are stored; never unpickled."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    except NPY_ERRORS as error:
        raise DatasetError(f"{path!r} is no readable .npy file: {error}") from error
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(content) - file.tell():
        raise DatasetError(
            f"{path!r} claims {dtype} {shape} and has {len(content) - file.tell()} bytes "
            "after its header, expected what it claims"
        )
    return np.frombuffer(content, dtype, offset=file.tell())


def _text(path: str, content: bytes) -> F32Array:
    if not content.strip():
        raise DatasetError(f"{path!r} is empty, expected numbers")
    try:
        with np.errstate(over="ignore"):  # an infinity is refused by name
            rows = np.loadtxt(io.BytesIO(content), np.float32, comments=None, ndmin=1)
    except ValueError as error:
        raise DatasetError(f"{path!r} is no list of numbers: {error}") from error
    return rows.reshape(-1)


def _summed(plain: F32Array, mirrored: F32Array, files: Mapping[int, str]) -> F32Array:
    """Plain plus mirrored, each row to length 1. Works in `plain`."""
    with np.errstate(over="ignore"):  # an infinity is refused by name
        plain += mirrored
        for index, row in enumerate(plain):
            subject = f"{files[index]!r} and its mirrored one add up to"
            row[:] = fused(row, DatasetError, subject)
    return plain
