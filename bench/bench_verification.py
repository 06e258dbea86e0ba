# SPDX-License-Identifier: Apache-2.0
"""How long does the exact ROC of all pairs take, beside the evaluation of the same embeddings?

Compares, round by round in one process, on drawn embeddings of Market-1501's shape (53 million
pairs), of a good model and of a poor one:
  evaluate        `evaluate` from embeddings;
  curve           `verification_curve` from embeddings, alone;
  both            `evaluate(..., verification=True)`: both in one pass;
  scikit-learn    `roc_curve` of a list of all pairs, their distances in float32 by numpy's product;
                  once, and of the good model.
Answers are compared before anything is timed: on a part of the queries with scikit-learn's on exact
float64 distances, point by point, and between the ways. Not counted: drawing, and the first run.

    python bench/bench_verification.py [--rounds 5] [--queries N] [--no-sklearn]
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_curve

import drawn
import record
from mgn_fast import evaluate, verification_curve
from mgn_fast.evaluation.distances import checked_sets, screened_blocks
from mgn_fast.evaluation.roc.pairs import LISTED_IMPOSTORS, PairPlan, PairTally
from mgn_fast.evaluation.sides import sides_of

# Noise that makes an mAP near 0.85, and one near 0.05.
MODELS = {"good": 1.03, "poor": 2.5}
COMPARED_QUERIES = 128  # two million pairs: more than are listed


def pairs(distances, query, gallery):
    """Distances of all pairs but junk, and whether each is of one person."""
    same = query.person[:, None] == gallery.person
    stays = ~(same & (query.camera[:, None] == gallery.camera))
    return distances[stays], same[stays]


def check_answer(query, gallery, sides):
    """The curve of some queries against scikit-learn's on float64 distances of scipy.

    Scipy sums in another order: thresholds agree to rounding, and rates exactly.
    """
    some = slice(COMPARED_QUERIES)
    part = sides[0].take(range(COMPARED_QUERIES))
    curve = verification_curve(query[some], gallery, part, sides[1])
    assert curve.num_impostors > LISTED_IMPOSTORS
    exact = cdist(query[some].astype(np.float64), gallery.astype(np.float64))
    found = expected_points(*pairs(exact, part, sides[1]))
    np.testing.assert_array_equal(curve.false_accept_rate, found[0])
    np.testing.assert_array_equal(curve.true_accept_rate, found[1])
    np.testing.assert_allclose(-curve.threshold[1:], found[2][1:], rtol=1e-12)


def expected_points(distances, is_match):
    """scikit-learn's curve without points between two impostors, no match between them."""
    false, true, thresholds = roc_curve(is_match, -distances)
    level = np.zeros(len(true), bool)
    level[2:-1] = (true[1:-2] == true[2:-1]) & (true[2:-1] == true[3:])
    return false[~level], true[~level], thresholds[~level]


def sort_all_pairs(query, gallery, sides):
    """What a script does: all distances in float32, and scikit-learn's curve of the list."""
    values, is_match = pairs(np.sqrt(np.maximum(2 - 2 * (query @ gallery.T), 0)), *sides)
    return roc_curve(is_match, -values)


def settled_share(query, gallery, sides):
    """The share of the impostors whose distance is computed in float64."""
    sets = [part.weighed(1) for part in checked_sets(query, gallery, 1)]
    plan = PairPlan(sides_of(*sides, "drop"), 1)
    tally = PairTally(plan, *sets)
    for block in screened_blocks(*sets, "squared_distance", 1):
        tally(*block)
    return tally.num_settled / plan.num_impostors


def measure(model, arguments):
    """Figures of one model: ways, memory, the curve's summary and the share that was settled."""
    query, gallery, *sides = drawn.draw("market1501", noise=MODELS[model])
    if arguments.queries:
        query, sides[0] = query[: arguments.queries], sides[0].take(range(arguments.queries))
    check_answer(query, gallery, sides)
    work = {
        "evaluate": lambda: evaluate(query, gallery, *sides),
        "curve": lambda: verification_curve(query, gallery, *sides),
        "both": lambda: evaluate(query, gallery, *sides, verification=True),
    }
    memory = {name: drawn.added_memory(call) for name, call in work.items()}
    alone, beside = work["curve"](), work["both"]()
    np.testing.assert_array_equal(alone.threshold, beside.verification.threshold)
    figures = drawn.compare(work, arguments.rounds)
    if not arguments.no_sklearn and model == "good":
        rival = {"scikit-learn": lambda: sort_all_pairs(query, gallery, sides)}
        memory |= {name: drawn.added_memory(call) for name, call in rival.items()}
        figures |= drawn.compare(rival, 1)
    return {
        "mean_average_precision": beside.mean_average_precision,
        "ways": figures,
        "added_memory_mb": memory,
        "settled_share": settled_share(query, gallery, sides),
        "curve": alone.to_dict() | {"num_points": len(alone.threshold)},
    }


def judge(models):
    """The figures that are asked for."""
    judged = {}
    for model, found in models.items():
        for way in ("curve", "both"):
            judged[f"{model}: {way} / evaluate"] = drawn.ratio(found["ways"], way, "evaluate")
    good = models["good"]
    memory = good["added_memory_mb"]
    judged["good: curve <= 1.5 of evaluate"] = drawn.ratio(good["ways"], "curve", "evaluate")
    judged["curve adds <= 100 MB beyond evaluate"] = memory["curve"] - memory["evaluate"]
    return judged


def headlines(models):
    """What the README says of it."""
    ways = models["good"]["ways"]
    share = drawn.ratio(ways, "curve", "evaluate")
    seconds = record.duration(ways["curve"]["wall"]["median_s"])
    what = "exact ROC of Market-1501's 53 million pairs, against evaluating the same embeddings"
    return [record.headline(what, f"{share:.2f} of its time, {seconds}")]


def main():
    """Runs the comparison and writes its record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--queries", type=int, help="of 3368: fewer for a quick run")
    parser.add_argument("--no-sklearn", action="store_true")
    arguments = parser.parse_args()
    environment = record.environment()
    models = {model: measure(model, arguments) for model in MODELS}
    for model, found in models.items():
        print(f"{model}: mAP {found['mean_average_precision']:.4f}, settled", end=" ")
        print(f"{found['settled_share']:.2%}, {found['curve']['num_points']} points")
        for way, values in found["ways"].items():
            wall, cpu = values["wall"]["median_s"], values["cpu"]["median_s"]
            added = found["added_memory_mb"].get(way, "-")
            print(f"  {way:12} {wall:8.3f} s, {cpu:8.3f} s of CPU, {added} MB added")
    judged = judge(models)
    for claim, value in judged.items():
        print(f"{claim}: {value:.3f}")
    question = __doc__.splitlines()[0]
    figures = {"question": question, "environment": environment, "models": models}
    record.write("verification", figures | {"judged": judged}, headlines(models))


if __name__ == "__main__":
    main()
