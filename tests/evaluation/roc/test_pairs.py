# SPDX-License-Identifier: Apache-2.0
"""verification_curve against scikit-learn on all pairs: listed, and counted by gaps."""

import numpy as np
import pytest

from mgn_fast import Identities, InvalidInputError, _core, evaluate, verification_curve
from mgn_fast.evaluation import Protocol, distances, measure_embeddings
from mgn_fast.evaluation.measure import RerankSettings
from mgn_fast.evaluation.roc import pairs
from mgn_fast.evaluation.sides import sides_of
from oracles import verification
from support.late import late

roc_curve = late("sklearn.metrics.roc_curve")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
WAYS = ("listed", "counted")


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    """Few impostors are listed; here both ways are taken with few."""
    if request.param == "counted":
        monkeypatch.setattr(pairs, "LISTED_IMPOSTORS", 0)
    return request.param


def points(curve):
    return curve.false_accept_rate, curve.true_accept_rate, -curve.threshold


def expected_points(query, gallery, exact, same_camera, way):
    """scikit-learn's, and without what the counted way leaves out."""
    found = roc_curve(*reversed(negated(*verification.pairs(query, gallery, exact, same_camera))))
    return found if way == "listed" else verification.without_level_points(*found)


def negated(values, is_match):
    return -values, is_match


