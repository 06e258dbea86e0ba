# SPDX-License-Identifier: Apache-2.0
"""The synthetic set as files: which pictures it has, their names, and their writing as JPEG.

The marker is written last and names the arguments: from them every file of ours is known, so that
nothing else is ever replaced. Needs OpenCV and simplejpeg: imported only when a set is written.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import simplejpeg

from mgn_fast.common.checks import whole_number
from mgn_fast.common.files import read_limited
from mgn_fast.datasets.scenes import (
    NUM_CAMERAS,
    draw_background,
    draw_fragment,
    draw_person,
    draw_pictures,
)
from mgn_fast.errors import DatasetError
from mgn_fast.types import U8Array

MAX_PERSONS = 9999
MARKER = "mgn_fast_synthetic.json"
QUERY, GALLERY, TRAIN = DIRECTORIES = ("query", "bounding_box_test", "bounding_box_train")

_QUALITY = 90
# Strangers are drawn as persons beyond every id that a name can hold.
_STRANGERS = 10_000
_PLAN = 9


@dataclass(frozen=True)
class _File:
    """One picture of the set: where it goes, and how to draw it."""

    directory: str
    name: str
    draw: Callable[[], U8Array]


def drawn_jpegs(count: int, seed: int) -> list[bytes]:
    """The pictures of `scenes.draw_pictures` as JPEG files in memory; the same errors."""
    return [_encoded(picture) for picture in draw_pictures(count, seed)]


def write_set(directory: Path, *, persons: int, seed: int) -> Path:
    """Draws and writes the whole set; until it is complete, the directory holds no part of it.

    Args:
        directory: new, empty, or holding nothing but an earlier set of ours.
        persons: 1 to 9999.
        seed: 0 upward.

    Returns:
        The directory.

    Raises:
        InvalidInputError: persons or seed is outside its range.
        DatasetError: the directory holds other files, or cannot be written.
    """
    _check(persons, seed)
    created = not directory.exists()
    try:
        _refuse_foreign(directory)
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".synthetic-", dir=directory) as temporary:
            stage = Path(temporary)
            _write_files(stage, persons, seed)
            _publish(stage, directory)
    except OSError as error:
        raise DatasetError(f"{str(directory)!r} cannot be written: {error.strerror}") from error
    finally:
        if created and directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()
    return directory


def _check(persons: int, seed: int) -> None:
    whole_number("persons", persons, 1, MAX_PERSONS)
    whole_number("seed", seed, 0)


def _refuse_foreign(directory: Path) -> None:
    if not directory.exists():
        return
    if not directory.is_dir():
        raise DatasetError(f"{str(directory)!r} is a file, expected a directory")
    ours = _own_names(directory)
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        if name not in ours or path.is_symlink():
            raise DatasetError(
                f"{str(directory)!r} holds {name!r}, which is no part of a synthetic set written "
                "here; give a new or an empty directory"
            )


def _own_names(directory: Path) -> set[str]:
    """Names of all files that an earlier call wrote here, by its marker; none without a marker."""
    try:
        marker = json.loads(read_limited(directory / MARKER, 4096))
        persons, seed = marker["persons"], marker["seed"]
        _check(persons, seed)
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    files = {f"{file.directory}/{file.name}" for file in _plan(persons, seed)}
    return files | set(DIRECTORIES) | {MARKER}


def _write_files(stage: Path, persons: int, seed: int) -> None:
    for name in DIRECTORIES:
        (stage / name).mkdir()
    for file in _plan(persons, seed):
        (stage / file.directory / file.name).write_bytes(_encoded(file.draw()))
    marker = {"persons": int(persons), "seed": int(seed)}
    (stage / MARKER).write_text(json.dumps(marker) + "\n", encoding="utf-8")


def _encoded(pixels: U8Array) -> bytes:
    content: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels), quality=_QUALITY, colorspace="RGB", colorsubsampling="420"
    )
    return content


def _publish(stage: Path, directory: Path) -> None:
    (directory / MARKER).unlink(missing_ok=True)
    for name in DIRECTORIES:
        shutil.rmtree(directory / name, ignore_errors=True)
        (stage / name).rename(directory / name)
    (stage / MARKER).rename(directory / MARKER)


def _plan(persons: int, seed: int) -> Iterator[_File]:
    """Every picture of the set. Nothing is drawn until a file's `draw` is called."""
    for person in range(1, persons + 1):
        yield from _plan_person(person, seed)
    yield from _plan_junk(persons, seed)
    yield from _plan_distractors(persons, seed)
    for person in range(persons + 1, min(persons + max(1, persons // 10), MAX_PERSONS) + 1):
        for camera in range(1, 5):
            yield _person_file(TRAIN, person, camera, 0, seed)


def _plan_person(person: int, seed: int) -> Iterator[_File]:
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_PLAN, person)))
    cameras = [int(c) for c in random.permutation(NUM_CAMERAS)[: random.integers(4, 7)] + 1]
    for camera in cameras[: random.integers(2, 4)]:
        yield _person_file(QUERY, person, camera, 0, seed)
    for i in range(int(random.integers(6, 9))):
        # The first shot is the query's, so the gallery's own start at 1.
        yield _person_file(GALLERY, person, cameras[i % len(cameras)], 1 + i // len(cameras), seed)


def _person_file(directory: str, person: int, camera: int, shot: int, seed: int) -> _File:
    draw = partial(draw_person, person, camera, shot, seed=seed)
    return _File(directory, _name(f"{person:04d}", camera, person * 25 + shot, shot), draw)


def _plan_junk(persons: int, seed: int) -> Iterator[_File]:
    for person in range(1, persons + 1, 2):
        camera = person % NUM_CAMERAS + 1
        draw = partial(draw_fragment, person, camera, 0, seed=seed)
        yield _File(GALLERY, _name("-1", camera, person * 25, 9), draw)


def _plan_distractors(persons: int, seed: int) -> Iterator[_File]:
    for i in range(persons):
        camera = i % NUM_CAMERAS + 1
        if i % 3 == 0:
            draw = partial(draw_background, camera, i, seed=seed)
        else:
            draw = partial(draw_person, _STRANGERS + i, camera, 0, seed=seed)
        yield _File(GALLERY, _name("0000", camera, i * 25, 8), draw)


def _name(person: str, camera: int, frame: int, box: int) -> str:
    return f"{person}_c{camera}s1_{frame:06d}_{box:02d}.jpg"
