# SPDX-License-Identifier: Apache-2.0
"""measure.py: reports from distances and from embeddings, and what is refused."""

import doctest
import importlib
import json
import signal
import threading
import time

import numpy as np
import pytest

from mgn_fast import Identities, InvalidInputError, evaluate, evaluate_distances, rank, rerank
from mgn_fast.evaluation import distances
from mgn_fast.evaluation.measure import measure_embeddings
from mgn_fast.evaluation.protocol import Protocol
from mgn_fast.evaluation.reranking import RerankSettings
from oracles import retrieval
from support.late import late

average_precision_score = late("sklearn.metrics.average_precision_score")
cdist = late("scipy.spatial.distance.cdist")

RULES = ("sklearn", "hits", "market1501")


def market(seed, queries=40, gallery=400, width=32, persons=20, noise=1.5):
    """Unit rows, six cameras, strangers, distractors, equal pictures and queries without match."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((persons + 1, width))
    person = random.integers(0, persons + 1, queries + gallery)
    rows = centres[person] + noise * random.standard_normal((len(person), width))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    person[: queries // 8] = 1000
    camera = random.integers(0, 6, len(person))
    rows[queries + 100 : queries + 120] = rows[queries + 5]
    query = Identities(person[:queries], camera[:queries])
    return rows[:queries], rows[queries:], query, Identities(person[queries:], camera[queries:])


def assert_same(report, other):
    np.testing.assert_array_equal(report.average_precision, other.average_precision)
    np.testing.assert_array_equal(report.cmc, other.cmc)
    assert report.mean_inverse_negative_penalty == other.mean_inverse_negative_penalty
    assert report.num_valid_queries == other.num_valid_queries


def test_report_worked_by_hand():
    # Query 0, person 5: ranking 6, 5, 6, a match at rank 2. Query 1, person 6: ranking 6, 5, 6,
    # matches at ranks 1 and 3. Query 2 has no match and counts nowhere.
    table = np.array([[0.1, 0.2, 0.3]] * 3)
    query, gallery = Identities([5, 6, 9], [1, 1, 1]), Identities([6, 5, 6], [2, 2, 3])
    report = evaluate_distances(table, query, gallery, max_rank=3)
    np.testing.assert_allclose(report.average_precision, [1 / 2, (1 + 2 / 3) / 2, np.nan])
    assert report.mean_average_precision == pytest.approx((1 / 2 + 5 / 6) / 2)
    assert report.mean_inverse_negative_penalty == pytest.approx((1 / 2 + 2 / 3) / 2)
    np.testing.assert_array_equal(report.cmc, [1 / 2, 1, 1])
    assert report.num_valid_queries == 2


def test_cmc_counts_the_first_match_and_stays_after_the_gallery_ends():
    table = np.array([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]])
    query, gallery = Identities([7, 7], [1, 1]), Identities([7, 8, 9], [2, 2, 2])
    report = evaluate_distances(table, query, gallery, max_rank=5)
    np.testing.assert_array_equal(report.cmc, [0.5, 0.5, 1, 1, 1])
    assert evaluate_distances(table, query, gallery, max_rank=1).cmc.tolist() == [0.5]


def test_the_docstrings_example_runs():
    module = importlib.import_module("mgn_fast.evaluation.measure")
    results = doctest.testmod(module)
    assert (results.attempted, results.failed) == (13, 0)


@pytest.mark.usefixtures("many_examples")
@pytest.mark.parametrize("seed", range(3))
def test_from_embeddings_equals_float64_distances_in_all_digits(seed):
    query_embeddings, gallery_embeddings, query, gallery = market(seed)
    wide = cdist(query_embeddings.astype(np.float64), gallery_embeddings.astype(np.float64))
    for ap in RULES:
        for same_camera in ("drop", "keep", "separate"):
            options = {"ap": ap, "same_camera": same_camera}
            report = evaluate(query_embeddings, gallery_embeddings, query, gallery, **options)
            assert_same(report, evaluate_distances(wide, query, gallery, **options))
            expected = retrieval.evaluate(wide, query, gallery, **options)
            np.testing.assert_allclose(report.average_precision, expected[0], rtol=1e-12)
            np.testing.assert_array_equal(report.cmc, expected[1])


def test_sklearn_precision_is_scikit_learns():
    query_embeddings, gallery_embeddings, query, gallery = market(3)
    table = cdist(query_embeddings, gallery_embeddings).round(1)
    report = evaluate_distances(table, query, gallery, same_camera="keep")
    for row, person, got in zip(table, query.person, report.average_precision, strict=True):
        hits = gallery.person == person
        if hits.any():
            assert got == pytest.approx(average_precision_score(hits, -row), rel=1e-12)


@pytest.mark.parametrize("width", [1, 2, 3, 2048])
def test_rows_of_any_width_and_length_rank_by_euclidean_distance(width):
    random = np.random.default_rng(width)
    rows = (random.standard_normal((60, width)) * random.uniform(0.1, 9, (60, 1))).astype(
        np.float32
    )
    query = Identities(random.integers(0, 4, 10), np.zeros(10, int))
    gallery = Identities(random.integers(0, 4, 50), np.ones(50, int))
    report = evaluate(rows[:10], rows[10:], query, gallery)
    exact = retrieval.squared_distances(rows[:10], rows[10:])
    expected = retrieval.evaluate(exact, query, gallery)
    np.testing.assert_allclose(report.average_precision, expected[0], rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-30, 1e-21, 1e-3, 1e3, 1e14])
def test_scaling_all_embeddings_changes_no_rank(scale):
    query_embeddings, gallery_embeddings, query, gallery = market(4)
    factor = np.float32(2.0 ** np.round(np.log2(scale)))
    report = evaluate(query_embeddings * factor, gallery_embeddings * factor, query, gallery)
    assert_same(report, evaluate(query_embeddings, gallery_embeddings, query, gallery))


def test_equal_embeddings_rank_in_gallery_order():
    rows = np.full((9, 16), 0.25, np.float32)
    query, gallery = Identities([7], [1]), Identities([8, 7, 8, 7, 8, 8, 8, 8], [2] * 8)
    report = evaluate(rows[:1], rows[1:], query, gallery, ap="hits", max_rank=4)
    assert report.average_precision[0] == pytest.approx((1 / 2 + 2 / 4) / 2)
    np.testing.assert_array_equal(report.cmc, [0, 1, 1, 1])


@pytest.mark.parametrize("with_rerank", [False, True])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_do_not_change_a_bit(threads, with_rerank):
    case = market(5)
    assert_same(
        evaluate(*case, threads=threads, rerank=with_rerank), evaluate(*case, rerank=with_rerank)
    )


@pytest.mark.parametrize("block_rows", [1, 7, 39])
def test_blocks_do_not_change_a_bit(monkeypatch, block_rows):
    case = market(6)
    whole = evaluate(*case)
    table = retrieval.squared_distances(*case[:2])
    whole_table = evaluate_distances(table, *case[2:])
    monkeypatch.setattr(distances, "BLOCK_ROWS", block_rows)
    assert_same(evaluate(*case), whole)
    assert_same(evaluate_distances(table, *case[2:]), whole_table)


@pytest.mark.parametrize("options", [{}, {"k1": 5, "k2": 1, "original_weight": 0.0}], ids=str)
def test_reranked_report_is_that_of_reranked_distances(options):
    query_embeddings, gallery_embeddings, query, gallery = market(7)
    report = evaluate(query_embeddings, gallery_embeddings, query, gallery, rerank=True, **options)
    table = rerank(query_embeddings, gallery_embeddings, **options)
    assert_same(report, evaluate_distances(table, query, gallery))
    plain = evaluate(query_embeddings, gallery_embeddings, query, gallery)
    assert report.mean_average_precision != plain.mean_average_precision


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floating_point_is_converted_to_float32(dtype):
    query_embeddings, gallery_embeddings, query, gallery = market(8)
    pair = query_embeddings.astype(dtype), gallery_embeddings.astype(dtype)
    expected = evaluate(*(rows.astype(np.float32) for rows in pair), query, gallery)
    assert_same(evaluate(*pair, query, gallery), expected)


def test_distances_in_any_order_of_memory_give_the_same():
    query_embeddings, gallery_embeddings, query, gallery = market(9)
    table = cdist(query_embeddings, gallery_embeddings)
    expected = evaluate_distances(table, query, gallery)
    assert_same(evaluate_distances(np.asfortranarray(table), query, gallery), expected)
    assert_same(evaluate_distances(np.repeat(table, 2, 1)[:, ::2], query, gallery), expected)


def test_report_becomes_json(tmp_path):
    case = market(10)
    report = evaluate(*case, max_rank=3)
    read = json.loads(report.to_json(tmp_path / "report.json").read_text())
    assert read["mean_average_precision"] == report.mean_average_precision
    assert read["average_precision"][0] is None
    assert len(read["cmc"]) == 3


TABLE = np.array([[0.1, 0.2], [0.3, 0.4]])
QUERY, GALLERY = Identities([7, 8], [1, 1]), Identities([7, 8], [2, 2])
DISTANCE_REFUSALS = {
    "transposed": (TABLE[:1], {}, r"distances has shape \(1, 2\), expected \(2, 2\)"),
    "integers": (TABLE.astype(np.int32), {}, "distances is int32, expected float32 or float64"),
    "half precision": (TABLE.astype(np.float16), {}, "distances is float16"),
    "other byte order": (TABLE.astype(">f4"), {}, "distances is >f4"),
    "max_rank of 0": (TABLE, {"max_rank": 0}, "max_rank is 0"),
    "ap": (TABLE, {"ap": "mean"}, "ap is 'mean', expected one of .*'sklearn'"),
    "same_camera": (TABLE, {"same_camera": True}, "same_camera is True, expected one of .*'drop'"),
}


@pytest.mark.parametrize(
    ("table", "options", "message"), DISTANCE_REFUSALS.values(), ids=DISTANCE_REFUSALS.keys()
)
def test_refuses_distances_and_options_that_do_not_fit(table, options, message):
    with pytest.raises(InvalidInputError, match=message):
        evaluate_distances(table, QUERY, GALLERY, **options)


def test_names_the_first_nan(monkeypatch):
    table = np.ones((9, 2), np.float32)
    table[5, 1] = table[7, 0] = np.nan
    query = Identities([7] * 9, [1] * 9)
    for rows in (1024, 2):
        monkeypatch.setattr(distances, "BLOCK_ROWS", rows)
        with pytest.raises(InvalidInputError, match="NaN in row 5, column 1"):
            evaluate_distances(table, query, GALLERY)


@pytest.mark.parametrize(
    ("query", "gallery", "message"),
    [
        (Identities([7], [1]), GALLERY, "query has 1 identities and query_embeddings 2 rows"),
        (QUERY, Identities([7], [1]), "gallery has 1 identities and gallery_embeddings 2 rows"),
        (([7, 8], [1, 1]), GALLERY, "query is <class 'tuple'>, expected Identities"),
        (QUERY, Identities([], []), "gallery has 0 pictures"),
    ],
    ids=["query", "gallery", "no Identities", "empty"],
)
def test_refuses_identities_that_do_not_match(query, gallery, message):
    rows = np.eye(2, dtype=np.float32)
    with pytest.raises(InvalidInputError, match=message):
        evaluate(rows, rows, query, gallery)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k1": 0}, "k1 is 0"),
        ({"k2": 0}, "k2 is 0"),
        ({"original_weight": -0.1}, "original_weight is -0.1"),
        ({"threads": 0}, "threads is 0"),
        ({"max_rank": None}, "max_rank is None"),
    ],
    ids=str,
)
def test_refuses_options_outside_their_range(options, message):
    rows = np.eye(2, dtype=np.float32)
    with pytest.raises(InvalidInputError, match=message):
        evaluate(rows, rows, QUERY, GALLERY, rerank=True, **options)


@pytest.mark.parametrize("side", ["query_embeddings", "gallery_embeddings"])
def test_names_the_embeddings_row_that_is_not_finite(side):
    pair = {
        name: np.eye(2, dtype=np.float32) for name in ("query_embeddings", "gallery_embeddings")
    }
    pair[side][1, 0] = np.nan
    with pytest.raises(InvalidInputError, match=f"{side} has nan in row 1"):
        evaluate(*pair.values(), QUERY, GALLERY)


def test_says_why_no_query_has_a_match():
    table = np.ones((10, 3), np.float32)
    query = Identities([7] * 5 + [9] * 5, [1] * 10)
    gallery = Identities([7, 7, 8], [1, 1, 1])
    with pytest.raises(
        InvalidInputError,
        match=r"5 of 10 queries show a person who is not in the gallery; for the other 5 every "
        "gallery picture .* own camera .* same_camera='keep'",
    ):
        evaluate_distances(table, query, gallery)
    assert evaluate_distances(table, query, gallery, same_camera="keep").num_valid_queries == 5
    with pytest.raises(InvalidInputError, match=r"10 of 10 queries .* same person numbers"):
        evaluate_distances(table, query, Identities([8, 8, 8], [1, 1, 1]), same_camera="keep")


def crowd_of_one(count, width=512):
    """Equal rows: float32 rules nothing out, so that every pair is computed in float64."""
    return np.full((count, width), width**-0.5, np.float32)


LONG = {
    "evaluate": lambda: evaluate(
        crowd_of_one(20_000),
        crowd_of_one(20_000),
        *[Identities(np.zeros(20_000, int), np.arange(20_000) % 2)] * 2,
    ),
    "evaluate re-ranked": lambda: evaluate(
        crowd_of_one(20_000),
        crowd_of_one(20_000),
        *[Identities(np.arange(20_000) % 50, np.arange(20_000) % 3)] * 2,
        rerank=True,
    ),
    "rank": lambda: rank(crowd_of_one(20_000), crowd_of_one(20_000)),
}


@pytest.mark.usefixtures("simulated_time")
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer signals here")
@pytest.mark.parametrize("work", LONG.values(), ids=LONG.keys())
def test_an_interrupt_ends_the_work_within_a_second(work):
    sent = []

    def interrupt():
        sent.append(time.monotonic())
        signal.raise_signal(signal.SIGINT)

    timer = threading.Timer(0.7, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        work()
    assert time.monotonic() - sent[0] < 1.0


@pytest.mark.usefixtures("many_examples")
@pytest.mark.parametrize("with_rerank", [False, True])
def test_observers_get_every_block_once_in_order(monkeypatch, with_rerank):
    case = market(8)
    monkeypatch.setattr(distances, "BLOCK_ROWS", 7)
    seen = []

    def look(rows, block, screened):
        assert (screened is None) == with_rerank
        seen.append((rows, block.copy()))

    settings = RerankSettings() if with_rerank else None
    (report,) = measure_embeddings(*case, [Protocol()], rerank=settings, observers=[look, look])
    assert [rows.start for rows, _ in seen] == [n for n in range(0, 40, 7) for _ in range(2)]
    blocks = np.concatenate([block for _, block in seen[::2]])
    if with_rerank:
        np.testing.assert_array_equal(blocks, rerank(*case[:2]))
        assert_same(report, evaluate(*case, rerank=True))
    else:
        # Rows of length 1 at most: float32 products of so few numbers are off by less.
        np.testing.assert_allclose(blocks, retrieval.squared_distances(*case[:2]), atol=1e-5)
        assert_same(report, evaluate(*case))
