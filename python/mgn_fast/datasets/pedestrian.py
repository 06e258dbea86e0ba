# SPDX-License-Identifier: Apache-2.0
"""A drawn pedestrian: the look a person keeps, and the body in one pose, on a transparent sheet.

Knows nothing of cameras, backgrounds or files. Needs OpenCV: only `scenes` imports it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from mgn_fast.types import U8Array

# cv2's fixed-point coordinates: eighths of a pixel.
_SHIFT = 3

Colour: TypeAlias = tuple[int, int, int]
_Point: TypeAlias = tuple[float, float]
Random: TypeAlias = np.random.Generator

_SKIN = ((244, 208, 177), (229, 184, 143), (198, 142, 102), (141, 92, 62), (92, 58, 40))
_HAIR = ((24, 20, 20), (48, 32, 24), (92, 60, 36), (150, 112, 64), (120, 116, 114))
_UPPER = (
    (28, 28, 32), (238, 238, 236), (128, 130, 134), (190, 30, 38), (38, 66, 140),
    (112, 168, 216), (36, 104, 62), (236, 200, 60), (232, 140, 168), (112, 58, 136),
    (226, 120, 40), (30, 130, 132), (196, 176, 140), (92, 60, 44), (156, 206, 120),
)  # fmt: skip
_LOWER = (
    (30, 30, 34), (44, 58, 96), (84, 112, 158), (110, 110, 112), (182, 164, 130),
    (84, 62, 46), (222, 220, 214), (62, 72, 50), (140, 36, 44),
)  # fmt: skip
_SHOES = ((24, 24, 26), (232, 232, 230), (96, 62, 40), (176, 40, 44), (60, 80, 130))
_BAG = ((30, 30, 34), (150, 36, 40), (42, 68, 124), (136, 100, 60), (90, 96, 80), (220, 150, 50))


@dataclass(frozen=True)
class Look:
    """What stays the same about a person in every picture."""

    skin: Colour
    hair: Colour
    hair_length: float
    upper: Colour
    second: Colour
    pattern: str
    long_sleeves: bool
    open_jacket: bool
    lower: Colour
    lower_kind: str
    shoes: Colour
    bag: str
    bag_colour: Colour
    breadth: float
    height: float


def _choose(random: Random, palette: Sequence[Colour], jitter: float = 9.0) -> Colour:
    base = np.array(palette[int(random.integers(len(palette)))], float)
    red, green, blue = np.clip(base + random.normal(0, jitter, 3), 0, 255).astype(int)
    return int(red), int(green), int(blue)


def _word(random: Random, **shares: float) -> str:
    weights = np.array(list(shares.values()))
    return list(shares)[int(random.choice(len(shares), p=weights / weights.sum()))]


def random_look(random: Random) -> Look:
    """Colours, clothes, hair, bag and build of a new person; one random state gives one look."""
    return Look(
        skin=_choose(random, _SKIN, 5),
        hair=_choose(random, _HAIR, 6),
        hair_length=float(random.choice([0.0, 0.02, 0.09, 0.15])),
        upper=_choose(random, _UPPER),
        second=_choose(random, _UPPER),
        pattern=_word(random, plain=0.55, stripes=0.2, checks=0.12, block=0.13),
        long_sleeves=bool(random.random() < 0.5),
        open_jacket=bool(random.random() < 0.25),
        lower=_choose(random, _LOWER),
        lower_kind=_word(random, trousers=0.6, shorts=0.2, skirt=0.2),
        shoes=_choose(random, _SHOES),
        bag=_word(random, none=0.4, backpack=0.25, shoulder=0.2, hand=0.15),
        bag_colour=_choose(random, _BAG),
        breadth=float(random.uniform(0.85, 1.22)),
        height=float(random.uniform(0.92, 1.05)),
    )


@dataclass(frozen=True)
class Pose:
    """How a person walks past: side 1 walks right, -1 left; front 1 comes, -1 goes."""

    side: float
    front: float
    swing: float


@dataclass(frozen=True)
class Placement:
    """Where the body stands on its sheet, in pixels: its axis, its crown, crown to soles."""

    x: float
    y: float
    height: float


class _Pen:
    """Draws on a transparent sheet in body units: x from the axis, y from crown 0 to soles 1."""

    def __init__(self, shape: tuple[int, int], placement: Placement) -> None:
        self.sheet: U8Array = np.zeros((*shape, 4), np.uint8)
        self._origin = np.array([placement.x, placement.y])
        self._scale = placement.height

    def polygon(self, points: Sequence[_Point], paint: Colour | U8Array) -> None:
        corners = (self._origin + np.array(points) * self._scale) * (1 << _SHIFT)
        corners = np.rint(corners).astype(np.int32)
        if isinstance(paint, tuple):
            cv2.fillPoly(self.sheet, [corners], (*paint, 255), cv2.LINE_8, _SHIFT)
        else:
            mask = np.zeros(self.sheet.shape[:2], np.uint8)
            cv2.fillPoly(mask, [corners], (1,), cv2.LINE_8, _SHIFT)
            cv2.copyTo(paint, mask, self.sheet)

    def ellipse(self, centre: _Point, axes: _Point, paint: Colour | U8Array) -> None:
        turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        x = centre[0] + axes[0] * np.cos(turn)
        y = centre[1] + axes[1] * np.sin(turn)
        self.polygon(list(zip(x, y, strict=True)), paint)

    def limb(
        self, points: Sequence[_Point], widths: Sequence[float], paint: Colour | U8Array
    ) -> None:
        """A bent limb: a tapered quadrilateral per bone, and a disc at each joint."""
        for start, end, first, last in zip(points, points[1:], widths, widths[1:], strict=False):
            along = np.subtract(end, start)
            across = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6)
            corners = np.array(
                [
                    start + across * first,
                    start - across * first,
                    end - across * last,
                    end + across * last,
                ]
            )
            self.polygon([(float(x), float(y)) for x, y in corners], paint)
            self.ellipse(end, (last, last), paint)


def _cloth(look: Look, shape: tuple[int, int], placement: Placement) -> Colour | U8Array:
    """The upper garment's paint: one colour, or a sheet of its pattern."""
    if look.pattern == "plain":
        return look.upper
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    height = (rows - placement.y) / placement.height
    breadth = (columns - placement.x) / placement.height
    if look.pattern == "stripes":
        second = (height / 0.05) % 1 < 0.4
    elif look.pattern == "checks":
        second = ((height / 0.07) % 1 < 0.5) ^ ((breadth / 0.07) % 1 < 0.5)
    else:
        second = height > 0.33
    sheet = np.empty((*shape, 4), np.uint8)
    sheet[...] = (*look.upper, 255)
    sheet[second] = (*look.second, 255)
    return sheet


