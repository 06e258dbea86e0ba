# SPDX-License-Identifier: Apache-2.0
"""cpp/eval/shots.cpp and draws.h: single-gallery-shot and every match on its own."""

import numpy as np
import pytest

from mgn_fast import Identities, InvalidInputError, _core
from oracles import retrieval, shots
from support.late import late

hypothesis = late("hypothesis")
st = late("hypothesis.strategies")

RULES = ("sklearn", "hits", "market1501")
CAMERAS = ("drop", "keep", "separate")


def shoot(
    distances,
    query,
    gallery,
    *,
    mode="expected",
    ap="hits",
    same_camera="drop",
    draws=10,
    seed=0,
    max_rank=6,
    threads=1,
    first=0,
):
    """Precision and penalty per query, who has a match, and the probability of each rank."""
    ranker = _core.ShotRanker(gallery.person, gallery.camera, ap, same_camera, mode, draws, seed)
    ranks = np.full((len(distances), max_rank), np.nan)
    got = ranker.rank_distances(distances, first, query.person, query.camera, ranks, threads)
    return (*got, ranks)


# The query is person 7 by camera 1. Gallery: person, camera, distance of each picture; expected:
# average precision by sklearn, hits and market1501, and the probability of ranks 1, 2 and 3.
WORKED = {
    # One of 8's two pictures is before the match: rank 1 or 2, as likely.
    "half of a stranger's pictures": (
        [(8, 2, 0.1), (7, 2, 0.2), (8, 2, 0.3)],
        ((1 + 1 / 2) / 2, (1 + 1 / 2) / 2, (1 + 1 / 4) / 2),
        (1 / 2, 1 / 2, 0),
    ),
    # 8's only picture is always before the match, 9's in one draw of three.
    "a sure one and one in three": (
        [(8, 2, 0.1), (9, 2, 0.1), (7, 2, 0.2), (9, 2, 0.3), (9, 3, 0.4)],
        ((2 / 3) / 2 + (1 / 3) / 3, (2 / 3) / 2 + (1 / 3) / 3, (2 / 3) / 4 + (1 / 3) / 6),
        (0, 2 / 3, 1 / 3),
    ),
    # Either match is drawn as often; the second one has 8 before it.
    "two matches": (
        [(7, 2, 0.1), (8, 2, 0.2), (7, 3, 0.3)],
        ((1 + 1 / 2) / 2, (1 + 1 / 2) / 2, (1 + 1 / 4) / 2),
        (1 / 2, 1 / 2, 0),
    ),
    "junk is not drawn": ([(7, 1, 0.1), (7, 2, 0.2)], (1, 1, 1), (1, 0, 0)),
    # 8's pictures tie with the match, one on either side of it in the gallery.
    "ties count for sklearn, gallery order for the others": (
        [(8, 2, 0.2), (7, 2, 0.2), (8, 2, 0.2)],
        (1 / 2, (1 + 1 / 2) / 2, (1 + 1 / 4) / 2),
        (1 / 2, 1 / 2, 0),
    ),
    "distractors are one person": (
        [(0, 2, 0.1), (0, 3, 0.1), (7, 2, 0.2), (0, 4, 0.3)],
        ((2 / 3) / 2 + 1 / 3, (2 / 3) / 2 + 1 / 3, (2 / 3) / 4 + 1 / 3),
        (1 / 3, 2 / 3, 0),
    ),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("pictures", "precision", "ranks"), WORKED.values(), ids=WORKED.keys())
def test_expectation_worked_by_hand(pictures, precision, ranks, dtype):
    person, camera, distances = zip(*pictures, strict=True)
    query, gallery = Identities([7], [1]), Identities(person, camera)
    row = np.array([distances], dtype)
    for ap, expected in zip(RULES, precision, strict=True):
        got = shoot(row, query, gallery, ap=ap, max_rank=3)
        assert got[0][0] == pytest.approx(expected, rel=1e-12)
        np.testing.assert_allclose(got[3], [ranks], atol=1e-15)
        oracle = shots.single_shot(row, query, gallery, ap=ap, max_rank=3)
        assert oracle[0][0] == pytest.approx(expected, rel=1e-12)
        np.testing.assert_allclose(oracle[1], np.cumsum(ranks), atol=1e-15)


def test_separate_draws_among_what_other_cameras_took():
    # By camera 1 is the match's rival of 8, so that 8's other picture, behind the match, is drawn.
    query, gallery = Identities([7], [1]), Identities([8, 7, 8], [1, 2, 2])
    row = np.array([[0.1, 0.2, 0.3]])
    assert shoot(row, query, gallery, same_camera="separate")[0][0] == 1
    assert shoot(row, query, gallery, same_camera="drop")[0][0] == pytest.approx(3 / 4)


