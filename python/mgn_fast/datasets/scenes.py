# SPDX-License-Identifier: Apache-2.0
"""Pictures of drawn pedestrians, shaped like Market-1501's crops: 128 high, 64 wide, uint8 RGB.

Each is a function of (seed, person, camera, shot) alone, whatever else is drawn. Knows nothing of
files. Needs OpenCV, so it is imported only by the functions that draw.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mgn_fast.common.checks import whole_number
from mgn_fast.datasets.pedestrian import (
    Colour,
    Look,
    Placement,
    Pose,
    Random,
    draw_body,
    random_look,
)
from mgn_fast.errors import InvalidInputError
from mgn_fast.types import F32Array, U8Array

HEIGHT = 128
WIDTH = 64
NUM_CAMERAS = 6

# Drawn twice as large and averaged down, which gives soft edges.
_ROWS = 2 * HEIGHT
_COLUMNS = 2 * WIDTH
_SCENE_COLUMNS = 6 * _COLUMNS

# First part of each random key: what is being drawn.
_LOOK, _SHOT, _SCENE, _CHOICE = range(1, 5)


@dataclass(frozen=True)
class _Camera:
    """A camera's place and light: `cast` per RGB channel; `blur` and `noise` are deviations."""

    gain: float
    cast: tuple[float, float, float]
    contrast: float
    blur: float
    noise: float
    scale: float
    horizon: float
    light_from: float
    ground: Colour
    wall: Colour
    scenery: str


_CAMERAS = (
    _Camera(1.05, (1.03, 1.00, 0.96), 1.04, 0.45, 3.0, 0.90, 0.34, 1.0,
            (168, 160, 150), (150, 134, 118), "windows"),
    _Camera(0.88, (0.95, 0.99, 1.06), 0.95, 0.60, 5.0, 0.88, 0.28, -1.0,
            (140, 140, 142), (104, 118, 100), "hedge"),
    _Camera(1.12, (1.00, 1.01, 1.01), 0.92, 0.80, 3.5, 0.92, 0.40, 0.4,
            (172, 168, 162), (166, 168, 172), "windows"),
    _Camera(0.95, (1.06, 1.00, 0.91), 1.06, 0.50, 4.0, 0.89, 0.26, 0.8,
            (158, 140, 124), (124, 126, 98), "hedge"),
    _Camera(0.98, (0.96, 1.03, 0.98), 0.97, 0.90, 4.5, 0.87, 0.44, -0.6,
            (132, 144, 120), (138, 144, 148), "columns"),
    _Camera(0.80, (1.02, 0.98, 1.03), 1.05, 0.55, 6.0, 0.90, 0.36, -1.0,
            (136, 132, 138), (116, 110, 118), "columns"),
)  # fmt: skip


