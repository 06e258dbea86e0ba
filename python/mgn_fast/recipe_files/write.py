# SPDX-License-Identifier: Apache-2.0
"""Writes a dataset as the recipe's raw tensors and info files; what is there already stays.

A tensor gets its name only when it is whole, and then its picture a line in the log, by which a
later run knows it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from mgn_fast.common.cache import file_sha256
from mgn_fast.common.files import is_directory, write_atomically
from mgn_fast.common.progress import Progress, no_progress
from mgn_fast.common.threads import thread_count
from mgn_fast.datasets.dataset import Dataset
from mgn_fast.errors import DecodeError, InvalidInputError
from mgn_fast.models.contract import HEIGHT, WIDTH
from mgn_fast.pictures import pixels
from mgn_fast.recipe_files.log import BinsLog, Proof
from mgn_fast.recipe_files.runs import BIN_BYTES, RUNS, Run, pictures_of, stem_of
from mgn_fast.types import AnyArray, PathLike

_NOT_WHOLE = -1
_QUEUED = 4  # pictures given to a thread ahead
# Room for the log, the info files and the directories' own blocks, by picture.
_BESIDES_BYTES = 1024


@dataclass(frozen=True)
class Written:
    """Numbers of tensors and bytes that `write_bins` wrote, and its info files.

    Attributes:
        num_files: tensors in all.
        num_kept: of these, what an earlier run had written.
        num_bytes: of all tensors.
        info_paths: the info files.
    """

    num_files: int
    num_kept: int
    num_bytes: int
    info_paths: tuple[Path, ...]


@dataclass(frozen=True)
class _Picture:
    """A picture and the two tensors that are made of it."""

    split: str
    index: int
    path: Path
    targets: tuple[Path, Path]


def write_bins(
    dataset: Dataset,
    out: PathLike,
    *,
    recipe_order: bool = False,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> Written:
    """Every picture as two files of float32 [3, 384, 128], plain and mirrored, and four info files.

    Files are numbered in the order of the dataset. The info files come last: while they are there,
    all tensors are. A picture whose tensors an earlier run wrote from the same bytes is left alone.

    Args:
        dataset: what `load_dataset` gave.
        out: a directory; made if its parent is there.
        recipe_order: put height before width into the info files, as the recipe's commands do,
            instead of width before height.
        workers: threads; None is one per core.
        progress: is told the number of pictures done, from this thread.

    Returns:
        What was written, and what was there.

    Raises:
        InvalidInputError: `out` cannot be written, has a space in its name, holds other files
            among the tensors or is being written by another run, or the disk is too full.
        DecodeError: a picture cannot be read.
    """
    root = _checked_root(out)
    threads = thread_count(workers, name="workers")
    with _explained(root):
        _require_room(dataset, root, threads)
        log = _opened(root)
    with log:
        pictures = list(_pictures(dataset, root))
        kept = _write_all(pictures, log, threads, progress)
    order = (HEIGHT, WIDTH) if recipe_order else (WIDTH, HEIGHT)
    info_paths = tuple(_write_info(dataset, root, run, order) for run in RUNS)
    count = 2 * len(pictures)
    return Written(count, 2 * kept, count * BIN_BYTES, info_paths)


def _checked_root(out: PathLike) -> Path:
    name = os.fspath(out)
    if any(character.isspace() or not character.isprintable() for character in name):
        raise InvalidInputError(
            f"output {name!r} has a space or control character, which the info files cannot hold: "
            "they separate their columns by spaces; expected another name"
        )
    root = Path(name)
    if not is_directory(root) and os.path.lexists(root):
        raise InvalidInputError(f"output {name!r} is a file, expected a directory")
    if not is_directory(root.parent):
        raise InvalidInputError(
            f"output {name!r} cannot be made: {str(root.parent)!r} is not there"
        )
    return root


def _require_room(dataset: Dataset, root: Path, threads: int) -> None:
    """Raises before writing what would not fit. A directory may be a link to another disk."""
    needed: dict[int, int] = {}
    places: dict[int, Path] = {}
    for run in RUNS:
        folder = root / run.folder
        count = len(pictures_of(dataset, run))
        place = next(path for path in (folder, *folder.parents) if is_directory(path))
        present = _present_bytes(folder, count) if place == folder else 0
        disk = place.stat().st_dev
        places.setdefault(disk, place)
        # A file that is replaced takes its room twice for a moment, one per thread.
        besides = _BESIDES_BYTES * count + BIN_BYTES * threads
        needed[disk] = needed.get(disk, 0) + BIN_BYTES * count - present + besides
    for disk, wanted in needed.items():
        free = shutil.disk_usage(places[disk]).free
        if free < wanted:
            raise InvalidInputError(
                f"the tensors need {wanted / 1e9:.2f} GB, and the disk of {str(places[disk])!r} "
                f"has {free / 1e9:.2f} GB free; choose another disk, or use `mgn-fast evaluate "
                "--model`, which writes no tensors"
            )


def _present_bytes(folder: Path, count: int) -> int:
    """Bytes of the tensors that are there; refuses other files, because tools run all of them."""
    expected = {f"{stem_of(index)}.bin" for index in range(count)}
    present, others = 0, []
    for entry in os.scandir(folder):
        if entry.name in expected:
            present += min(entry.stat().st_size, BIN_BYTES)
        elif not _is_partial(entry.name):
            others.append(entry.name)
    if others:
        raise InvalidInputError(
            f"{str(folder)!r} holds {len(others)} entries that are no tensors of this dataset, the "
            f"first {min(others)!r}; remove them, or choose another directory"
        )
    return present


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """A block in which the system's errors become InvalidInputErrors that name the output."""
    try:
        yield
    except OSError as error:
        name = error.filename or path
        raise InvalidInputError(
            f"output {str(name)!r} cannot be written: {error.strerror}"
        ) from error