def draw_small_case(draw):
    queries, gallery = draw(st.integers(1, 2)), draw(st.integers(1, 9))

    def numbers(high, count):
        return draw(st.lists(st.integers(0, high), min_size=count, max_size=count))

    distances = np.array(numbers(4, queries * gallery), np.float32).reshape(queries, gallery)
    query = Identities(numbers(3, queries), numbers(2, queries))
    return distances, query, Identities(numbers(3, gallery), numbers(2, gallery))


@pytest.mark.usefixtures("many_examples")
def test_the_expectation_is_the_mean_over_every_draw():
    @hypothesis.settings(max_examples=400, derandomize=True, deadline=None, database=None)
    @hypothesis.given(
        st.composite(draw_small_case)(), st.sampled_from(RULES), st.sampled_from(CAMERAS)
    )
    def check(case, ap, same_camera):
        _, query, gallery = case
        got = shoot(*case, ap=ap, same_camera=same_camera)
        has_match = got[2] == 1
        if not has_match.any():
            assert not any(
                query.person[i]
                in gallery.person[shots.kept_columns(query.person[i], camera, gallery, same_camera)]
                for i, camera in enumerate(query.camera)
            )
            return
        expected = shots.single_shot(*case, max_rank=6, ap=ap, same_camera=same_camera)
        np.testing.assert_allclose(got[0], expected[0], rtol=1e-12)
        np.testing.assert_allclose(
            got[3][has_match].cumsum(axis=1).mean(axis=0), expected[1], atol=1e-14
        )
        assert np.mean(got[1][has_match]) == pytest.approx(expected[2], rel=1e-12)

    check()


@pytest.mark.usefixtures("many_examples")
def test_every_match_counts_against_the_strangers_alone():
    @hypothesis.settings(max_examples=300, derandomize=True, deadline=None, database=None)
    @hypothesis.given(
        st.composite(draw_small_case)(), st.sampled_from(RULES), st.sampled_from(CAMERAS)
    )
    def check(case, ap, same_camera):
        got = shoot(*case, mode="every", ap=ap, same_camera=same_camera)
        has_match = got[2] == 1
        if has_match.any():
            expected = retrieval.evaluate(*case, ap=ap, same_camera=same_camera)
            np.testing.assert_allclose(got[0], expected[0], rtol=1e-12)
            assert np.mean(got[1][has_match]) == pytest.approx(expected[2], rel=1e-12)
            np.testing.assert_allclose(
                got[3][has_match].cumsum(axis=1).mean(axis=0),
                shots.every_match_cmc(*case, max_rank=6, same_camera=same_camera),
                atol=1e-14,
            )

    check()


def crowd(seed, queries=30, gallery=400, persons=25, levels=40):
    """Enough people that a match has many of them before it; few levels, so that many tie."""
    random = np.random.default_rng(seed)
    query = Identities(random.integers(0, persons + 2, queries), random.integers(0, 4, queries))
    pictures = Identities(random.integers(0, persons, gallery), random.integers(0, 4, gallery))
    distances = random.integers(0, levels, (queries, gallery)).astype(np.float64)
    return distances, query, pictures


