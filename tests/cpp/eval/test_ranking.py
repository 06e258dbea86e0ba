# SPDX-License-Identifier: Apache-2.0
"""cpp/eval/ranking.cpp: places of the matches and what they are worth, against the oracle."""

import numpy as np
import pytest

from mgn_fast import Identities, InvalidInputError, _core, evaluate_distances
from oracles import retrieval
from support.late import late

hypothesis = late("hypothesis")
st = late("hypothesis.strategies")

RULES = ("sklearn", "hits", "market1501")

# The query is person 7 by camera 1. Gallery: person, camera, distance of each picture; expected:
# average precision by sklearn, hits and market1501, rank of the first match, matches / last rank.
WORKED = {
    "hit, miss, hit": (
        [(7, 2, 0.1), (8, 2, 0.2), (7, 2, 0.3)],
        ((1 + 2 / 3) / 2, (1 + 2 / 3) / 2, (1 + (1 / 2 + 2 / 3) / 2) / 2),
        (1, 2 / 3),
    ),
    "same person, same camera: removed": (
        [(7, 1, 0.1), (8, 2, 0.2), (7, 2, 0.3)],
        (1 / 2, 1 / 2, (0 + 1 / 2) / 2),
        (2, 1 / 2),
    ),
    "other person, same camera: stays": (
        [(8, 1, 0.1), (7, 2, 0.2), (9, 2, 0.3)],
        (1 / 2, 1 / 2, (0 + 1 / 2) / 2),
        (2, 1 / 2),
    ),
    "a distractor counts against": (
        [(0, 2, 0.1), (7, 2, 0.2)],
        (1 / 2, 1 / 2, 1 / 4),
        (2, 1 / 2),
    ),
    "nearest comes last in the gallery": (
        [(9, 2, 0.3), (8, 2, 0.2), (7, 2, 0.1)],
        (1, 1, 1),
        (1, 1),
    ),
    "tie: the stranger is earlier in the gallery": (
        [(8, 2, 0.2), (7, 2, 0.2)],
        (1 / 2, 1 / 2, 1 / 4),
        (2, 1 / 2),
    ),
    "tie: the match is earlier in the gallery": (
        [(7, 2, 0.2), (8, 2, 0.2)],
        (1 / 2, 1, 1),
        (1, 1),
    ),
    "two matches tie with a stranger between them": (
        [(7, 2, 0.2), (8, 2, 0.2), (7, 3, 0.2)],
        (2 / 3, (1 + 2 / 3) / 2, (1 + (1 / 2 + 2 / 3) / 2) / 2),
        (1, 2 / 3),
    ),
    "junk that ties is removed as well": (
        [(7, 1, 0.2), (7, 2, 0.2)],
        (1, 1, 1),
        (1, 1),
    ),
    "one picture, a match": ([(7, 2, 0.5)], (1, 1, 1), (1, 1)),
    "negative distances": (
        [(7, 2, -0.1), (8, 2, -0.2)],
        (1 / 2, 1 / 2, 1 / 4),
        (2, 1 / 2),
    ),
}


def core_metrics(distances, query, gallery, *, ap="hits", same_camera="drop", threads=1):
    ranker = _core.Ranker(gallery.person, gallery.camera, ap, same_camera)
    return ranker.rank_distances(distances, query.person, query.camera, threads)


def hard_case(seed, queries=23, gallery=300, levels=12, persons=9):
    """Few distance levels, so that nearly everything ties; some queries have no match."""
    random = np.random.default_rng(seed)
    distances = random.integers(0, levels, (queries, gallery)).astype(np.float32) / 8
    query = Identities(random.integers(0, persons + 3, queries), random.integers(0, 3, queries))
    return (
        distances,
        query,
        Identities(random.integers(0, persons, gallery), random.integers(0, 3, gallery)),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("pictures", "precision", "places"), WORKED.values(), ids=WORKED.keys())
def test_worked_by_hand(pictures, precision, places, dtype):
    person, camera, distances = zip(*pictures, strict=True)
    query, gallery = Identities([7], [1]), Identities(person, camera)
    row = np.array([distances], dtype)
    for ap, expected in zip(RULES, precision, strict=True):
        got, penalty, first = core_metrics(row, query, gallery, ap=ap)
        np.testing.assert_allclose(got, [expected], rtol=1e-12)
        assert (first[0], penalty[0]) == (places[0], pytest.approx(places[1]))
        oracle = retrieval.evaluate(row, query, gallery, ap=ap, max_rank=4)
        np.testing.assert_allclose(oracle[0], [expected], rtol=1e-12)
        np.testing.assert_array_equal(oracle[1], np.arange(1, 5) >= places[0])
        assert oracle[2] == pytest.approx(places[1])


def test_keep_counts_the_querys_own_camera():
    row = np.array([[0.1, 0.2, 0.3]])
    query, gallery = Identities([7], [1]), Identities([7, 8, 7], [1, 2, 2])
    got, penalty, first = core_metrics(row, query, gallery, same_camera="keep")
    assert (got[0], penalty[0], first[0]) == (pytest.approx((1 + 2 / 3) / 2), 2 / 3, 1)


