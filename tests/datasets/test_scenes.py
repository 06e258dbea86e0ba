# SPDX-License-Identifier: Apache-2.0
"""Drawn pictures: each depends on its key alone; persons are recognisable, but not trivially."""

from __future__ import annotations

import numpy as np
import pytest

from mgn_fast.datasets.scenes import (
    HEIGHT,
    NUM_CAMERAS,
    WIDTH,
    draw_background,
    draw_fragment,
    draw_person,
    draw_pictures,
)
from mgn_fast.errors import InvalidInputError

DRAWINGS = {
    "person": lambda seed, shot: draw_person(3, 2, shot, seed=seed),
    "fragment": lambda seed, shot: draw_fragment(3, 2, shot, seed=seed),
    "background": lambda seed, shot: draw_background(2, shot, seed=seed),
}


def stripe_colours(picture):
    """Mean colours of eight bands of the middle third, relative to the picture's."""
    middle = picture[:, WIDTH // 3 : 2 * WIDTH // 3].astype(np.float64)
    bands = middle.reshape(8, HEIGHT // 8, -1, 3).mean(axis=(1, 2))
    return (bands / picture.mean(axis=(0, 1))).ravel()


def average_precision(is_match):
    hits = np.flatnonzero(is_match)
    return np.mean(np.arange(1, len(hits) + 1) / (hits + 1))


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS.keys())
def test_a_drawing_is_a_small_rgb_crop_and_the_same_each_time(draw):
    picture = draw(0, 0)
    assert picture.shape == (HEIGHT, WIDTH, 3) == (128, 64, 3)
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, draw(0, 0))


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS.keys())
def test_another_seed_or_shot_gives_another_drawing(draw):
    assert not np.array_equal(draw(0, 0), draw(1, 0))
    assert not np.array_equal(draw(0, 0), draw(0, 1))


def test_a_picture_does_not_depend_on_how_many_are_drawn():
    few, many = draw_pictures(3, seed=5), draw_pictures(9, seed=5)
    assert len(many) == 9
    for one, other in zip(few, many[:3], strict=True):
        assert np.array_equal(one, other)


def test_no_pictures_are_an_empty_list():
    assert draw_pictures(0, seed=0) == []


def test_pictures_vary_in_content():
    pictures = np.array(draw_pictures(12, seed=0), np.float64)
    assert len({picture.tobytes() for picture in pictures}) == 12
    # Neither blank nor all alike: contrast within each picture and between pictures.
    assert pictures.std(axis=(1, 2)).min() > 5
    assert pictures.mean(axis=(1, 2, 3)).std() > 10


def test_each_camera_has_its_own_light():
    light = [
        np.mean([draw_person(p, camera, 0, seed=0).mean() for p in range(12)])
        for camera in range(1, NUM_CAMERAS + 1)
    ]
    # The brightest multiplies by 1.12, the darkest by 0.80: 1.4 apart, before its place counts.
    assert max(light) > 1.3 * min(light)


def test_cameras_tint_the_same_clothes_differently():
    def red_to_blue(camera):
        torsos = [draw_person(p, camera, 0, seed=0)[35:55, 26:38] for p in range(30)]
        red, _, blue = np.mean(torsos, axis=(0, 1, 2))
        return red / blue

    # Camera 2 multiplies red by 0.95 and blue by 1.06, camera 4 by 1.06 and 0.91: 1.30 apart.
    assert 1.15 < red_to_blue(4) / red_to_blue(2) < 1.6


@pytest.mark.usefixtures("drawing")
@pytest.mark.parametrize("seed", range(2))
def test_a_person_is_recognised_across_cameras_better_than_chance_but_not_always(seed):
    persons = 30
    query = [stripe_colours(draw_person(p, 1, 0, seed=seed)) for p in range(persons)]
    gallery = [
        (p, stripe_colours(draw_person(p, camera, 0, seed=seed)))
        for p in range(persons)
        for camera in (3, 4)
    ]
    owners = np.array([p for p, _ in gallery])
    vectors = np.array([vector for _, vector in gallery])
    scores = []
    for person, vector in enumerate(query):
        order = np.argsort(np.abs(vectors - vector).sum(axis=1), kind="stable")
        scores.append(average_precision(owners[order] == person))
    chance = np.mean([average_precision(np.random.default_rng(i).permutation(owners) == 0)
                      for i in range(200)])  # fmt: skip
    assert chance < 0.15
    assert 3 * chance < np.mean(scores) < 0.95


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: draw_pictures(-1, 0), "count is -1, expected a whole number from 0 up"),
        (lambda: draw_pictures(1, -7), "seed is -7, expected"),
        (lambda: draw_pictures(2.5, 0), "count is 2.5, expected"),
        (lambda: draw_person(0, 7, 0, seed=0), "camera is 7, expected 1 to 6"),
        (lambda: draw_person(0, 0, 0, seed=0), "camera is 0, expected 1 to 6"),
        (lambda: draw_person(-3, 1, 0, seed=0), "person is -3"),
        (lambda: draw_fragment(0, 1, -1, seed=0), "shot is -1"),
        (lambda: draw_background(9, 0, seed=0), "camera is 9"),
    ],
)
def test_numbers_outside_their_range_are_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()