def _draw_leg(pen: _Pen, look: Look, pose: Pose, leg: float) -> None:
    swing = pose.swing * leg
    hip = (leg * 0.045 * abs(pose.front) * look.breadth, 0.50)
    knee = (hip[0] + swing * 0.07 * pose.side, 0.73 - 0.012 * max(swing, 0.0))
    lift = 0.045 * max(-swing, 0.0) * abs(pose.side) + 0.02 * max(swing * pose.front, 0.0)
    ankle = (hip[0] + swing * 0.16 * pose.side - 0.02 * pose.side, 0.955 - lift)
    thick = 0.047 * look.breadth
    bare = look.lower_kind != "trousers"
    pen.limb(
        [hip, knee, ankle], [thick, thick * 0.72, thick * 0.5], look.skin if bare else look.lower
    )
    if look.lower_kind == "shorts":
        pen.limb([hip, knee], [thick * 1.15, thick * 0.95], look.lower)
    toe = (ankle[0] + 0.055 * pose.side, ankle[1] + 0.03)
    pen.limb([ankle, toe], [0.024, 0.022], look.shoes)
    pen.ellipse((ankle[0], ankle[1] + 0.022), (0.03, 0.02), look.shoes)


def _draw_arm(pen: _Pen, look: Look, pose: Pose, arm: float, cloth: Colour | U8Array) -> None:
    swing = -pose.swing * arm
    shoulder = (arm * _shoulder(look, pose) * 0.92, 0.205)
    elbow = (shoulder[0] + arm * 0.022 * abs(pose.front) + swing * 0.055 * pose.side, 0.345)
    hand = (elbow[0] + swing * 0.075 * pose.side + 0.02 * pose.side, 0.475 - 0.03 * abs(swing))
    thick = 0.032 * look.breadth
    pen.ellipse(hand, (0.021, 0.024), look.skin)
    pen.limb([elbow, hand], [thick * 0.85, thick * 0.6], cloth if look.long_sleeves else look.skin)
    pen.limb([shoulder, elbow], [thick * 1.1, thick * 0.9], cloth)
    if look.bag == "hand" and arm > 0:
        pen.polygon([(hand[0] + x, hand[1] + y) for x, y in _BOX], look.bag_colour)