def _opened(root: Path) -> BinsLog:
    """The directory's log; makes directories, removes info files and what is half done."""
    for run in RUNS:
        (root / run.folder).mkdir(parents=True, exist_ok=True)
    log = BinsLog(root)
    try:
        for run in RUNS:
            (root / run.info).unlink(missing_ok=True)
            for entry in os.scandir(root / run.folder):
                if _is_partial(entry.name):  # of a run that was killed: the lock is ours
                    Path(entry.path).unlink()
    except BaseException:
        log.close()
        raise
    return log


def _is_partial(name: str) -> bool:
    return name.startswith(".") and name.endswith(".partial")


def _pictures(dataset: Dataset, root: Path) -> Iterator[_Picture]:
    for plain, mirrored in zip(RUNS[:2], RUNS[2:], strict=True):
        for index, path in enumerate(pictures_of(dataset, plain).paths):
            name = f"{stem_of(index)}.bin"
            targets = root / plain.folder / name, root / mirrored.folder / name
            yield _Picture(plain.split, index, path, targets)


def _write_all(pictures: Sequence[_Picture], log: BinsLog, threads: int, progress: Progress) -> int:
    """Writes what the log does not vouch for; gives the number of pictures it did vouch for."""
    kept = 0
    waiting: deque[tuple[_Picture, Future[Proof | None]]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="mgn_fast-bins") as pool:
        remaining = iter(pictures)
        try:
            for finished in range(1, len(pictures) + 1):
                for picture in islice(remaining, _QUEUED * threads - len(waiting)):
                    proof = log.proofs.get((picture.split, picture.index))
                    waiting.append((picture, pool.submit(_write_picture, picture, proof)))
                picture, future = waiting.popleft()
                new_proof = future.result()
                if new_proof is None:
                    kept += 1
                else:
                    with _explained(picture.targets[0]):
                        log.add(picture.split, picture.index, picture.path.name, new_proof)
                progress("writing tensors", finished, len(pictures))
        finally:
            for _, future in waiting:
                future.cancel()
    return kept


def _write_picture(picture: _Picture, proof: Proof | None) -> Proof | None:
    """Writes both tensors, unless `proof` stands for them; gives what stands for them now, if so.

    Runs on a worker.
    """
    sha256 = file_sha256(picture.path, DecodeError)
    stamps = _stamps(picture)
    if _NOT_WHOLE not in stamps and proof == Proof(sha256, stamps):
        return None
    resized = pixels.resize(pixels.decode(picture.path))
    plain = np.empty((3, HEIGHT, WIDTH), np.float32)
    mirrored = np.empty_like(plain)
    pixels.pack(resized, plain, mirrored=mirrored)
    for target, tensor in zip(picture.targets, (plain, mirrored), strict=True):
        with _explained(target):
            _write_tensor(target, tensor)
    return Proof(sha256, _stamps(picture))


def _stamps(picture: _Picture) -> tuple[int, int]:
    """When the tensors were last written; `_NOT_WHOLE` for one that is not there or not whole."""

    def stamp(path: Path) -> int:
        try:
            state = path.stat()
        except OSError:
            return _NOT_WHOLE
        return state.st_mtime_ns if state.st_size == BIN_BYTES else _NOT_WHOLE

    return stamp(picture.targets[0]), stamp(picture.targets[1])


def _write_tensor(path: Path, tensor: AnyArray) -> None:
    # Not `files.replacing`: it sets the process's umask for a moment, which threads share. The
    # suffix keeps tools, which take every .bin of a directory, from an unfinished one.
    partial = path.with_name(f".{path.stem}.partial")
    try:
        with partial.open("wb") as file:
            file.write(tensor.astype("<f4", copy=False).data)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _write_info(dataset: Dataset, root: Path, run: Run, sizes: tuple[int, int]) -> Path:
    """One line per tensor: number, path, and the picture's two sizes."""
    folder = root / run.folder
    lines = (
        f"{index} {folder / stem_of(index)}.bin {sizes[0]} {sizes[1]}\n"
        for index in range(len(pictures_of(dataset, run)))
    )
    return write_atomically(root / run.info, "".join(lines).encode())
