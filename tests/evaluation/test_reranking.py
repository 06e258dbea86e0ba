# SPDX-License-Identifier: Apache-2.0
"""Sparse re-ranking against dense matrices."""

import tracemalloc

import numpy as np
import pytest

from mgn_fast import InvalidInputError, _core, rerank
from mgn_fast.evaluation import distances
from mgn_fast.evaluation.reranking import RerankSettings, rankings
from oracles import retrieval

# The formula in float32 differs from itself by 3.4e-7 between two builds of one BLAS; three float32
# roundings of distances up to 4 and a normalised sum stay below this.
TOLERANCE = 1e-6
VARIANTS = ("reid-mgn", "zhong2017")


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def crowd(seed, queries=15, gallery=90, width=16, persons=12, noise=0.5):
    """Unit rows around one centre per person, with pictures that occur twice or more."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((persons, width))
    owner = random.integers(0, persons, queries + gallery)
    rows = unit(centres[owner] + noise * random.standard_normal((len(owner), width)))
    query, pictures = rows[:queries], rows[queries:]
    if gallery > 60:
        pictures[7] = query[3]
        pictures[40:46] = pictures[50]
    return query, pictures


def signs(seed, queries=12, gallery=70):
    """Corners of a cube in 16 dimensions: products are exact, and ties are everywhere."""
    rows = np.random.default_rng(seed).choice([-0.25, 0.25], (queries + gallery, 16))
    return rows[:queries].astype(np.float32), rows[queries:].astype(np.float32)


def assert_agrees(query, gallery, **options):
    expected = retrieval.rerank(query, gallery, **options)
    np.testing.assert_allclose(rerank(query, gallery, **options), expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("implementation", [rerank, retrieval.rerank])
def test_two_pictures_worked_by_hand(implementation):
    # Orthogonal unit rows. d = 2 - 2 * 0 = 2 for the pair and 0 to itself; divided by 2: 1 and 0.
    # k1 = 1: both are neighbours of both, so that the sets are {q, g}, with weights 1 and exp(-1).
    query, gallery = np.eye(2, dtype=np.float32)[:1], np.eye(2, dtype=np.float32)[1:]
    near, far = 1 / (1 + np.exp(-1)), np.exp(-1) / (1 + np.exp(-1))
    shared = 2 * min(near, far)
    jaccard = 1 - shared / (2 - shared)
    got = implementation(query, gallery, k1=1, k2=1, original_weight=0.25)
    np.testing.assert_allclose(got, [[0.75 * jaccard + 0.25 * 1]], atol=1e-7)
    # k2 = 2 averages both vectors into one: nothing is left of the Jaccard distance.
    got = implementation(query, gallery, k1=1, k2=2, original_weight=0.25)
    np.testing.assert_allclose(got, [[0.25]], atol=1e-7)


@pytest.mark.parametrize("implementation", [rerank, retrieval.rerank])
def test_variants_worked_by_hand(implementation):
    # Query (1, 0); gallery (0, 1) and (-1, 0): squared distances 2 and 4, largest of the query 4.
    query = np.array([[1, 0]], np.float32)
    gallery = np.array([[0, 1], [-1, 0]], np.float32)
    plain = implementation(query, gallery, original_weight=1.0, variant="reid-mgn")
    np.testing.assert_allclose(plain, [[2 / 4, 4 / 4]], atol=1e-7)
    squared = implementation(query, gallery, original_weight=1.0, variant="zhong2017")
    np.testing.assert_allclose(squared, [[2**2 / 4**2, 4**2 / 4**2]], atol=1e-7)


@pytest.mark.parametrize("implementation", [rerank, retrieval.rerank])
def test_a_one_sided_neighbour_is_no_member(implementation):
    # On an arc q, a, b at 0, 50 and 60 degrees with k1 = 1: q's neighbour is a, but a's is b.
    # q keeps itself alone and shares nothing with {a, b}: every Jaccard distance is 1.
    angles = np.radians([0, 50, 60])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    got = implementation(rows[:1], rows[1:], k1=1, k2=1, original_weight=0.0)
    np.testing.assert_allclose(got, [[1.0, 1.0]], atol=1e-7)


@pytest.mark.usefixtures("many_examples")
@pytest.mark.parametrize("k1", [1, 2, 3, 4, 5, 7, 20, 25])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", range(2))
def test_agrees_with_dense_matrices_for_any_k1(seed, variant, k1):
    assert_agrees(*crowd(seed), variant=variant, k1=k1)


@pytest.mark.parametrize("k2", [1, 2, 6, 21, 40])
@pytest.mark.parametrize("variant", VARIANTS)
def test_agrees_with_dense_matrices_for_any_k2(variant, k2):
    assert_agrees(*crowd(3), variant=variant, k2=k2)


@pytest.mark.parametrize("original_weight", [0.0, 0.3, 1.0])
def test_agrees_with_dense_matrices_for_any_weight(original_weight):
    assert_agrees(*crowd(4), original_weight=original_weight)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("variant", VARIANTS)
def test_agrees_with_dense_matrices_when_nearly_everything_ties(variant, seed):
    assert_agrees(*signs(seed), variant=variant, k1=(5, 20)[seed % 2])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_oracle_in_float32_is_as_close(dtype):
    query, gallery = crowd(5, noise=0.7)
    expected = retrieval.rerank(query, gallery, dtype=dtype)
    np.testing.assert_allclose(rerank(query, gallery), expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("queries", "gallery"), [(1, 1), (1, 5), (9, 1), (4, 6)], ids=lambda count: str(count)
)
@pytest.mark.parametrize("k1", [1, 7, 20, 1000])
def test_neighbourhoods_larger_than_the_set_end_with_it(queries, gallery, k1):
    assert_agrees(*crowd(6, queries, gallery), k1=k1, k2=6)


@pytest.mark.parametrize("k1", [18, 19, 20, 21, 10**30])
def test_k1_around_the_size_of_the_set_and_far_beyond(k1):
    assert_agrees(*crowd(7, 8, 12, noise=1.0), k1=k1, k2=min(k1, 23))


@pytest.mark.parametrize("noise", [0.0, 1e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("variant", VARIANTS)
def test_crowds_so_close_that_products_are_mostly_rounding_agree(variant, noise):
    """Squared distances from 1e-8 to 1e-4, beside float32 products of 1 that round by 1e-7."""
    random = np.random.default_rng(21)
    rows = unit(random.standard_normal(40) + noise * random.standard_normal((90, 40)))
    assert_agrees(rows[:12], rows[12:], variant=variant, k1=6)


def test_equal_pictures_everywhere_give_one_distance():
    rows = np.zeros((40, 8), np.float32)
    rows[:, 3] = 1.0
    got = rerank(rows[:4], rows[4:], k1=5, k2=1)
    # Every list is pictures 0 to 5. Queries, which are among them, share nothing with the vectors
    # of those who are not, and everything with those who are; the original distance is 0.
    expected = np.where(np.arange(36) < 2, np.float32(0.0), np.float32(0.7))
    np.testing.assert_array_equal(got, np.tile(expected, (4, 1)))
    assert_agrees(rows[:4], rows[4:], k1=5, k2=3)


def test_rows_of_any_length_suit_the_variant_that_does_not_need_unit_rows():
    query, gallery = crowd(8)
    assert_agrees(query * 3, gallery * 2, variant="zhong2017")


@pytest.mark.parametrize("scale", [2.0**-60, 2.0**45], ids=["tiny", "huge"])
def test_scaling_all_rows_leaves_the_variant_that_divides_distances(scale):
    query, gallery = crowd(8)
    expected = rerank(query, gallery, variant="zhong2017")
    scale = np.float32(scale)
    got = rerank(query * scale, gallery * scale, variant="zhong2017")
    np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE)


def test_rows_longer_than_one_are_taken_while_some_distance_is_positive():
    query, gallery = crowd(9)
    assert_agrees(query * 1.2, gallery * 1.1)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("variant", VARIANTS)
def test_threads_do_not_change_a_bit(threads, variant):
    query, gallery = crowd(10)
    one = rerank(query, gallery, variant=variant, threads=1)
    np.testing.assert_array_equal(rerank(query, gallery, variant=variant, threads=threads), one)


@pytest.mark.usefixtures("many_examples")
@pytest.mark.parametrize("rows", [1, 4, 7])
@pytest.mark.parametrize("variant", VARIANTS)
def test_blocks_of_any_size_agree(monkeypatch, rows, variant):
    query, gallery = crowd(11)
    whole = rerank(query, gallery, variant=variant)
    monkeypatch.setattr(distances, "BLOCK_ROWS", rows)
    cut = rerank(query, gallery, variant=variant)
    if _core.has_product():
        np.testing.assert_array_equal(cut, whole)
    else:  # NumPy's BLAS may round differently in a block of another shape; neighbours stay
        np.testing.assert_allclose(cut, whole, rtol=0, atol=TOLERANCE)


def test_writes_to_the_array_it_is_given(tmp_path):
    query, gallery = crowd(12)
    expected = rerank(query, gallery)
    mapped = np.lib.format.open_memmap(
        tmp_path / "out.npy", mode="w+", dtype=np.float32, shape=expected.shape
    )
    assert rerank(query, gallery, out=mapped) is mapped
    strided = np.zeros((len(query), 2 * len(gallery)), np.float32)[:, ::2]
    rerank(query, gallery, out=strided)
    np.testing.assert_array_equal(mapped, expected)
    np.testing.assert_array_equal(strided, expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floating_point_is_converted_to_float32(dtype):
    query, gallery = (rows.astype(dtype) for rows in crowd(13))
    expected = rerank(query.astype(np.float32), gallery.astype(np.float32))
    np.testing.assert_array_equal(rerank(query, gallery), expected)


@pytest.mark.usefixtures("many_examples")
def test_memory_grows_with_the_pictures_not_with_their_square(monkeypatch):
    monkeypatch.setattr(distances, "BLOCK_ROWS", 64)
    query, gallery = crowd(14, queries=50, gallery=2950, width=4, persons=300)
    out = np.empty((50, 2950), np.float32)
    tracemalloc.start()
    rerank(query, gallery, out=out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # A block of 64 x 2950 float32 is 0.76 MB and the lists are 0.76 MB; one square matrix is 36 MB.
    assert peak < 4e6


ROWS = np.eye(3, dtype=np.float32)
REFUSALS = {
    "k1 of 0": ({"k1": 0}, "k1 is 0, expected a whole number from 1 up"),
    "k1 not whole": ({"k1": 2.5}, "k1 is 2.5"),
    "k2 negative": ({"k2": -1}, "k2 is -1"),
    "k2 a bool": ({"k2": True}, "k2 is True"),
    "weight above 1": ({"original_weight": 1.5}, "original_weight is 1.5, expected .* 0 to 1"),
    "weight NaN": ({"original_weight": float("nan")}, "original_weight is nan"),
    "weight a word": ({"original_weight": "half"}, "original_weight is 'half'"),
    "variant": ({"variant": "fast"}, "variant is 'fast', expected one of .*zhong2017"),
    "threads": ({"threads": 0}, "threads is 0"),
    "out of another shape": ({"out": np.zeros((3, 2), np.float32)}, r"out is float32 \(3, 2\)"),
    "out of another dtype": ({"out": np.zeros((3, 3))}, r"out is float64 \(3, 3\), expected"),
    "out no array": ({"out": [[0.0] * 3] * 3}, "out is .*list"),
}


@pytest.mark.parametrize(("options", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refuses_options_outside_their_range(options, message):
    with pytest.raises(InvalidInputError, match=message):
        rerank(ROWS, ROWS, **options)


def test_refuses_a_read_only_out():
    out = np.zeros((3, 3), np.float32)
    out.flags.writeable = False
    with pytest.raises(InvalidInputError, match="read-only"):
        rerank(ROWS, ROWS, out=out)


def test_refuses_rows_so_long_that_no_distance_is_positive():
    rows = np.full((3, 4), 2.0, np.float32)
    with pytest.raises(InvalidInputError, match=r"dot product of at least 16 .* length 1"):
        rerank(rows, rows)


def test_reports_are_plain_and_re_ranked_in_this_order():
    settings = RerankSettings(k1=3)
    assert rankings(None) == {"plain": None}
    assert list(rankings(settings).items()) == [("plain", None), ("re-ranked", settings)]
