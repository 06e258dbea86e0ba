# SPDX-License-Identifier: Apache-2.0
"""The drawn body: where it stands, what hides what, and which clothes it wears."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mgn_fast.datasets.pedestrian import Look, Placement, Pose, draw_body, random_look

SHAPE = (256, 128)
MIDDLE = Placement(x=64, y=13, height=230)
BACK = Pose(side=0.0, front=-1.0, swing=0.0)
FRONT = Pose(side=0.0, front=1.0, swing=0.0)
LOOK = Look(
    skin=(200, 150, 110),
    hair=(20, 20, 20),
    hair_length=0.0,
    upper=(255, 0, 0),
    second=(0, 255, 0),
    pattern="plain",
    long_sleeves=True,
    open_jacket=False,
    lower=(0, 0, 255),
    lower_kind="trousers",
    shoes=(90, 90, 90),
    bag="none",
    bag_colour=(255, 255, 0),
    breadth=1.0,
    height=1.0,
)


def draw(pose, **changes):
    return draw_body(replace(LOOK, **changes), pose, MIDDLE, SHAPE)


def colour_at(sheet, height):
    """The colour on the body's axis, at a share of its height."""
    return tuple(int(c) for c in sheet[int(MIDDLE.y + height * MIDDLE.height), int(MIDDLE.x), :3])


def area(sheet, colour):
    return int(np.sum(np.all(sheet[..., :3] == colour, axis=2) & (sheet[..., 3] > 0)))


def test_the_body_reaches_from_crown_to_soles():
    rows = np.flatnonzero(draw(FRONT)[..., 3].any(axis=1))
    assert abs(rows[0] - MIDDLE.y) <= 4
    assert abs(rows[-1] - (MIDDLE.y + MIDDLE.height)) <= 6


def test_opacity_is_all_or_nothing():
    assert set(np.unique(draw(FRONT)[..., 3])) == {0, 255}


def test_upper_garment_is_above_the_lower():
    sheet = draw(BACK)
    assert colour_at(sheet, 0.3) == LOOK.upper
    assert colour_at(sheet, 0.53) == LOOK.lower


def test_the_face_shows_from_the_front_only():
    assert colour_at(draw(FRONT), 0.09) == LOOK.skin
    assert colour_at(draw(BACK), 0.09) == LOOK.hair


def test_a_backpack_is_large_from_behind_and_straps_from_the_front():
    behind = area(draw(BACK, bag="backpack"), LOOK.bag_colour)
    before = area(draw(FRONT, bag="backpack"), LOOK.bag_colour)
    assert behind > 2 * before > 0


@pytest.mark.parametrize("bag", ["shoulder", "hand"])
@pytest.mark.parametrize("pose", [FRONT, BACK, Pose(1.0, 0.0, 0.7)], ids=["front", "back", "side"])
def test_other_bags_show_from_everywhere(bag, pose):
    assert area(draw(pose, bag=bag), LOOK.bag_colour) > 100
    assert area(draw(pose), LOOK.bag_colour) == 0


@pytest.mark.parametrize("pattern", ["stripes", "checks", "block"])
def test_a_pattern_shows_both_colours(pattern):
    sheet = draw(BACK, pattern=pattern)
    assert min(area(sheet, LOOK.upper), area(sheet, LOOK.second)) > 0.15 * area(
        draw(BACK), LOOK.upper
    )


def test_an_open_jacket_shows_from_the_front_only():
    assert area(draw(FRONT, open_jacket=True), LOOK.second) > 0
    assert area(draw(BACK, open_jacket=True), LOOK.second) == 0


@pytest.mark.parametrize("kind", ["shorts", "skirt"])
def test_bare_legs_show_skin_below_the_hem(kind):
    covered, bare = draw(BACK), draw(BACK, lower_kind=kind)
    shin = slice(int(MIDDLE.y + 0.8 * MIDDLE.height), int(MIDDLE.y + 0.9 * MIDDLE.height))
    assert area(bare[shin], LOOK.skin) > 0
    assert area(covered[shin], LOOK.skin) == 0


def test_short_sleeves_bare_the_forearms():
    assert area(draw(BACK, long_sleeves=False), LOOK.skin) > 2 * area(draw(BACK), LOOK.skin)


def test_a_stride_seen_from_the_side_is_wide():
    def width(pose):
        feet = draw(pose)[int(MIDDLE.y + 0.9 * MIDDLE.height) :, :, 3]
        columns = np.flatnonzero(feet.any(axis=0))
        return columns[-1] - columns[0]

    assert width(Pose(1.0, 0.0, 1.0)) > 1.5 * width(Pose(1.0, 0.0, 0.0))


def test_a_body_beyond_the_sheet_is_cut_off():
    sheet = draw_body(LOOK, FRONT, Placement(x=-2, y=-40, height=400), SHAPE)
    assert sheet.shape == (*SHAPE, 4)
    assert 0 < np.mean(sheet[..., 3] > 0) < 0.6


def test_looks_repeat_with_the_random_state_and_differ_between_persons():
    looks = [random_look(np.random.default_rng(seed)) for seed in range(40)]
    assert looks[7] == random_look(np.random.default_rng(7))
    assert len({look.upper for look in looks}) == 40
    assert {look.pattern for look in looks} == {"plain", "stripes", "checks", "block"}
    assert {look.bag for look in looks} == {"none", "backpack", "shoulder", "hand"}