def assert_same(curve, expected):
    for one, other in zip(points(curve), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def draw(seed, *, levels, queries=25, gallery=60, width=4):
    """Whole numbers, so that distances are exact and many of them equal; pictures twice."""
    random = np.random.default_rng(seed)
    rows = random.integers(0, levels, (queries + gallery, width)).astype(np.float32)
    rows[-20:] = rows[-40:-20]
    person = random.integers(0, 6, queries + gallery)
    camera = random.integers(0, 3, queries + gallery)
    sides = [
        Identities(person[part], camera[part]) for part in (slice(queries), slice(queries, None))
    ]
    return rows[:queries], rows[queries:], *sides


@pytest.mark.parametrize("same_camera", ["drop", "keep", "separate"])
@pytest.mark.parametrize("levels", [2, 5, 1000])
@pytest.mark.parametrize("seed", range(6))
def test_curves_are_those_of_scikit_learn(seed, levels, same_camera, way):
    drawn = draw(seed, levels=levels)
    curve = verification_curve(*drawn, same_camera=same_camera)
    exact = verification.distances(*drawn[:2])
    assert_same(curve, expected_points(*drawn[2:], exact, same_camera, way))
    assert len(curve.threshold) <= (2000 if way == "listed" else 2 * curve.num_matches + 4)


@pytest.mark.parametrize("queries", [1, 30])
@pytest.mark.parametrize("gallery", [1, 500])
@pytest.mark.parametrize("width", [1, 33, 300])
def test_any_numbers_are_compared_by_their_exact_distance(queries, gallery, width, way):
    random = np.random.default_rng(queries + gallery + width)
    rows = random.standard_normal((queries + gallery, width)).astype(np.float32)
    person = random.integers(0, 5, queries + gallery)
    person[-1] = person[0]
    given = rows[:queries], rows[queries:]
    sides = Identities(person[:queries]), Identities(person[queries:])
    curve = verification_curve(*given, *sides)
    everybody = Identities(np.zeros(queries, int)), Identities(np.zeros(gallery, int))
    # One person: the core's own distances of all pairs, in the order of rows.
    exact = np.empty(queries * gallery)
    nobody = np.zeros(queries, np.int32), np.zeros(queries, np.int32)
    _core.Pairs(everybody[1].person, np.zeros(gallery, np.int32), "keep").distances(
        "matches", *given, *nobody, exact, 1
    )
    exact = exact.reshape(queries, gallery)
    np.testing.assert_allclose(exact, verification.distances(*given), rtol=1e-12)
    is_match = (sides[0].person[:, None] == sides[1].person).ravel()
    expected = roc_curve(is_match, -exact.ravel())
    if is_match.all():
        assert np.isnan(curve.false_accept_rate).all()
        expected = (curve.false_accept_rate, *expected[1:])
    elif way == "counted":
        expected = verification.without_level_points(*expected)
    assert_same(curve, expected)


def test_blocks_threads_and_products_do_not_change_a_bit(monkeypatch):
    monkeypatch.setattr(pairs, "LISTED_IMPOSTORS", 0)
    random = np.random.default_rng(3)
    person = random.integers(0, 30, 1200)
    rows = random.standard_normal((30, 70))[person] + random.standard_normal((1200, 70))
    rows = rows.astype(np.float32)
    sides = Identities(person[:300]), Identities(person[300:])
    whole = points(verification_curve(rows[:300], rows[300:], *sides, threads=1))
    found = [verification_curve(rows[:300], rows[300:], *sides, threads=3)]
    monkeypatch.setattr(distances, "BLOCK_ROWS", 37)
    found.append(verification_curve(rows[:300], rows[300:], *sides, threads=2))
    monkeypatch.setattr(_core, "has_product", lambda: False)  # numpy's, with its wide margin
    found.append(verification_curve(rows[:300], rows[300:], *sides))
    for curve in found:
        assert_same(curve, whole)


# One class missing, nobody known, and who is no pair


def test_without_matches_their_rate_is_not_known(way):
    drawn = draw(1, levels=3)
    curve = verification_curve(*drawn[:2], drawn[2], Identities(drawn[3].person + 10, [0] * 60))
    assert np.isnan(curve.true_accept_rate).all()
    assert (curve.num_matches, curve.num_impostors) == (0, 25 * 60)
    assert curve.false_accept_rate[[0, -1]].tolist() == [0, 1]


def test_without_impostors_theirs_is_not_known(way):
    drawn = draw(1, levels=3)
    curve = verification_curve(*drawn[:2], Identities([1] * 25), Identities([1] * 60))
    assert np.isnan(curve.false_accept_rate).all()
    assert (curve.num_matches, curve.num_impostors) == (25 * 60, 0)
    assert curve.true_accept_rate[[0, -1]].tolist() == [0, 1]
    assert curve.notes[-1] == "cameras are not known: no picture is junk"


def test_no_pair_at_all_is_refused():
    one = np.ones((1, 2), np.float32)
    with pytest.raises(InvalidInputError, match="no pair is left of 1 queries and 1 gallery"):
        verification_curve(one, one.copy(), Identities([7], [1]), Identities([7], [1]))


def test_a_picture_and_itself_are_no_pair(way):
    rows = draw(2, levels=4)[1]
    person = np.random.default_rng(0).integers(0, 9, len(rows))
    who = Identities(person)
    curve = verification_curve(rows, rows, who, who)
    others = ~np.eye(len(rows), dtype=bool)
    exact = verification.distances(rows, rows)[others]
    is_match = (person[:, None] == person)[others]
    expected = roc_curve(is_match, -exact)
    if way == "counted":
        expected = verification.without_level_points(*expected)
    assert_same(curve, expected)
    assert "own picture is left out" in curve.notes[-1]
    kept = verification_curve(rows, rows, who, who, same_picture="keep")
    assert kept.num_matches == curve.num_matches + len(rows)


def test_words_are_persons_and_cameras(way):
    drawn = draw(4, levels=5)
    words = [
        Identities([f"p{p}" for p in side.person], [f"c{c}" for c in side.camera])
        for side in drawn[2:]
    ]
    assert_same(verification_curve(*drawn[:2], *words), points(verification_curve(*drawn)))


def test_rows_are_compared_by_angle_where_that_is_asked_for(way):
    random = np.random.default_rng(6)
    drawn = draw(6, levels=5)
    scales = 2.0 ** random.integers(-3, 3, (25, 1)), 2.0 ** random.integers(-3, 3, (60, 1))
    rows = [part + 1 for part in drawn[:2]]
    scaled = [(part * scale).astype(np.float32) for part, scale in zip(rows, scales, strict=True)]
    plain = verification_curve(*rows, *drawn[2:], metric="cosine")
    assert_same(verification_curve(*scaled, *drawn[2:], metric="cosine"), points(plain))
    assert plain.threshold.max() <= 2
    assert plain.notes == ("rows were scaled to length 1 (metric 'cosine')",)


# In the pass of an evaluation


def test_a_report_holds_the_curve(way):
    drawn = draw(7, levels=6)
    report = evaluate(*drawn, verification=True)
    curve = verification_curve(*drawn)
    assert_same(report.verification, points(curve))
    plain = evaluate(*drawn)
    assert plain.verification is None
    assert plain.mean_average_precision == report.mean_average_precision
    assert report.to_dict()["verification"] == report.verification.to_dict()
    assert str(curve).splitlines()[0] in str(report)
    assert "verification: " in report._repr_html_()


def test_the_first_protocols_pairs_are_counted():
    drawn = draw(8, levels=6)
    protocols = [Protocol(same_camera="keep"), Protocol()]
    first, second = measure_embeddings(*drawn, protocols, verification=True)
    assert_same(first.verification, points(verification_curve(*drawn, same_camera="keep")))
    assert second.verification is None


def test_re_ranked_distances_have_no_threshold():
    drawn = draw(9, levels=6)
    with pytest.raises(InvalidInputError, match="expected no re-ranking in the same call"):
        evaluate(*drawn, verification=True, rerank=True)
    with pytest.raises(InvalidInputError, match="expected no re-ranking in the same call"):
        measure_embeddings(*drawn, [Protocol()], verification=True, rerank=RerankSettings())


# Refusals, memory, interruption


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"same_camera": "no"}, "same_camera is 'no'"),
        ({"metric": "angle"}, "metric is 'angle'"),
        ({"gallery": Identities([1, 2])}, "query has cameras and gallery has none"),
        ({"gallery": Identities([1, 2], [1, 2])}, "gallery has 2 identities"),
        ({"gallery_embeddings": np.ones((60, 3), np.float32)}, "is 4 wide and gallery"),
        ({"gallery_embeddings": np.ones(60, np.float32)}, "expected float32"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(change, message):
    names = ("query_embeddings", "gallery_embeddings", "query", "gallery")
    given = dict(zip(names, draw(0, levels=4), strict=True)) | change
    with pytest.raises(InvalidInputError, match=message):
        verification_curve(**given)


def test_more_memory_than_there_is_is_refused(monkeypatch):
    monkeypatch.setattr("mgn_fast.common.memory.available_bytes", lambda: 1 << 20)
    with pytest.raises(InvalidInputError, match="verification of 25 queries and 60 gallery"):
        verification_curve(*draw(0, levels=4))


def test_the_plan_counts_pairs_before_any_distance():
    _, _, query, gallery = draw(0, levels=4)
    plan = pairs.PairPlan(sides_of(query, gallery, "drop"), 2)
    _, is_match = verification.pairs(query, gallery, np.zeros((25, 60)))
    assert plan.num_matches == is_match.sum()
    assert plan.num_impostors == (~is_match).sum()
    assert plan.needed_bytes == 224 * plan.num_matches + 80 * plan.num_impostors


def test_blocks_tell_how_many_pairs_had_to_be_settled(monkeypatch):
    monkeypatch.setattr(pairs, "LISTED_IMPOSTORS", 0)
    query, gallery, *sides = draw(0, levels=1000)
    sets = [part.weighed(1) for part in distances.checked_sets(query, gallery, 1)]
    tally = pairs.PairTally(pairs.PairPlan(sides_of(*sides, "drop"), 1), *sets)
    assert tally.num_settled == 0
    for block in distances.screened_blocks(*sets, "squared_distance", 1):
        tally(*block)
    assert 0 < tally.num_settled <= 25 * 60
