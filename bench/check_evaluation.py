# SPDX-License-Identifier: Apache-2.0
"""Does any result of an evaluation differ between SIMD levels, or between machines?

Hard sets: rows of small whole numbers, of which many are equally far apart, some moved by a
millionth, some repeated, in widths around a kernel's edges. Each level ranks, evaluates, draws the
verification curve and searches in a process of its own, because a process has one level. Every
array of results goes into a hash; a level whose hashes are not the plain loops', or another
machine's record (`--against`) with other ones, makes the exit code 1. Nothing is drawn or computed
here by what could round otherwise elsewhere. Re-ranked distances may differ by rounding and are
left out.

    python bench/check_evaluation.py [--sets 70] [--against RECORD] [--emulated BY]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys

import numpy as np

import machines
import record
from mgn_fast import Identities, _core, evaluate, evaluate_distances, rank, verification_curve
from mgn_fast.evaluation.distances import empty_lists

QUERIES, GALLERY, PERSONS, CAMERAS = 40, 260, 9, 3
WIDTHS = (1, 7, 8, 31, 64, 259, 2048)


def draw(seed):
    """Rows of queries and of the gallery, and who is on them: whole numbers times powers of two."""
    random = np.random.default_rng(seed)
    width = WIDTHS[seed % len(WIDTHS)]
    whole = random.integers(-3, 4, (QUERIES + GALLERY, width))
    moved = random.integers(-1, 2, whole.shape) * (random.integers(0, 8, whole.shape) == 0)
    rows = (whole / 16 + moved * 2.0**-20).astype(np.float32)
    rows[QUERIES + 50 : QUERIES + 70] = rows[QUERIES + 10]
    rows[5] = rows[QUERIES + 10]
    labels = [random.integers(0, most, QUERIES + GALLERY) for most in (PERSONS, CAMERAS)]
    sides = [
        Identities(*(part[at] for part in labels)) for at in (slice(QUERIES), slice(QUERIES, None))
    ]
    return rows[:QUERIES], rows[QUERIES:], sides


def results(seed):
    """Every array that must be the same everywhere, by name."""
    query, gallery, sides = draw(seed)
    ranking = rank(query, gallery, depth=50)
    yield "ranks", ranking.indices
    yield "distances", ranking.distances
    for way in ("sklearn", "hits", "market1501"):
        report = evaluate(query, gallery, *sides, ap=way)
        yield f"average precision, {way}", report.average_precision
        yield f"cmc, {way}", np.asarray(report.cmc)
    given = np.random.default_rng(seed).integers(0, 40, (QUERIES, GALLERY)).astype(np.float32)
    yield "given distances", evaluate_distances(given, *sides).average_precision
    curve = verification_curve(query, gallery, *sides)
    yield "false accepts", curve.false_accept_rate
    yield "true accepts", curve.true_accept_rate
    yield "thresholds", curve.threshold
    for count in (1, 8, QUERIES):  # in registers, and packed
        for dtype in (np.float16, np.float32):
            lists = empty_lists(count, 9)
            _core.scan_nearest(query[:count], [gallery.astype(dtype)], 0, *lists, 2)
            for name, values in zip(("rows", "distances"), lists, strict=True):
                yield f"searched {name}", values


def hashes(sets):
    """A hash of all sets for each kind of result, and the mean AP over all of them."""
    found, precision = {}, []
    for seed in range(sets):
        for name, values in results(seed):
            digest = found.setdefault(name, hashlib.sha256())
            digest.update(f"{values.dtype} {values.shape} ".encode())
            digest.update(np.ascontiguousarray(values).tobytes())
            if name == "average precision, sklearn":
                precision += values[~np.isnan(values)].tolist()
    mean = round(sum(precision) / len(precision), 12)
    return {name: digest.hexdigest() for name, digest in found.items()} | {"mAP": mean}


def hashes_at(level, sets):
    """The same in another process, at that level."""
    words = [sys.executable, __file__, "--sets", str(sets), "--print"]
    environment = os.environ | {"MGN_FAST_SIMD": level}
    return json.loads(subprocess.check_output(words, env=environment, text=True))


def differing(found, expected):
    """The kinds of results whose hashes are not those."""
    return [name for name in expected if found.get(name) != expected[name]]


def headlines(sets, levels, unlike):
    """What the README says of it."""
    what = (
        f"kinds of results unlike the plain loops' over {sets} hard sets: ranks, distances, AP, "
        f"CMC, verification curves and searches at {', '.join(levels[1:])}"
    )
    figure = f"{sum(len(names) for names in unlike.values())}"
    return [record.headline(what, figure)] if unlike else []


def main():
    """Prints and records; 1 if a result differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=70)
    machines.add_options(parser, "evaluation-levels", ("levels", "hashes"))
    parser.add_argument("--print", action="store_true", help="this level's hashes, no record")
    arguments = parser.parse_args()
    if arguments.print:
        print(json.dumps(hashes(arguments.sets)))
        return 0
    figures = machines.begin(__doc__, arguments)
    levels = _core.simd_levels()
    found = {level: hashes_at(level, arguments.sets) for level in levels}
    expected = found[levels[0]]
    unlike = {level: differing(found[level], expected) for level in levels[1:]}
    figures |= {
        "instructions": _core.cpu_features(),
        "sets": arguments.sets,
        "levels": levels,
        "unlike": unlike,
        "hashes": expected,
    }
    elsewhere = []
    if arguments.against:
        other = arguments.against
        elsewhere = (
            differing(other["hashes"], expected) if other["sets"] == arguments.sets else ["sets"]
        )
        figures["unlike_the_other"] = elsewhere
        print(f"unlike {other['machine']}: {', '.join(elsewhere) or 'nothing'}")
    for level, names in unlike.items():
        print(f"unlike {levels[0]} at {level}: {', '.join(names) or 'nothing'}")
    record.write(arguments.name, figures, headlines(arguments.sets, levels, unlike))
    return int(any(unlike.values()) or bool(elsewhere))


if __name__ == "__main__":
    sys.exit(main())