@pytest.mark.parametrize("ap", RULES)
@pytest.mark.parametrize("same_camera", CAMERAS)
@pytest.mark.parametrize("seed", range(2))
def test_draws_come_near_their_expectation(seed, same_camera, ap):
    case = crowd(seed)
    options = {"ap": ap, "same_camera": same_camera, "max_rank": 26}
    exact = shoot(*case, **options)
    drawn = shoot(*case, mode="drawn", draws=2000, seed=seed, **options)
    np.testing.assert_array_equal(exact[2], drawn[2])
    has_match = exact[2] == 1
    # Values from 0 to 1 deviate by at most 1/2; a mean of 2000 stays within 5 deviations.
    for one, other in ((exact[0], drawn[0]), (exact[1], drawn[1])):
        assert np.abs(one - other)[has_match].max() < 5 * 0.5 / 2000**0.5
    assert np.abs(exact[3] - drawn[3])[has_match].max() < 5 * 0.5 / 2000**0.5
    np.testing.assert_allclose(exact[3][has_match].sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(drawn[3][has_match].sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize("mode", ["every", "expected", "drawn"])
def test_threads_and_blocks_do_not_change_a_bit(mode):
    distances, query, gallery = case = crowd(5)
    whole = shoot(*case, mode=mode)
    for part in (
        shoot(*case, mode=mode, threads=3),
        *[
            [
                np.concatenate(parts)
                for parts in zip(
                    *[
                        shoot(
                            distances[i : i + step],
                            Identities(query.person[i : i + step], query.camera[i : i + step]),
                            gallery,
                            mode=mode,
                            first=i,
                        )
                        for i in range(0, len(query), step)
                    ],
                    strict=True,
                )
            ]
            for step in (1, 7)
        ],
    ):
        for one, other in zip(whole, part, strict=True):
            np.testing.assert_array_equal(one, other)


def test_the_seed_decides_the_draws():
    case = crowd(6)
    first, again, other = (shoot(*case, mode="drawn", seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first[3], again[3])
    assert (first[3] != other[3]).any()


def test_draws_of_queries_are_independent():
    distances, _, gallery = crowd(7, queries=1)
    rows = 50
    same = (
        np.repeat(distances, rows, 0),
        Identities(np.full(rows, gallery.person[0]), np.full(rows, 9)),
    )
    got = shoot(*same, gallery, mode="drawn", draws=1)
    assert len(np.unique(got[1])) > 5


@pytest.mark.parametrize("noise", [0.0, 1e-6, 1.0])
@pytest.mark.parametrize("mode", ["every", "expected", "drawn"])
@pytest.mark.parametrize("same_camera", CAMERAS)
def test_screened_blocks_give_what_exact_distances_give(noise, mode, same_camera):
    random = np.random.default_rng(8)
    rows = (1.0 + noise * random.standard_normal((150, 19))).astype(np.float32)
    query, gallery = rows[:20], rows[20:]
    sides = (
        Identities(random.integers(0, 9, 20), random.integers(0, 3, 20)),
        Identities(random.integers(0, 9, 130), random.integers(0, 3, 130)),
    )
    squares = _core.squared_lengths(query, 1), _core.squared_lengths(gallery, 1)
    block = _core.screen_in_place(
        query @ gallery.T, query, gallery, *squares, "squared_distance", 1
    )
    who = (sides[1].person, sides[1].camera)
    ranker = _core.ShotRanker(*who, "sklearn", same_camera, mode, 10, 0)
    ranks = np.empty((20, 6))
    got = ranker.rank_screened(block, 0, sides[0].person, sides[0].camera, ranks, 2)
    exact = retrieval.squared_distances(query, gallery)
    expected = shoot(exact, *sides, mode=mode, ap="sklearn", same_camera=same_camera)
    for one, other in zip((*got, ranks), expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("person", [7, 9], ids=["matched", "without match"])
def test_a_nan_is_marked_and_no_match_has_no_value(person):
    distances = np.ones((3, 130), np.float32)
    distances[1, 129] = np.nan
    query = Identities([7, person, 9], [1, 1, 1])
    got = shoot(distances, query, Identities([7] * 130, [2] * 130))
    np.testing.assert_array_equal(got[2], [1, -1, 0])
    assert np.isnan(got[0][1:]).all()
    assert (got[3][1:] == 0).all()


def test_minus_infinity_is_before_every_match():
    row = np.array([[-np.inf, 0.1]])
    for person, first in (([8, 7], 2), ([8, 9], 0)):
        query, gallery = Identities([7], [1]), Identities(person, [2, 2])
        got = shoot(row, query, gallery, mode="every")
        assert got[2][0] == (1 if first else 0)
        assert got[3][0, 1] == (1 if first else 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mode": "some"}, "shots is 'some', expected 'every', 'expected' or 'drawn'"),
        ({"mode": "drawn", "draws": 0}, "draws is 0"),
        ({"ap": "mean"}, "ap is 'mean'"),
        ({"same_camera": "no"}, "same_camera is 'no', expected 'drop', 'keep' or 'separate'"),
    ],
    ids=str,
)
def test_the_core_refuses_words_it_does_not_know(change, message):
    with pytest.raises(InvalidInputError, match=message):
        shoot(np.zeros((1, 1)), Identities([7], [1]), Identities([7], [2]), **change)


def test_the_core_refuses_shapes_that_do_not_fit():
    ranker = _core.ShotRanker(
        np.zeros(2, np.int32), np.zeros(2, np.int32), "hits", "drop", "every", 1, 0
    )
    one = np.zeros(1, np.int32)
    with pytest.raises(InvalidInputError, match="1 rows and 3 columns"):
        ranker.rank_distances(np.zeros((1, 3)), 0, one, one, np.zeros((1, 2)), 1)
    with pytest.raises(InvalidInputError, match="and of 2 rows of ranks"):
        ranker.rank_distances(np.zeros((1, 2)), 0, one, one, np.zeros((2, 2)), 1)