_BOX = ((-0.045, 0.03), (0.045, 0.03), (0.055, 0.15), (-0.055, 0.15))


def _shoulder(look: Look, pose: Pose) -> float:
    return 0.108 * look.breadth * (0.58 + 0.42 * abs(pose.front))


def _draw_torso(pen: _Pen, look: Look, pose: Pose, cloth: Colour | U8Array) -> None:
    half = _shoulder(look, pose)
    waist = 0.86 * half
    if look.lower_kind == "skirt":
        flare = half * 1.15
        pen.polygon([(-waist, 0.44), (waist, 0.44), (flare, 0.68), (-flare, 0.68)], look.lower)
    else:
        pen.polygon([(-waist, 0.44), (waist, 0.44), (waist, 0.55), (-waist, 0.55)], look.lower)
    pen.polygon([(-0.03, 0.12), (0.03, 0.12), (0.03, 0.19), (-0.03, 0.19)], look.skin)
    hem = half * 0.95
    right = [(half * 0.45, 0.155), (half, 0.195), (waist, 0.36), (hem, 0.505)]
    pen.polygon(right + [(-x, y) for x, y in reversed(right)], cloth)
    if look.open_jacket and pose.front > 0:
        pen.polygon([(-0.03, 0.16), (0.03, 0.16), (0.04, 0.50), (-0.04, 0.50)], look.second)


def _draw_bag(pen: _Pen, look: Look, pose: Pose) -> None:
    half = _shoulder(look, pose)
    if look.bag == "backpack" and pose.front > 0.3:
        for side in (-1.0, 1.0):
            x = side * half * 0.55
            pen.limb([(x, 0.17), (x * 1.15, 0.34)], [0.012, 0.012], look.bag_colour)
    elif look.bag == "backpack":
        centre = (-pose.side * half * 1.05, 0.30)
        pen.ellipse(centre, (0.04 + 0.05 * abs(pose.front), 0.115), look.bag_colour)
    elif look.bag == "shoulder":
        side = 1.0 if pose.front >= 0 else -1.0
        pen.limb([(-side * half * 0.6, 0.17), (side * half, 0.46)], [0.012, 0.012], look.bag_colour)
        pen.ellipse((side * half * 1.05, 0.50), (0.055, 0.06), look.bag_colour)


def _draw_long_hair(pen: _Pen, look: Look, pose: Pose) -> None:
    if look.hair_length > 0.05:
        centre = (-0.012 * pose.side, 0.075 + 0.4 * look.hair_length)
        pen.ellipse(centre, (0.055, 0.055 + 0.55 * look.hair_length), look.hair)


def _draw_head(pen: _Pen, look: Look, pose: Pose) -> None:
    x = 0.012 * pose.side
    pen.ellipse((x, 0.076), (0.045, 0.066), look.skin)
    if pose.front < -0.3:
        pen.ellipse((x, 0.066), (0.05, 0.062), look.hair)
        _draw_long_hair(pen, look, pose)
    else:
        pen.ellipse((x - 0.012 * pose.side, 0.034), (0.049, 0.034), look.hair)
        if pose.front < 0.7:
            pen.ellipse((x - 0.034 * pose.side, 0.062), (0.026, 0.045), look.hair)


def draw_body(look: Look, pose: Pose, placement: Placement, shape: tuple[int, int]) -> U8Array:
    """The person in one pose on a transparent sheet.

    Args:
        look: of the person.
        pose: of this picture.
        placement: in pixels of the sheet; parts outside the sheet are cut off.
        shape: the sheet's rows and columns.

    Returns:
        uint8 [rows, columns, 4], RGB and opacity (0 or 255).
    """
    pen = _Pen(shape, placement)
    cloth = _cloth(look, shape, placement)
    if look.bag == "backpack" and pose.front >= -0.3:
        _draw_bag(pen, look, pose)
    _draw_arm(pen, look, pose, -1, cloth)
    for leg in (-1, 1):
        _draw_leg(pen, look, pose, leg)
    if pose.front >= -0.3:
        _draw_long_hair(pen, look, pose)
    _draw_torso(pen, look, pose, cloth)
    if look.bag != "backpack" or abs(pose.front) > 0.3:
        _draw_bag(pen, look, pose)
    _draw_arm(pen, look, pose, 1, cloth)
    _draw_head(pen, look, pose)
    return pen.sheet
