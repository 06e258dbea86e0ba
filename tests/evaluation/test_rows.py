# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from mgn_fast import Identities, InvalidInputError, evaluate, rank
from mgn_fast.evaluation.rows import (
    as_array,
    both_as_arrays,
    checked_rows,
    notes_on_lengths,
    num_at_distance_0,
    scaled_to_length_1,
)
from mgn_fast.evaluation.sides import sides_of
from support.late import late

torch = late("torch")
ml_dtypes = late("ml_dtypes")

# 3-4-5 and 8-15-17 triangles: lengths 5, 17 and 1, and one that overflows float32 when squared.
ROWS = np.array([[3, 4], [8, 15], [0, 1], [3 * 2.0**100, 4 * 2.0**100]], np.float32)


def test_tensors_are_taken_as_they_are():
    tensor = torch.tensor(ROWS, requires_grad=True)
    assert np.shares_memory(as_array("x", tensor), tensor.detach().numpy())
    halves = as_array("x", torch.tensor([[1.5, -2.0]]).bfloat16())
    assert (halves.dtype, halves.tolist()) == (np.float32, [[1.5, -2.0]])
    other = as_array("x", np.array([[1.5, -2.0]], ml_dtypes.bfloat16))
    assert (other.dtype, other.tolist()) == (np.float32, [[1.5, -2.0]])


def test_a_tensor_against_itself_finds_no_picture_itself():
    rows = torch.randn(20, 8, generator=torch.Generator().manual_seed(0)).bfloat16()
    who = Identities(np.arange(20) // 2)
    assert any("20 of 20 queries" in note for note in evaluate(rows, rows, who, who).notes)
    assert rank(rows, rows, depth=1).indices[:, 0].tolist() == list(range(20))


def test_what_is_one_object_stays_one():
    given = [[1.0, 2.0]]
    query, gallery = both_as_arrays(given, given)
    assert query is gallery


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.ma.masked_equal(ROWS, 3), "x is a masked array"),
        ([["a"]], r"x is <U1 \(1, 1\), expected float32"),
        ([[1.0], [1.0, 2.0]], "x is a list that is no array of numbers"),
        ([[1, 2]], r"x is int64 \(1, 2\), expected float32"),
        (np.ones(3), r"x is float64 \(3,\)"),
        (np.ones((0, 3)), r"x has shape \(0, 3\)"),
        (np.array([[1.0], [np.nan]]), "x has nan in row 1"),
        (np.array([[1.0], [-np.inf]]), "x has -inf in row 1"),
    ],
)
def test_what_holds_no_rows_is_refused(rows, message):
    with pytest.raises(InvalidInputError, match=message):
        checked_rows("x", rows)


def test_a_sparse_tensor_is_refused():
    with pytest.raises(InvalidInputError, match="x is a Tensor that is no array of numbers"):
        checked_rows("x", torch.eye(2).to_sparse())


def test_rows_are_scaled_by_their_length():
    scaled = scaled_to_length_1("x", ROWS)
    expected = [[0.6, 0.8], [8 / 17, 15 / 17], [0, 1], [0.6, 0.8]]
    np.testing.assert_array_equal(scaled, np.array(expected, np.float32))
    with pytest.raises(InvalidInputError, match="x has only zeros in row 1"):
        scaled_to_length_1("x", np.array([[1, 1], [0, 0]], np.float32))


def test_lengths_are_told_where_they_matter():
    one, five = np.array([1.0, 0.9990]), np.array([25.0])
    assert list(notes_on_lengths((one, one), "euclidean")) == []
    (note,) = notes_on_lengths((one, five), "euclidean")
    assert "rows are 0.999 to 5 long" in note
    assert "'cosine' scales them to length 1" in note
    (note,) = notes_on_lengths((one, five), "cosine")
    assert note == "rows were scaled to length 1 (metric 'cosine')"


def test_the_metric_decides_what_is_near():
    """By distance (1, 0) is nearer to (2, 0.1) than to (9, 0); by angle it is the other way."""
    query, gallery = np.array([[1, 0]]), np.array([[2, 0.1], [9, 0]])
    who = Identities([1], [1]), Identities([1, 2], [2, 2])
    rows = query.astype(np.float32), gallery.astype(np.float32)
    euclidean = evaluate(*rows, *who, max_rank=2)
    cosine = evaluate(*rows, *who, max_rank=2, metric="cosine")
    assert (euclidean.cmc[0], cosine.cmc[0]) == (1, 0)
    assert (euclidean.metric, cosine.to_dict()["metric"]) == ("euclidean", "cosine")
    assert any("scaled to length 1" in note for note in cosine.notes)
    with pytest.raises(InvalidInputError, match="metric is 'manhattan'"):
        evaluate(*rows, *who, metric="manhattan")


@pytest.mark.parametrize(
    ("same_camera", "expected"),
    # The first query's copy is by its own camera, the second's is a stranger, the third has none.
    [("drop", 1), ("keep", 2), ("separate", 1)],
)
def test_queries_at_distance_0_are_counted(same_camera, expected):
    query = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], np.float32)
    gallery = np.array([[2.0, 3.0], [-0.0, 1.0], [5.0, 4.0], [4.0, 5.1]], np.float32)
    who = Identities([1, 2, 3], [1, 1, 1]), Identities([9, 1, 3, 2], [2, 1, 2, 2])
    squares = tuple(np.square(rows.astype(float)).sum(axis=1) for rows in (query, gallery))
    sides = sides_of(*who, same_camera)
    assert num_at_distance_0((query, gallery), squares, sides) == expected
    report = evaluate(query, gallery, *who, same_camera=same_camera)
    assert any(f"{expected} of 3 queries have a gallery" in note for note in report.notes)
