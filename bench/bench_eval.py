# SPDX-License-Identifier: Apache-2.0
"""How long do mAP, CMC and mINP take, beside the recipe's way and the matrix product alone?

Compares, round by round in one process, on drawn embeddings of Market-1501's shape:
  product         numpy's matrix product of queries and gallery, nothing else: the limit of others;
  evaluate        `evaluate` from embeddings;
  distances       `evaluate_distances` from a distance matrix that is there already;
  ten draws       CUHK03's single-gallery-shot from that matrix, ten seeded draws;
  all draws       its exact expectation;
  recipe          from that matrix, as the recipe does: numpy's argsort per query and
                  scikit-learn's average_precision_score.
Answers are compared before anything is timed, with --float64 also with scipy's float64 cdist and
scikit-learn (a minute). Not counted: drawing, and the first run of each.

    python bench/bench_eval.py [--shape msmt17] [--rounds 5] [--recipe-rounds 1] [--float64]
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.metrics import average_precision_score

import drawn
import record
from mgn_fast import evaluate, evaluate_distances
from mgn_fast.evaluation.measure import measure_distances
from mgn_fast.evaluation.protocol import Protocol

DRAWN, EXPECTED = (Protocol(single_shot=word) for word in ("drawn", "expected"))


def product(query, gallery):
    """All dot products by numpy, a thousand queries at a time, thrown away."""
    out = np.empty((1024, len(gallery)), np.float32)
    for start in range(0, len(query), 1024):
        part = query[start : start + 1024]
        np.matmul(part, gallery.T, out=out[: len(part)])


def sorted_hits(distances, query, gallery):
    """Each query's order of the gallery, whether pictures are of its person, and which stay."""
    order = np.argsort(distances, axis=1)
    hits = gallery.person[order] == query.person[:, None]
    stay = ~hits | (gallery.camera[order] != query.camera[:, None])
    return order, hits, stay


def recipe(distances, query, gallery):
    """mAP and CMC as the recipe computes them: CMC sorts all rows, and mAP sorts them again."""
    found, valid, precisions = np.zeros(50), 0, []
    _, hits, stay = sorted_hits(distances, query, gallery)
    for i in range(len(distances)):
        kept = hits[i][stay[i]]
        if kept.any():
            found[int(np.flatnonzero(kept)[0]) :] += 1
            valid += 1
    order, hits, stay = sorted_hits(distances, query, gallery)
    for i in range(len(distances)):
        kept = hits[i][stay[i]]
        if kept.any():
            scores = -distances[i][order[i]][stay[i]]
            precisions.append(average_precision_score(kept, scores))
    return float(np.mean(precisions)), found / valid


def recipe_in_float64(query, gallery, sides):
    """mAP of float64 Euclidean distances, all of them, by scikit-learn."""
    precisions = []
    for start in range(0, len(query), 256):
        rows = slice(start, start + 256)
        part = query[rows].astype(np.float64)
        distances = cdist(part, gallery.astype(np.float64))
        order, hits, stay = sorted_hits(
            distances, type(sides[0])(sides[0].person[rows], sides[0].camera[rows]), sides[1]
        )
        for i in range(len(part)):
            kept = hits[i][stay[i]]
            if kept.any():
                scores = -distances[i][order[i]][stay[i]]
                precisions.append(average_precision_score(kept, scores))
    return float(np.mean(precisions))


def check_answers(report, given, reference):
    """The three must agree; mAP from float64 ranks and from float32 ones differ by near ties."""
    assert abs(given.mean_average_precision - reference[0]) < 1e-12
    np.testing.assert_allclose(given.cmc, reference[1], rtol=1e-12)
    assert abs(report.mean_average_precision - given.mean_average_precision) < 1e-5


def check_draws(table, sides):
    """Many draws must come near their expectation."""
    many = Protocol(single_shot="drawn", draws=1000)
    drawn_report, expected = measure_distances(table, *sides, [many, EXPECTED])
    np.testing.assert_allclose(drawn_report.cmc, expected.cmc, atol=2e-3)


def from_distances(query, gallery, sides, report, arguments):
    """What starts from a distance matrix: the ways to time, and the recipe's."""
    table = 2 - 2 * (query @ gallery.T)
    work = {
        "distances": lambda: evaluate_distances(table, *sides),
        "ten draws": lambda: measure_distances(table, *sides, [DRAWN]),
        "all draws": lambda: measure_distances(table, *sides, [EXPECTED]),
    }
    check_draws(table, sides)
    if not arguments.recipe_rounds:
        return work, {}
    check_answers(report, work["distances"](), recipe(table, *sides))
    return work, {"recipe": lambda: recipe(table, *sides)}


def judge(figures, memory):
    """The figures that are asked for."""
    judged = {"evaluate <= 0.85 of product": drawn.ratio(figures, "evaluate", "product")}
    if "recipe" in figures:
        judged["recipe >= 250 of distances"] = drawn.ratio(figures, "recipe", "distances")
    if "ten draws" in figures:
        judged["ten draws <= 0.3 s"] = figures["ten draws"]["wall"]["median_s"]
        judged["distances add <= 2 MB"] = memory["distances"]
    return judged | {"evaluate adds <= 150 MB": memory["evaluate"]}


def headlines(shape, figures):
    """What the README says of it."""
    title = drawn.TITLES[shape]
    lines = []
    if "recipe" in figures:
        times = record.times(drawn.ratio(figures, "recipe", "distances"))
        lines.append(
            record.headline(
                f"mAP, CMC, mINP from {title}'s distances, against the recipe",
                f"{times}, {record.duration(figures['distances']['wall']['median_s'])}",
            )
        )
    share = drawn.ratio(figures, "evaluate", "product")
    lines.append(
        record.headline(
            f"{title}'s size, embeddings to mAP, against NumPy's matrix product alone",
            f"{share:.2f} of its time",
        )
    )
    if "ten draws" in figures:
        lines.append(
            record.headline(
                f"CUHK03's single-gallery-shot, ten draws, on {title}'s distances",
                record.duration(figures["ten draws"]["wall"]["median_s"]),
            )
        )
    return lines


def main():
    """Runs the comparison and writes its record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=drawn.SHAPES, default="market1501")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--recipe-rounds", type=int, default=1)
    parser.add_argument("--float64", action="store_true")
    arguments = parser.parse_args()
    environment = record.environment()
    query, gallery, *sides = drawn.draw(arguments.shape)
    work = {
        "product": lambda: product(query, gallery),
        "evaluate": lambda: evaluate(query, gallery, *sides),
    }
    memory = {name: drawn.added_memory(call) for name, call in reversed(work.items())}
    report = evaluate(query, gallery, *sides)
    assert 0.75 < report.mean_average_precision < 0.9
    slow = {}
    if arguments.shape == "market1501":  # the other matrix would be 4 GB, and some copies of it
        more, slow = from_distances(query, gallery, sides, report, arguments)
        memory |= {name: drawn.added_memory(call) for name, call in more.items()}
        work |= more
    figures = drawn.compare(work, arguments.rounds)
    figures |= drawn.compare(slow, arguments.recipe_rounds)
    judged = judge(figures, memory)
    if arguments.float64:
        exact = recipe_in_float64(query, gallery, sides)
        assert abs(exact - report.mean_average_precision) < 1e-12
        judged["mAP of float64 cdist and scikit-learn"] = exact
    drawn.publish(
        "eval",
        __doc__.splitlines()[0],
        environment,
        arguments.shape,
        report,
        figures,
        memory,
        judged,
        headlines(arguments.shape, figures),
    )


if __name__ == "__main__":
    main()
