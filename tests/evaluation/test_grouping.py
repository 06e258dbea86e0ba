# SPDX-License-Identifier: Apache-2.0
"""Groups of pictures against dense distances and DBSCAN's definition."""

import builtins
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import Embedder, InvalidInputError, RuntimeUnavailableError, group
from mgn_fast.common import memory
from mgn_fast.common.memory import MEGABYTE
from mgn_fast.common.progress import no_progress
from mgn_fast.evaluation import grouping
from mgn_fast.evaluation.distances import checked_set
from mgn_fast.evaluation.grouping import adjusted_rand_index, jaccard_blocks
from mgn_fast.pictures.directories import list_pictures
from oracles import retrieval
from support.shared_data import shared_data

# Three float32 roundings of distances up to 1 and sums of weights up to 2, as for re-ranking.
TOLERANCE = 1e-6


def crowd(seed, count=120, persons=9, width=16, noise=0.5):
    """Rows around one centre per person, some of them twice, and strangers at the end."""
    random = np.random.default_rng(seed)
    owner = random.integers(0, persons, count)
    centres = random.standard_normal((persons, width))
    rows = centres[owner] + noise * random.standard_normal((count, width))
    rows[3:6] = rows[count // 2]
    rows[-7:] = 3 * random.standard_normal((7, width))
    return rows.astype(np.float32), owner


def blocks_of(rows, k1, k2):
    pictures = checked_set("rows", rows, 2)
    return np.concatenate([block.copy() for _, block in jaccard_blocks(pictures, k1, k2, 2)])


@pytest.mark.parametrize(("k1", "k2"), [(20, 6), (5, 3), (5, 1), (1, 1), (3, 8), (119, 120)])
def test_distances_are_those_of_dense_vectors(k1, k2):
    for seed in range(3):
        rows, _ = crowd(seed)
        got = blocks_of(rows, k1, k2)
        assert got.dtype == np.float32
        expected = retrieval.jaccard_of_all(rows, k1, k2)
        np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE)
        np.testing.assert_array_equal(got, got.T)
        assert not got.diagonal().any()


@pytest.mark.parametrize("rows", [np.ones((9, 4)), np.zeros((9, 4)), np.eye(9)])
def test_equal_distances_are_no_trouble(rows):
    for k1, k2 in ((3, 2), (8, 9)):
        expected = retrieval.jaccard_of_all(rows, k1, k2)
        np.testing.assert_allclose(blocks_of(rows, k1, k2), expected, rtol=0, atol=TOLERANCE)


def test_blocks_cover_all_pictures_whatever_their_size(monkeypatch):
    rows, _ = crowd(0)
    whole = blocks_of(rows, 5, 3)
    monkeypatch.setattr("mgn_fast.evaluation.distances.BLOCK_ROWS", 7)
    np.testing.assert_array_equal(blocks_of(rows, 5, 3), whole)