def _random(seed: int, *key: int) -> Random:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _blotches(random: Random, rows: int, columns: int, cell: int, strength: float) -> F32Array:
    """Smooth grey noise with spots about `cell` pixels wide, as [rows, columns, 1]."""
    coarse = random.normal(0, strength, (rows // cell + 2, columns // cell + 2)).astype(np.float32)
    fine = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return np.asarray(fine, np.float32)[..., None]


@functools.lru_cache(maxsize=2 * NUM_CAMERAS)
def _scene(seed: int, camera: int) -> U8Array:
    """The camera's view without people: several crops wide, so that neighbours differ."""
    random = _random(seed, _SCENE, camera)
    place = _CAMERAS[camera - 1]
    horizon = int(_ROWS * place.horizon)
    scene = np.empty((_ROWS, _SCENE_COLUMNS, 3), np.float32)
    scene[:horizon] = place.wall
    scene[horizon:] = place.ground
    scene[horizon:] *= np.linspace(0.86, 1.08, _ROWS - horizon, dtype=np.float32)[:, None, None]
    scene += _blotches(random, _ROWS, _SCENE_COLUMNS, 48, 9)
    scene += _blotches(random, _ROWS, _SCENE_COLUMNS, 5, 4)
    _draw_scenery(scene, random, place.scenery, horizon)
    for slab in range(horizon + 12, _ROWS, 34):
        cv2.line(scene, (0, slab), (_SCENE_COLUMNS, slab + 8), [0.8 * c for c in place.ground], 1)
    return np.clip(scene, 0, 255).astype(np.uint8)


def _draw_scenery(scene: F32Array, random: Random, kind: str, horizon: int) -> None:
    if kind == "hedge":
        scene[:horizon] += _blotches(random, horizon, _SCENE_COLUMNS, 9, 26)
        for x in random.integers(0, _SCENE_COLUMNS, 5):
            cv2.line(scene, (int(x), 0), (int(x) + 4, horizon + 10), (72, 56, 44), 12)
        return
    step = 70 if kind == "windows" else 110
    for x in range(int(random.integers(step)), _SCENE_COLUMNS, step):
        shade = float(random.uniform(40, 110))
        wide = step // 2 if kind == "windows" else 18
        top = 12 if kind == "windows" else 0
        bottom = horizon - 14 if kind == "windows" else horizon + 6
        colour = (shade, shade * 1.05, shade * 1.15)
        cv2.rectangle(scene, (x, top), (x + wide, bottom), colour, cv2.FILLED)


def _random_pose(random: Random) -> Pose:
    turn = float(random.choice([0, 0.5, 1, 1.5])) * np.pi + float(random.normal(0, 0.25))
    swing = float(random.uniform(-1, 1))
    return Pose(side=float(np.sin(turn)), front=float(np.cos(turn)), swing=swing)


def _paste(picture: F32Array, sheet: U8Array, shade: F32Array) -> None:
    inside = sheet[..., 3] > 0
    picture[inside] = sheet[..., :3][inside] * shade[inside]


def _shade(random: Random, light_from: float, x: float) -> F32Array:
    """Light from one side across the body, and folds: a factor per pixel."""
    across = (np.arange(_COLUMNS, dtype=np.float32) - x) / (0.25 * _COLUMNS)
    folds = _blotches(random, _ROWS, _COLUMNS, 11, 0.06)
    shade: F32Array = 1 + 0.16 * light_from * np.clip(across, -1, 1)[None, :, None] + folds
    return shade


def _add_person(
    picture: F32Array, look: Look, placement: Placement, random: Random, light: float
) -> None:
    soles = (int(placement.x), int(placement.y + 0.985 * placement.height))
    shadow = np.zeros((_ROWS, _COLUMNS), np.uint8)
    axes = (int(0.19 * placement.height), int(0.035 * placement.height))
    cv2.ellipse(shadow, (soles[0] - int(18 * light), soles[1]), axes, 0, 0, 360, (1,), cv2.FILLED)
    picture[shadow > 0] *= 0.68
    sheet = draw_body(look, _random_pose(random), placement, (_ROWS, _COLUMNS))
    _paste(picture, sheet, _shade(random, light, placement.x))


def _add_occluder(picture: F32Array, random: Random) -> None:
    """Something in front of the person: a post, or a box that hides the legs."""
    shade = random.uniform(50, 170)
    colour = tuple(float(c) for c in shade + random.normal(0, 14, 3))
    if random.random() < 0.5:
        x = int(random.uniform(0.2, 0.8) * _COLUMNS)
        cv2.line(picture, (x, 0), (x, _ROWS), colour, int(random.integers(8, 16)))
        return
    top = int(random.uniform(0.62, 0.8) * _ROWS)
    left = int(random.uniform(-0.4, 0.3) * _COLUMNS)
    cv2.rectangle(picture, (left, top), (left + _COLUMNS, _ROWS), colour, cv2.FILLED)
    cv2.line(picture, (left, top), (left + _COLUMNS, top), tuple(0.7 * c for c in colour), 4)


def _photograph(picture: F32Array, place: _Camera, random: Random) -> U8Array:
    """The camera's own light, colour, sharpness and noise, at the final size."""
    small = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), place.blur * float(random.uniform(0.8, 1.4)))
    gain = place.gain * random.uniform(0.88, 1.12)
    cast = np.array(place.cast) * random.normal(1, 0.015, size=3)
    lit = ((small - 118) * place.contrast + 118) * (gain * cast)
    lit = np.rint(lit + random.normal(0, place.noise, lit.shape))
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


def _background(seed: int, camera: int, random: Random) -> F32Array:
    left = int(random.integers(_SCENE_COLUMNS - _COLUMNS))
    return _scene(seed, camera)[:, left : left + _COLUMNS].astype(np.float32)


