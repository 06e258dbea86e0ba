# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast import InvalidInputError
from mgn_fast.evaluation.agreement import compare, median_cosine, nearest_others, spread


def test_rows_are_compared_by_angle_and_length():
    reference = np.array([[3, 4], [1, 0], [2, 0]], np.float32)
    candidate = np.array([[3, 4], [0, 1], [3, 0]], np.float32)
    found = compare(reference, candidate)
    # Equal; a right angle, |(-1, 1)| / 1; the same direction, |(1, 0)| / 2.
    assert (found.num_pictures, found.farthest) == (3, 1)
    assert (found.cosine_min, found.cosine_mean) == (0.0, pytest.approx(2 / 3))
    assert found.relative_error_max == pytest.approx(np.sqrt(2))
    assert found.relative_error_mean == pytest.approx((0 + np.sqrt(2) + 0.5) / 3)


def test_the_error_is_relative_to_the_reference():
    short, long = np.array([[1, 0]], np.float32), np.array([[4, 0]], np.float32)
    assert compare(short, long).relative_error_max == 3.0
    assert compare(long, short).relative_error_max == 0.75


def test_cosines_near_one_keep_their_digits():
    """At an angle of 1e-6 the cosine is 1 - 5e-13: lost in float32, and in a float64 product."""
    found = compare(np.array([[1, 0]], np.float32), np.array([[1, 1e-6]], np.float32))
    assert 1 - found.cosine_min == pytest.approx(5e-13, rel=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_compare_agrees_with_plain_arithmetic(seed):
    random = np.random.default_rng(seed)
    a = random.standard_normal((17, 31)).astype(np.float32)
    b = (a + 0.3 * random.standard_normal(a.shape)).astype(np.float32)
    cosines, errors = [], []
    for x, y in zip(a.astype(np.float64), b.astype(np.float64), strict=True):
        cosines.append(x @ y / np.sqrt((x @ x) * (y @ y)))
        errors.append(np.linalg.norm(y - x) / np.linalg.norm(x))
    found = compare(a, b)
    assert found.cosine_min == pytest.approx(min(cosines), rel=1e-12)
    assert found.cosine_mean == pytest.approx(np.mean(cosines), rel=1e-12)
    assert found.relative_error_max == pytest.approx(max(errors), rel=1e-12)
    assert found.relative_error_mean == pytest.approx(np.mean(errors), rel=1e-12)
    assert found.farthest == int(np.argmin(cosines))


@pytest.mark.parametrize("shapes", [((2, 3), (3, 3)), ((0, 3), (0, 3)), ((3,), (3,))])
def test_other_shapes_are_refused(shapes):
    a, b = (np.ones(shape, np.float32) for shape in shapes)
    with pytest.raises(InvalidInputError, match="expected the same"):
        compare(a, b)


def test_the_nearest_other_picture_is_never_the_picture_itself():
    rows = np.array([[0], [1], [3], [3.5]], np.float32)
    assert nearest_others(rows).tolist() == [1, 0, 3, 2]


def test_of_twins_each_is_nearest_to_the_first_other_one():
    rows = np.array([[5], [1], [1], [1]], np.float32)
    assert nearest_others(rows).tolist() == [1, 2, 1, 1]


def test_one_picture_has_no_other():
    with pytest.raises(InvalidInputError, match="has 1 rows, expected at least two"):
        nearest_others(np.ones((1, 4), np.float32))


# Angles of 0, 45 and 90 degrees: pairs 0-1 and 1-2 at 45, pair 0-2 at 90.
THREE = np.array([[2, 0], [1, 1], [0, 3]], np.float32)


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        (None, np.sqrt(0.5)),  # all pairs: 0, 0.71, 0.71
        ([1, 2, 3], np.sqrt(0.5)),
        ([7, 7, 8], np.sqrt(0.5) / 2),  # 0-2 and 1-2
        ([7, 8, 8], np.sqrt(0.5) / 2),  # 0-1 and 0-2
        ([7, 7, 7], None),
    ],
)
def test_likeness_is_the_median_over_pairs_of_different_persons(person, expected):
    person = None if person is None else np.array(person)
    assert median_cosine(THREE, person) == (None if expected is None else pytest.approx(expected))


def test_one_picture_is_like_nothing():
    assert median_cosine(THREE[:1]) is None


def test_many_pictures_are_sampled_over_the_whole_set():
    """A sample of the first ones only would see one direction, cosine 1."""
    rows = np.repeat(np.eye(2, dtype=np.float32), [600, 900], axis=0)
    assert median_cosine(rows, np.repeat([1, 2], [600, 900])) == 0.0


@pytest.mark.parametrize(("count", "most"), [(0, 5), (4, 5), (5, 5), (6, 5), (1000, 7)])
def test_places_are_spread_without_repeats(count, most):
    places = spread(count, most)
    assert len(places) == min(count, most)
    assert len(set(places.tolist())) == len(places)
    assert places.tolist() == sorted(places)
    if count:
        assert (places[0], places[-1]) == (0, count - 1)
