# SPDX-License-Identifier: Apache-2.0
"""Rankings, their metrics and k-reciprocal re-ranking, written to be read, not to be fast.

Every pair is summed the same way, so that equal pictures give equal distances; orders are those of
Python's sort on (distance, position).
"""

from __future__ import annotations

import numpy as np

from support.late import late

average_precision_score = late("sklearn.metrics.average_precision_score")


def dots(a, b, dtype=np.float64):
    """[A, B] dot products, each summed by itself."""
    a, b = a.astype(dtype), b.astype(dtype)
    return np.array([(row * b).sum(axis=1) for row in a])


def squared_distances(a, b, dtype=np.float64):
    """[A, B] squared Euclidean distances, each summed by itself."""
    a, b = a.astype(dtype), b.astype(dtype)
    return np.array([np.square(row - b).sum(axis=1) for row in a])


def order(row):
    """Positions from nearest to farthest; equal distances keep their order."""
    return sorted(range(len(row)), key=lambda j: (row[j], j))


def nearest_rows(queries, rows, depth):
    """Numbers and squared distances of the nearest rows; only finite distances are listed."""
    numbers = np.full((len(queries), depth), -1, np.int32)
    listed = np.full((len(queries), depth), np.inf)
    with np.errstate(invalid="ignore"):
        distances = squared_distances(queries, rows)
    for i, row in enumerate(distances):
        row = np.where(np.isfinite(row), row, np.inf)
        nearest = [j for j in order(row)[:depth] if row[j] < np.inf]
        numbers[i, : len(nearest)] = nearest
        listed[i, : len(nearest)] = row[nearest]
    return numbers, listed


def ranked(row, person, camera, gallery, same_camera):
    """Whether each picture of the ranking is a match, and its distance, junk removed."""
    hits, distances = [], []
    for j in order(row):
        same = gallery.person[j] == person
        if (
            gallery.camera[j] == camera
            and (same_camera == "separate" or same)
            and (same_camera != "keep")
        ):
            continue
        hits.append(bool(same))
        distances.append(row[j])
    return hits, distances


def match_ranks(hits):
    """Ranks of the matches, from 1."""
    return [i + 1 for i, hit in enumerate(hits) if hit]


def precision_of_ranking(hits, distances, ap):
    """One query's average precision by the definition named."""
    if ap == "sklearn":
        return average_precision_score(hits, -np.array(distances))
    total = 0.0
    for found, rank in enumerate(match_ranks(hits), start=1):
        now = found / rank
        before = 1.0 if rank == 1 else (found - 1) / (rank - 1)
        total += now if ap == "hits" else (before + now) / 2
    return total / sum(hits)


def evaluate(distances, query, gallery, *, max_rank=50, ap="sklearn", same_camera="drop"):
    """Average precision per query, cmc, mINP and the number of queries that have a match."""
    precisions, penalties = [], []
    found = np.zeros(max_rank)
    for row, person, camera in zip(distances, query.person, query.camera, strict=True):
        hits, sorted_distances = ranked(row, person, camera, gallery, same_camera)
        ranks = match_ranks(hits)
        if not ranks:
            precisions.append(np.nan)
            continue
        precisions.append(precision_of_ranking(hits, sorted_distances, ap))
        penalties.append(len(ranks) / ranks[-1])
        found[ranks[0] - 1 :] += 1
    valid = len(penalties)
    return np.array(precisions), found / valid, float(np.mean(penalties)), valid


def reciprocal(ranking, i, depth):
    """The first `depth` of i's ranking that have i among their own first `depth`."""
    return [j for j in ranking[i][:depth] if i in ranking[j][:depth]]


def rerank(
    query, gallery, *, k1=20, k2=6, original_weight=0.3, variant="reid-mgn", dtype=np.float64
):
    """Re-ranked [Q, G] by dense matrices over all pictures."""
    pictures = np.concatenate([query, gallery])
    if variant == "reid-mgn":
        original = 2 - 2 * dots(pictures, pictures, dtype)
    else:
        original = np.square(squared_distances(pictures, pictures, dtype))
    largest = original.max(axis=1)
    original = original / np.where(largest == 0, dtype(1), largest)[:, None]
    vectors = neighbour_vectors(original, k1, k2)
    count = len(query)
    jaccard = jaccard_distances(vectors[:count], vectors[count:])
    return jaccard * (1 - original_weight) + original[:count, count:] * original_weight


def neighbour_vectors(original, k1, k2):
    """[N, N] a vector of neighbours for each picture, from the distances between all."""
    ranking = [order(row) for row in original]
    vectors = np.zeros_like(original)
    for i in range(len(original)):
        own = reciprocal(ranking, i, k1 + 1)
        members = set(own)
        for j in own:
            theirs = reciprocal(ranking, j, round(k1 / 2) + 1)  # rounds halves to even
            if 3 * len(set(theirs) & set(own)) > 2 * len(theirs):
                members |= set(theirs)
        members = sorted(members)
        weights = np.exp(-original[i, members])
        vectors[i, members] = weights / weights.sum()
    if k2 > 1:
        vectors = np.array([vectors[nearest[:k2]].mean(axis=0) for nearest in ranking])
    return vectors


def jaccard_distances(some, others):
    """[A, B] between vectors of neighbours."""
    shared = np.array([np.minimum(row, others).sum(axis=1) for row in some])
    return 1 - shared / (2 - shared)


def jaccard_of_all(pictures, k1, k2):
    """[N, N] between all pictures; 0 from a picture to itself."""
    original = squared_distances(pictures, pictures)
    largest = original.max(axis=1)
    vectors = neighbour_vectors(original / np.where(largest == 0, 1, largest)[:, None], k1, k2)
    distances = jaccard_distances(vectors, vectors)
    np.fill_diagonal(distances, 0)
    return distances


def groups_of(distances, eps, least):
    """DBSCAN by its definition: groups of cores, and the pictures that are near one."""
    near = distances <= eps
    cores = [i for i in range(len(near)) if near[i].sum() >= least]
    label = {}
    for core in cores:
        reached = [core] if core not in label else []
        while reached:
            i = reached.pop()
            label[i] = core  # a group is called by its first core
            reached += [j for j in cores if near[i, j] and j not in label]
    for i in sorted(set(range(len(near))) - set(cores)):
        of = [label[core] for core in cores if near[i, core]]
        if of:
            label[i] = min(of)
    numbers = {}
    return [
        numbers.setdefault(label[i], len(numbers)) if i in label else -1 for i in range(len(near))
    ]


def nearest_lists(rows, depth, metric="squared_distance"):
    """Each row's nearest rows, itself among them, their distances, and its farthest distance."""
    if metric == "squared_distance":
        exact = squared_distances(rows, rows)
    else:
        exact = 2 - 2 * dots(rows, rows)
    columns = np.array([order(row)[:depth] for row in exact])
    return columns, np.take_along_axis(exact, columns, axis=1), exact.max(axis=1)