def _placement(place: _Camera, look: Look, random: Random) -> Placement:
    height = _ROWS * place.scale * look.height * float(random.uniform(0.94, 1.04))
    x = _COLUMNS * (0.5 + float(random.normal(0, 0.035)))
    y = (_ROWS - height) / 2 + float(random.normal(0, 0.012)) * _ROWS
    return Placement(x, y, height)


def draw_person(person: int, camera: int, shot: int, *, seed: int) -> U8Array:
    """One person as one camera sees them: the look is the person's, all else the picture's own.

    Args:
        person: 0 upward; who it is.
        camera: 1 to 6; whose light, colour, place and noise.
        shot: 0 upward; which of the camera's pictures of that person.
        seed: 0 upward; another seed gives other people and places.

    Returns:
        uint8 [128, 64, 3], RGB.

    Raises:
        InvalidInputError: a number is outside its range.
    """
    _require(person=person, shot=shot, seed=seed)
    place = _camera(camera)
    random = _random(seed, _SHOT, person, camera, shot)
    look = random_look(_random(seed, _LOOK, person))
    picture = _background(seed, camera, random)
    if random.random() < 0.12:
        passer = random_look(random)
        aside = replace(
            _placement(place, passer, random), x=float(random.choice([-2, _COLUMNS + 2]))
        )
        _add_person(picture, passer, aside, random, place.light_from)
    _add_person(picture, look, _placement(place, look, random), random, place.light_from)
    if random.random() < 0.15:
        _add_occluder(picture, random)
    return _photograph(picture, place, random)


def draw_fragment(person: int, camera: int, shot: int, *, seed: int) -> U8Array:
    """A badly cut crop of a person, as detectors give them: Market-1501 marks these junk (-1).

    Args:
        person: 0 upward; who it is.
        camera: 1 to 6.
        shot: 0 upward; which of the fragments.
        seed: 0 upward.

    Returns:
        uint8 [128, 64, 3], RGB.

    Raises:
        InvalidInputError: a number is outside its range.
    """
    whole = draw_person(person, camera, shot, seed=seed)
    random = _random(seed, _CHOICE, person, camera, shot)
    rows = int(random.integers(HEIGHT // 4, HEIGHT // 2))
    top = int(random.integers(HEIGHT - rows))
    left = int(random.choice([0, WIDTH // 3]))
    cut = whole[top : top + rows, left : left + 2 * WIDTH // 3]
    return np.asarray(cv2.resize(cut, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR), np.uint8)


def draw_background(camera: int, shot: int, *, seed: int) -> U8Array:
    """A crop without a person: a detector's false alarm, in Market-1501 a distractor (0000).

    Args:
        camera: 1 to 6.
        shot: 0 upward; which part of the camera's place.
        seed: 0 upward.

    Returns:
        uint8 [128, 64, 3], RGB.

    Raises:
        InvalidInputError: a number is outside its range.
    """
    _require(shot=shot, seed=seed)
    place = _camera(camera)
    random = _random(seed, _CHOICE, camera, shot)
    picture = _background(seed, camera, random)
    _add_occluder(picture, random)
    return _photograph(picture, place, random)


def draw_pictures(count: int, seed: int) -> list[U8Array]:
    """Pictures of `count` different pedestrians, over all cameras in turn.

    Picture i is the same for every count greater than i.

    Args:
        count: 0 upward.
        seed: 0 upward.

    Returns:
        `count` arrays, uint8 [128, 64, 3], RGB.

    Raises:
        InvalidInputError: count or seed is negative or no integer.

    Example:
        >>> [picture.shape for picture in draw_pictures(2, seed=0)]
        [(128, 64, 3), (128, 64, 3)]
    """
    _require(count=count, seed=seed)
    return [draw_person(i, i % NUM_CAMERAS + 1, 0, seed=seed) for i in range(count)]


def _require(**numbers: int) -> None:
    for name, value in numbers.items():
        whole_number(name, value, 0)


def _camera(camera: int) -> _Camera:
    if camera not in range(1, NUM_CAMERAS + 1):
        raise InvalidInputError(f"camera is {camera!r}, expected 1 to {NUM_CAMERAS}")
    return _CAMERAS[camera - 1]