def test_separate_removes_everybody_the_querys_camera_took():
    row = np.array([[0.1, 0.2, 0.3, 0.4]])
    query, gallery = Identities([7], [1]), Identities([8, 7, 9, 7], [1, 1, 2, 2])
    got, penalty, first = core_metrics(row, query, gallery, same_camera="separate")
    assert (got[0], penalty[0], first[0]) == (1 / 2, 1 / 2, 2)
    got, _, first = core_metrics(row, query, gallery, same_camera="drop")
    assert (got[0], first[0]) == (1 / 3, 3)


def test_minus_infinity_without_a_match_is_no_match():
    row = np.full((1, 70), -np.inf)
    gallery = Identities([8] * 70, [2] * 70)
    for same_camera in ("drop", "separate"):
        got, _, first = core_metrics(row, Identities([7], [1]), gallery, same_camera=same_camera)
        assert np.isnan(got[0])
        assert first[0] == 0


@pytest.mark.parametrize(
    ("person", "camera"), [([8, 9], [2, 2]), ([7, 9], [1, 2])], ids=["absent", "only junk"]
)
def test_a_query_without_match_has_no_value(person, camera):
    got, penalty, first = core_metrics(
        np.array([[0.1, 0.2]]), Identities([7], [1]), Identities(person, camera)
    )
    assert np.isnan([got[0], penalty[0]]).all()
    assert first[0] == 0


