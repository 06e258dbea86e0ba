# SPDX-License-Identifier: Apache-2.0
"""How long does re-ranked mAP take, beside dense matrices and the matrix product alone?

Compares, round by round in one process, on drawn embeddings:
  product    numpy's matrix product of all pictures with all pictures: the limit of others;
  evaluate   `evaluate(rerank=True)` from embeddings;
  float32    the same without bfloat16, on a CPU that multiplies it;
  recipe     dense k-reciprocal encoding as the recipe does it, and its mAP (Market-1501's shape
             only; a minute and 9 GB, left out with --no-recipe).
Answers are compared. Not counted: drawing, and the first run of each but the recipe.

    python bench/bench_rerank.py [--shape msmt17] [--rounds 3] [--no-recipe] [--no-product]
                                 [--no-float32]
"""

from __future__ import annotations

import argparse

import numpy as np

import drawn
import record
from bench_eval import recipe as recipe_metrics
from mgn_fast import _core, evaluate, rerank
from mgn_fast.evaluation.memory_plan import needed_bytes
from mgn_fast.evaluation.protocol import Protocol
from mgn_fast.evaluation.reranking import RerankSettings
from mgn_fast.evaluation.size import work_of

LIMITS_MB = {"market1501": 550, "msmt17": 2500}


def product(pictures):
    """All dot products by numpy, a thousand rows at a time, thrown away."""
    out = np.empty((1024, len(pictures)), np.float32)
    for start in range(0, len(pictures), 1024):
        part = pictures[start : start + 1024]
        np.matmul(part, pictures.T, out=out[: len(part)])


def reciprocal(ranking, picture, depth):
    """The first `depth` of a picture's ranking that have it among their own first `depth`."""
    forward = ranking[picture, :depth]
    return forward[(ranking[forward, :depth] == picture).any(axis=1)]


def encode(original, ranking, k1):
    """Dense vectors [N, N] of the expanded k-reciprocal sets."""
    half = int(np.around(k1 / 2)) + 1
    vectors = np.zeros_like(original)
    for picture in range(len(original)):
        own = reciprocal(ranking, picture, k1 + 1)
        members = own
        for other in own:
            theirs = reciprocal(ranking, other, half)
            if len(np.intersect1d(theirs, own)) > 2 / 3 * len(theirs):
                members = np.append(members, theirs)
        members = np.unique(members)
        weights = np.exp(-original[picture, members])
        vectors[picture, members] = weights / weights.sum()
    return vectors


def dense_rerank(query, gallery, k1=20, k2=6, original_weight=0.3):
    """Re-ranked [Q, G] with N x N matrices for everything."""
    pictures = np.concatenate([query, gallery])
    count = len(query)
    original = 2 - 2 * (pictures @ pictures.T)
    original = np.ascontiguousarray((original / original.max(axis=0)).T)
    ranking = np.argpartition(original, range(1, k1 + 1)).astype(np.int32)
    vectors = encode(original, ranking, k1)
    original = original[:count].copy()
    vectors = np.array([vectors[nearest[:k2]].mean(axis=0) for nearest in ranking])
    holders = [np.flatnonzero(column) for column in vectors.T]
    jaccard = np.empty_like(original)
    for picture in range(count):
        shared = np.zeros(len(pictures), np.float32)
        for member in np.flatnonzero(vectors[picture]):
            at = holders[member]
            shared[at] += np.minimum(vectors[picture, member], vectors[at, member])
        jaccard[picture] = 1 - shared / (2 - shared)
    return (jaccard * (1 - original_weight) + original * original_weight)[:, count:]


def check_answers(report, got, dense, reference):
    """Two float32 builds of the dense formula differ by 3.4e-7; near ties may swap a neighbour."""
    far = np.abs(got - dense) > 1e-6
    assert far.any(axis=1).mean() < 0.01, far.any(axis=1).mean()
    assert abs(report.mean_average_precision - reference[0]) < 1e-5


def in_float32(call):
    """Runs a call as on a CPU that does not multiply bfloat16."""
    has = _core.has_bfloat16_product
    _core.has_bfloat16_product = lambda: False
    try:
        return call()
    finally:
        _core.has_bfloat16_product = has


def predicted_mb(query, gallery):
    """What the package says it will take."""
    work = work_of((len(query), len(gallery), query.shape[1]), [Protocol()], RerankSettings())
    return round(needed_bytes(work) / 2**20, 1)


def run_recipe(query, gallery, sides, report, figures):
    """The dense way once, its answers compared; how many MB it added."""
    kept = []

    def dense():
        kept[:] = [dense_rerank(query, gallery)]
        kept.append(recipe_metrics(kept[0], *sides))

    added = drawn.added_memory(dense, figures)
    check_answers(report, rerank(query, gallery), *kept)
    return added


def headlines(shape, figures, memory):
    """What the README says of it."""
    seconds = record.duration(figures["evaluate"]["wall"]["median_s"])
    added = record.memory(memory["evaluate"])
    if "recipe" not in figures:
        what = f"{drawn.TITLES[shape]}'s size ({sum(drawn.SHAPES[shape][:3]):,} pictures)"
        return [record.headline(f"{what}, embeddings to re-ranked mAP", f"{seconds}, {added}")]
    times = record.times(drawn.ratio(figures, "recipe", "evaluate"))
    figure = f"{times}, {seconds}, {added} instead of {record.memory(memory['recipe'])}"
    what = f"{drawn.TITLES[shape]}'s size, embeddings to re-ranked mAP, against the dense recipe"
    return [record.headline(what, figure)]


def main():
    """Runs the comparison and writes its record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=drawn.SHAPES, default="market1501")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-recipe", action="store_true")
    parser.add_argument("--no-product", action="store_true")
    parser.add_argument("--no-float32", action="store_true")
    arguments = parser.parse_args()
    environment = record.environment()
    query, gallery, *sides = drawn.draw(arguments.shape)
    reports = []
    work = {"evaluate": lambda: reports.append(evaluate(query, gallery, *sides, rerank=True))}
    memory = {"evaluate": drawn.added_memory(work["evaluate"])}
    memory["evaluate, predicted"] = predicted_mb(query, gallery)
    report = reports[0]
    if _core.has_bfloat16_product() and not arguments.no_float32:
        work["float32"] = lambda: in_float32(work["evaluate"])
        memory["float32"] = drawn.added_memory(work["float32"])
        off = reports[-1].mean_average_precision - report.mean_average_precision
        assert abs(off) < 1e-12, off
    if not arguments.no_product:
        pictures = np.concatenate([query, gallery])
        work["product"] = lambda: product(pictures)
    figures = drawn.compare(work, arguments.rounds)
    judged = {f"evaluate adds <= {LIMITS_MB[arguments.shape]} MB": memory["evaluate"]}
    if not arguments.no_product:
        judged["evaluate <= 0.45 of product"] = drawn.ratio(figures, "evaluate", "product")
    if not arguments.no_recipe:
        memory["recipe"] = run_recipe(query, gallery, sides, report, figures)
        judged["recipe >= 15 of evaluate"] = drawn.ratio(figures, "recipe", "evaluate")
    if arguments.shape == "msmt17":
        judged["evaluate <= 75 s"] = figures["evaluate"]["wall"]["median_s"]
    if "float32" in work:
        judged["evaluate of float32"] = drawn.ratio(figures, "evaluate", "float32")
    drawn.publish(
        "rerank",
        __doc__.splitlines()[0],
        environment,
        arguments.shape,
        report,
        figures,
        memory,
        judged,
        headlines(arguments.shape, figures, memory),
    )


if __name__ == "__main__":
    main()