@pytest.mark.parametrize("eps", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("least", [2, 4, 9])
def test_groups_are_dbscans_by_its_definition(eps, least):
    for seed in range(4):
        rows, _ = crowd(seed, noise=0.9)
        distances = blocks_of(rows, 6, 3).astype(np.float64)
        expected = retrieval.groups_of(distances, eps, least)
        got = group(rows, k1=6, k2=3, eps=eps, min_pictures=least)
        assert got.dtype == np.int32
        assert got.tolist() == expected


def test_the_definition_worked_by_hand():
    # On a line at 0, 1, 2 and 4, 5, 6, with one at 3 between, and one at 9.
    places = np.array([9, 0, 1, 2, 3, 4, 5, 6])
    distances = np.abs(places[:, None] - places)
    assert retrieval.groups_of(distances, 1, 2) == [-1, 0, 0, 0, 0, 0, 0, 0]
    assert retrieval.groups_of(distances, 1, 4) == [-1] * 8
    assert retrieval.groups_of(distances, 0.5, 2) == [-1] * 8
    # Without the one between there are two groups of three, whose middles alone have three near.
    apart = np.delete(np.delete(distances, 4, axis=0), 4, axis=1)
    assert retrieval.groups_of(apart, 1, 3) == [-1, 0, 0, 0, 1, 1, 1]
    assert retrieval.groups_of(apart, 4, 7)[0] == -1


def test_a_picture_between_two_groups_goes_to_the_first():
    # Pairs a-b-c and d-e-f at 0.1 each; x is 0.4 from c and from d. With 3 near, x is a core at
    # 0.4 (itself, c and d) and joins both; with 4 it is none, and c and d are cores by x.
    names = "xdefabc"
    distances = np.ones((7, 7)) - np.eye(7)
    for pair in ("ab", "bc", "ac", "de", "ef", "df"):
        i, j = map(names.index, pair)
        distances[i, j] = distances[j, i] = 0.1
    for j in map(names.index, "cd"):
        distances[0, j] = distances[j, 0] = 0.4
    assert retrieval.groups_of(distances, 0.5, 3) == [0] * 7
    assert retrieval.groups_of(distances, 0.5, 4) == [0, 0, 0, 0, 1, 1, 1]
    assert retrieval.groups_of(distances, 0.3, 3) == [-1, 0, 0, 0, 1, 1, 1]


def test_far_apart_persons_are_told_apart_and_numbered_as_they_appear():
    random = np.random.default_rng(0)
    owner = np.array([2, 0, 1, 3, 4] * 30)
    rows = 10 * np.eye(5, 8)[owner] + 0.1 * random.standard_normal((150, 8))
    expected = np.array([0, 1, 2, 3, 4] * 30)
    np.testing.assert_array_equal(group(rows), expected)
    alone = np.concatenate([[-10 * np.ones(8)], rows])
    np.testing.assert_array_equal(group(alone)[1:], expected)
    assert group(alone)[0] == -1


def test_the_same_rows_give_the_same_groups_in_any_number_of_threads():
    rows, _ = crowd(5, count=400)
    once = group(rows, threads=1)
    for threads in (2, 3):
        np.testing.assert_array_equal(group(rows, threads=threads), once)
    np.testing.assert_array_equal(group(rows.astype(np.float64)), once)
    np.testing.assert_array_equal(group(np.asfortranarray(rows)), once)


def test_none_one_and_few_pictures():
    assert group(np.empty((0, 4), np.float32)).tolist() == []
    assert group(np.empty((0, 4), np.float32)).dtype == np.int32
    assert group(np.ones((1, 4))).tolist() == [-1]
    assert group(np.eye(2)).tolist() == [0, 0]  # the vectors of all are averaged
    assert group(np.eye(2), k1=1, k2=1, eps=0.2).tolist() == [-1, -1]
    rows, _ = crowd(0, count=30)
    np.testing.assert_array_equal(group(rows, k1=29, k2=30), group(rows, k1=10**9, k2=10**9))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k1": 0}, "k1 is 0"),
        ({"k2": 0}, "k2 is 0"),
        ({"k1": 2.5}, "k1 is 2.5"),
        ({"eps": 0}, "eps is 0, expected a number above 0 and below 1"),
        ({"eps": 1}, "eps is 1, expected"),
        ({"eps": "0.5"}, "eps is '0.5'"),
        ({"eps": float("nan")}, "eps is nan"),
        ({"eps": None}, "eps is None"),
        ({"min_pictures": 1}, "min_pictures is 1, expected a whole number from 2 up"),
        ({"threads": 0}, "threads is 0"),
    ],
)
def test_options_outside_their_range_are_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        group(np.eye(3), **options)
    with pytest.raises(InvalidInputError, match=message):
        group(np.empty((0, 3), np.float32), **options)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.ones(3), r"embeddings is float64 \(3,\)"),
        (np.ones((3, 3), int), "embeddings is int64"),
        (np.ones((0, 3), int), "embeddings is int64"),
        (np.full((3, 3), np.nan), "embeddings has nan in row 0"),
        (np.ones((3, 0)), "embeddings has shape"),
        (np.full((3, 3), 1e30), "embeddings has length"),
    ],
)
def test_other_embeddings_are_refused(rows, message):
    with pytest.raises(InvalidInputError, match=message):
        group(rows)