def test_infinite_distances_stand_at_the_ends():
    row = np.array([[np.inf, 0.1, np.inf, -np.inf]])
    query, gallery = Identities([7], [1]), Identities([8, 7, 7, 8], [2] * 4)
    got, penalty, first = core_metrics(row, query, gallery)
    assert (first[0], penalty[0]) == (2, 2 / 4)
    assert got[0] == pytest.approx((1 / 2 + 2 / 4) / 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("query_person", [7, 5], ids=["matched", "without match"])
def test_a_nan_is_marked_wherever_it_stands(dtype, query_person):
    for column in (0, 63, 64, 255, 256, 575, 576, 599):
        distances = np.ones((3, 600), dtype)
        distances[1, column] = np.nan
        query = Identities([7, query_person, 7], [1, 1, 1])
        _, _, first = core_metrics(distances, query, Identities([7] * 600, [2] * 600))
        np.testing.assert_array_equal(first, [1, -1, 1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("stranger", [0.5, 2.0], ids=["closer than the match", "farther"])
def test_a_nan_among_strangers_is_marked(stranger, dtype):
    for column in (1, 63, 64, 575, 576, 599):
        distances = np.full((1, 600), stranger, dtype)
        distances[0, 0] = 1.0
        gallery = Identities([7] + [8] * 599, [2] * 600)
        assert core_metrics(distances, Identities([7], [1]), gallery)[2] > 0
        distances[0, column] = np.nan
        assert core_metrics(distances, Identities([7], [1]), gallery)[2] == -1


@pytest.mark.usefixtures("many_examples")
@pytest.mark.parametrize("same_camera", ["drop", "keep", "separate"])
@pytest.mark.parametrize("ap", RULES)
@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_the_oracle_when_distances_tie(seed, ap, same_camera):
    distances, query, gallery = hard_case(seed, levels=(2, 12, 400)[seed % 3])
    for dtype in (np.float32, np.float64):
        report = evaluate_distances(
            distances.astype(dtype), query, gallery, ap=ap, same_camera=same_camera
        )
        expected = retrieval.evaluate(distances, query, gallery, ap=ap, same_camera=same_camera)
        np.testing.assert_allclose(report.average_precision, expected[0], rtol=1e-12)
        np.testing.assert_array_equal(report.cmc, expected[1])
        assert report.mean_inverse_negative_penalty == pytest.approx(expected[2], rel=1e-12)
        assert report.num_valid_queries == expected[3]


def draw_small_case(draw):
    queries, gallery = draw(st.integers(1, 3)), draw(st.integers(1, 12))

    def numbers(high, count):
        return draw(st.lists(st.integers(0, high), min_size=count, max_size=count))

    distances = np.array(numbers(5, queries * gallery), np.float32).reshape(queries, gallery)
    query = Identities(numbers(3, queries), numbers(2, queries))
    return distances, query, Identities(numbers(3, gallery), numbers(2, gallery))


@pytest.mark.usefixtures("many_examples")
def test_agrees_with_the_oracle_on_any_small_case():
    @hypothesis.settings(max_examples=1000, derandomize=True, deadline=None, database=None)
    @hypothesis.given(
        st.composite(draw_small_case)(),
        st.sampled_from(RULES),
        st.sampled_from(["drop", "keep", "separate"]),
    )
    def check(case, ap, same_camera):
        distances, query, gallery = case
        got, penalty, first = core_metrics(
            distances, query, gallery, ap=ap, same_camera=same_camera
        )
        for i, row in enumerate(distances):
            hits, ordered = retrieval.ranked(
                row, query.person[i], query.camera[i], gallery, same_camera
            )
            ranks = retrieval.match_ranks(hits)
            assert first[i] == (ranks[0] if ranks else 0)
            if ranks:
                expected = retrieval.precision_of_ranking(hits, ordered, ap)
                assert got[i] == pytest.approx(expected, rel=1e-12)
                assert penalty[i] == pytest.approx(len(ranks) / ranks[-1], rel=1e-12)

    check()


@pytest.mark.parametrize("gallery", [1, 63, 64, 65, 127, 128, 129, 513])
def test_sizes_around_the_words_of_the_core_agree_with_the_oracle(gallery):
    case = hard_case(gallery, queries=5, gallery=gallery)
    expected = retrieval.evaluate(*case, ap="hits")[0]
    np.testing.assert_allclose(core_metrics(*case)[0], expected, rtol=1e-12)


@pytest.mark.parametrize("threads", [2, 3, 100])
def test_threads_do_not_change_a_bit(threads):
    case = hard_case(0)
    for one, many in zip(core_metrics(*case), core_metrics(*case, threads=threads), strict=True):
        np.testing.assert_array_equal(one, many)


def test_exact_distances_decide_where_float32_products_cannot():
    # |a - b|^2 near 1e-10 beside lengths of 1: float32 products see only rounding errors.
    query = np.array([[1.0, 0.0]], np.float32)
    gallery = np.array([[1.0, 4e-5], [1.0, 2e-5], [1.0, -2e-5], [1.0, 1e-5]], np.float32)
    squares = _core.squared_lengths(gallery, 1)
    ranker = _core.Ranker(np.array([8, 7, 8, 8], np.int32), np.zeros(4, np.int32), "hits", "keep")
    block = _core.screen_in_place(
        query @ gallery.T, query, gallery, squares[:1] * 0 + 1, squares, "squared_distance", 1
    )
    precision, _, first = ranker.rank_screened(
        block, np.array([7], np.int32), np.array([0], np.int32), 1
    )
    assert (first[0], precision[0]) == (2, 1 / 2)


@pytest.mark.parametrize("noise", [0.0, 1e-7, 1e-5, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_screened_ranking_is_that_of_exact_distances(seed, noise):
    # From equal rows, where every value must be settled, to rows that products tell apart.
    random = np.random.default_rng(seed)
    rows = (1.0 + noise * random.standard_normal((220, 19))).astype(np.float32)
    query, gallery = rows[:20], np.concatenate([rows[20:], rows[20:40]])
    identities = (
        Identities(random.integers(0, 9, 20), random.integers(0, 3, 20)),
        Identities(random.integers(0, 9, 220), random.integers(0, 3, 220)),
    )
    squares = _core.squared_lengths(query, 1), _core.squared_lengths(gallery, 1)
    block = _core.screen_in_place(
        query @ gallery.T, query, gallery, *squares, "squared_distance", 1
    )
    for ap in RULES:
        ranker = _core.Ranker(identities[1].person, identities[1].camera, ap, "drop")
        got = ranker.rank_screened(block, identities[0].person, identities[0].camera, 2)[0]
        exact = retrieval.squared_distances(query, gallery)
        expected = retrieval.evaluate(exact, *identities, ap=ap)[0]
        np.testing.assert_allclose(got, expected, rtol=1e-12)


REFUSALS = {
    "half precision": (np.zeros((1, 2), np.float16), r"distances is float16 \(1, 2\)"),
    "strided": (np.zeros((1, 4), np.float32)[:, ::2], "C order"),
    "one row too many": (np.zeros((2, 2), np.float32), "2 rows and 2 columns, expected one row"),
    "one column too few": (np.zeros((1, 1), np.float32), "1 columns, expected"),
    "one dimension": (np.zeros(2, np.float32), "two dimensions"),
}


@pytest.mark.parametrize(("distances", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_the_core_refuses_arrays_that_do_not_fit(distances, message):
    with pytest.raises(InvalidInputError, match=message):
        core_metrics(distances, Identities([7], [1]), Identities([7, 8], [2, 2]))


@pytest.mark.parametrize(
    ("ap", "same_camera", "message"),
    [("mean", "drop", "ap is 'mean'"), ("hits", "no", "same_camera is 'no'")],
)
def test_the_core_refuses_words_it_does_not_know(ap, same_camera, message):
    with pytest.raises(InvalidInputError, match=message):
        _core.Ranker(np.zeros(1, np.int32), np.zeros(1, np.int32), ap, same_camera)


def test_the_core_refuses_persons_without_cameras():
    with pytest.raises(InvalidInputError, match="2 persons and 1 cameras"):
        _core.Ranker(np.zeros(2, np.int32), np.zeros(1, np.int32), "hits", "drop")
