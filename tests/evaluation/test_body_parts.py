# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast import InvalidInputError
from mgn_fast.evaluation.body_parts import compare_parts
from mgn_fast.models.contract import MGN_PARTS
from mgn_fast.models.parts import PARTS


def row(**values):
    """An embedding that holds one number in each named part, at the part's first place."""
    embedding = np.zeros(2048, np.float32)
    for index, part in enumerate(PARTS):
        embedding[256 * index] = values.get(part.name, 0.0)
    return embedding


def test_contributions_and_cosines_by_hand():
    """(3, 4) and (4, 3): each part adds 12 / 25, and alone points the same way."""
    query, gallery = row(fg_p1=3, f1_p3=4), row(fg_p1=4, f1_p3=3)
    (look,) = compare_parts(query, gallery[None])
    assert look.contributions == pytest.approx((12 / 25, 0, 0, 0, 0, 0, 12 / 25, 0))
    assert look.cosines == pytest.approx((1, 0, 0, 0, 0, 0, 1, 0))
    assert look.similarity == pytest.approx(24 / 25)


def test_a_part_that_points_elsewhere_has_cosine_0():
    query, gallery = row(fg_p1=1, f0_p2=1), row(fg_p1=1)
    gallery[256 * 3 + 1] = 1  # the same part, another of its 256 numbers
    (look,) = compare_parts(query, gallery[None])
    assert look.cosines[3] == 0
    assert look.contributions == pytest.approx((0.5, 0, 0, 0, 0, 0, 0, 0))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_contributions_sum_to_the_similarity(random, dtype):
    query = random.standard_normal(2048).astype(dtype)
    gallery = random.standard_normal((5, 2048)).astype(dtype)
    wide = query.astype(np.float64), gallery.astype(np.float64)
    lengths = np.linalg.norm(wide[0]) * np.linalg.norm(wide[1], axis=1)
    for look, expected in zip(
        compare_parts(query, gallery), wide[1] @ wide[0] / lengths, strict=True
    ):
        # Two orders of 2048 float64 additions.
        assert look.similarity == pytest.approx(expected, abs=2048 * 2.3e-16)


def test_nothing_to_compare_with_gives_nothing(random):
    assert compare_parts(random.random(2048), np.empty((0, 2048))) == ()


@pytest.mark.parametrize(
    ("query", "gallery", "message"),
    [
        ((512,), (1, 512), r"query has shape \(512,\) and gallery .* their 8 parts are 2048 wide"),
        ((2048,), (2048,), r"gallery \(2048,\)"),
        ((1, 2048), (1, 2048), r"query has shape \(1, 2048\)"),
    ],
)
def test_rows_of_another_width_than_the_parts_are_refused(query, gallery, message):
    with pytest.raises(InvalidInputError, match=message):
        compare_parts(np.ones(query), np.ones(gallery))


def test_an_embedding_without_length_is_refused():
    with pytest.raises(InvalidInputError, match="all zeros"):
        compare_parts(np.zeros(2048), np.ones((1, 2048)))


def test_parts_of_any_names_widths_and_number_by_hand():
    """(3, 0 | 4) and (0, 5 | 12): the narrow part adds nothing, the other 48 / (5 * 13)."""
    parts = (("upper", 2), ("f1_p2", 1))
    (look,) = compare_parts(np.array([3.0, 0, 4]), np.array([[0.0, 5, 12]]), parts)
    assert look.contributions == pytest.approx((0, 48 / 65))
    assert look.cosines == pytest.approx((0, 1))
    assert [(part.name, part.region) for part in look.parts] == [
        ("upper", "unknown"),
        ("f1_p2", "half"),
    ]


def test_another_order_moves_the_parts_and_nothing_else(random):
    order = [0, 1, 3, 4, 2, 5, 6, 7]
    rows = random.standard_normal((4, 2048))
    moved = rows.reshape(4, 8, 256)[:, order].reshape(4, 2048)
    (usual,) = compare_parts(rows[0], rows[1:2])
    (other,) = compare_parts(moved[0], moved[1:2], [MGN_PARTS[place] for place in order])
    assert usual.parts == PARTS
    assert other.parts == tuple(PARTS[place] for place in order)
    for field in ("contributions", "cosines"):
        values = getattr(usual, field)
        # The length is summed over the parts in another order: of eight float64 additions.
        assert getattr(other, field) == pytest.approx([values[p] for p in order], rel=8 * 2.3e-16)


def test_no_parts_are_refused():
    with pytest.raises(InvalidInputError, match="their 0 parts are 0 wide together"):
        compare_parts(np.ones(4), np.ones((1, 4)), ())