def test_without_the_extra_it_says_how_to_install_it(monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest):
        if name.startswith("sklearn"):
            raise ImportError("no sklearn here")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    for name in [name for name in sys.modules if name.partition(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(RuntimeUnavailableError, match=r"pip install 'mgn-fast\[group\]'"):
        group(np.eye(3))


def test_what_does_not_fit_is_refused_with_a_way_out(monkeypatch):
    random = np.random.default_rng(0)
    rows = random.standard_normal((3000, 8))
    monkeypatch.setattr(memory, "available_bytes", lambda: 200 * MEGABYTE)
    with pytest.raises(
        InvalidInputError, match=r"grouping 3,000 pictures .*; pass k1=\d+ and k2=6"
    ):
        group(rows, k1=1500)
    monkeypatch.setattr(memory, "available_bytes", lambda: 300 * MEGABYTE)
    with pytest.raises(InvalidInputError, match=r"at which .* pairs of pictures are near, needs"):
        group(np.ones((3000, 8)))


MEASURED = """
import sys
from itertools import pairwise
from pathlib import Path
import numpy as np
from mgn_fast import group
from mgn_fast.common.threads import thread_count
from mgn_fast.evaluation.grouping import BYTES_OF_A_PAIR
from mgn_fast.evaluation.memory_plan import grouping_bytes

count, persons, width, k1, k2, noise = eval(sys.argv[1])
random = np.random.default_rng(0)
owner = np.sort(random.integers(0, persons, count))
rows = random.standard_normal((persons, width), np.float32)[owner]
rows += noise * random.standard_normal(rows.shape, np.float32)

def status(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field))) * 1024

group(rows[:50])
before = status("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
groups = group(rows, k1=k1, k2=k2)
least = grouping_bytes(count, width, thread_count(), k1, k2)
pairs = (np.bincount(groups[groups >= 0]).astype(float) ** 2).sum()
print(least, int(BYTES_OF_A_PAIR * pairs), status("VmHWM") - before)
"""


@pytest.mark.usefixtures("own_process")
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize(
    "run", [(12000, 600, 64, 20, 6, 0.3), (4000, 40, 64, 100, 1, 0.3), (6000, 2, 32, 10, 6, 0)]
)
def test_the_memory_that_is_foreseen_is_near_and_rather_too_high(run):
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, repr(run)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"MGN_FAST_THREADS": "2"},
    )
    foreseen, of_pairs, measured = map(int, done.stdout.split())
    assert measured <= max(foreseen, of_pairs) + of_pairs + 4 * MEGABYTE
    assert max(foreseen, of_pairs) <= 2.5 * measured + 16 * MEGABYTE, (foreseen, of_pairs, measured)


# Pairs together in both, in the groups, in the persons, and all: (both - chance) / (mean - chance),
# by chance groups * persons / all.
RAND = {
    "the same": ([3, 3, 0, 0], [7, 7, 9, 9], 1.0),
    "one pair of two": ([0, 0, -1, -1], list("aabb"), (1 - 1 * 2 / 6) / (1.5 - 1 * 2 / 6)),
    "crosswise": ([0, 1, 0, 1], list("aabb"), (0 - 2 * 2 / 6) / (2 - 2 * 2 / 6)),
    "all in one": ([0, 0, 0, 0], list("aabb"), 0.0),
    "all alone, as all are": ([-1, -1, -1], list("abc"), 1.0),
    "one picture": ([-1], ["a"], 1.0),
    "none": ([], [], 1.0),
}


@pytest.mark.parametrize(("groups", "persons", "expected"), RAND.values(), ids=RAND)
def test_the_adjusted_rand_index_worked_by_hand(groups, persons, expected):
    assert adjusted_rand_index(np.array(groups), persons) == pytest.approx(expected, abs=1e-12)


def test_as_many_persons_as_groups_are_needed():
    with pytest.raises(InvalidInputError, match="groups has 2 entries and persons 1"):
        adjusted_rand_index(np.array([0, 1]), ["a"])


def test_people_on_real_crops_are_told_apart():
    gallery = shared_data("pictures", "street")
    model = shared_data("models", "osnet_x0_25_msmt17.onnx")
    with Embedder(model, contract="torchreid") as embedder:
        rows = embedder(gallery)
    persons = [path.name.split("_")[0] for path in list_pictures(gallery)]
    groups = group(rows, k1=6, k2=3)
    # 0.9816 where it was written; the crops are easy, and rounding may move one or two.
    assert adjusted_rand_index(groups, persons) > 0.95
    assert abs(groups.max() + 1 - len(set(persons))) <= 6


def test_a_distance_of_eps_itself_is_near(monkeypatch):
    distances = np.ones((4, 4), np.float32)
    np.fill_diagonal(distances, 0)
    above = np.nextafter(np.float32(0.5), np.float32(1))
    for pair, distance in (((0, 1), 0.5), ((0, 2), 0.25), ((2, 3), above)):
        distances[pair] = distances[pair[::-1]] = distance

    def blocks(*_):
        for row in range(4):
            yield slice(row, row + 1), distances[row : row + 1].copy()

    monkeypatch.setattr(grouping, "jaccard_blocks", blocks)
    assert group(np.eye(4), eps=0.5).tolist() == [0, 0, 0, -1]


def test_pairs_come_nearest_first_as_older_scikit_learns_ask_for():
    rows, _ = crowd(0)
    graph = grouping._near_pairs(checked_set("rows", rows, 2), 6, 3, 0.8, 2, no_progress)
    assert graph.nnz > 500
    for start, end in pairwise(graph.indptr):
        assert (np.diff(graph.data[start:end]) >= 0).all()
