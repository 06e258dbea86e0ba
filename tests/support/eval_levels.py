# SPDX-License-Identifier: Apache-2.0
"""Evaluation at one SIMD level, in a process of its own: the level is chosen once per process."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import (
    Identities,
    _core,
    evaluate,
    evaluate_distances,
    rank,
    rerank,
    verification_curve,
)
from mgn_fast.evaluation.distances import empty_lists
from mgn_fast.evaluation.roc import pairs
from support import instructions


def has(level):
    """Whether this CPU can run the level, by what Linux says of it."""
    if level in ("scalar", "neon"):  # every AArch64 has NEON
        return level == "scalar" or platform.machine() == "aarch64"
    return instructions.WORDS[level] <= instructions.words_of_cpu()


def results():
    """Everything that must not depend on the level, and what may by rounding ("near ...")."""
    out = {}
    random = np.random.default_rng(0)
    for count in (1, 63, 64, 65, 200, 640):
        person, camera = random.integers(0, 5, 40 + count), random.integers(0, 3, 40 + count)
        sides = Identities(person[:40], camera[:40]), Identities(person[40:], camera[40:])
        for levels in (3, 10_000):
            table = random.integers(0, levels, (40, count)) / 8
            for dtype in (np.float32, np.float64):
                ranker = _core.Ranker(sides[1].person, sides[1].camera, "hits", "drop")
                part = table.astype(dtype)
                part[7, count // 2] = np.nan
                got = ranker.rank_distances(part, sides[0].person, sides[0].camera, 2)
                for name, values in zip(("precision", "penalty", "first"), got, strict=True):
                    out[f"{name} {count} {levels} {np.dtype(dtype)}"] = values
    for width in (1, 7, 64, 259):
        centres = random.standard_normal((6, width))
        person, camera = random.integers(0, 6, 300), random.integers(0, 3, 300)
        rows = centres[person] + 0.7 * random.standard_normal((300, width))
        rows[120:140] = rows[110]
        rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        sides = Identities(person[:70], camera[:70]), Identities(person[70:], camera[70:])
        out[f"squares {width}"] = _core.squared_lengths(rows, 2)
        report = evaluate(rows[:70], rows[70:], *sides)
        out[f"from embeddings {width}"] = report.average_precision
        for name, values in curve_by_blocks(rows[:70], rows[70:], *sides).items():
            out[f"{name} {width}"] = values
        out[f"nearest {width}"] = rank(rows[:70], rows[70:], depth=9).indices
        out[f"near {width}"] = rerank(rows[:70], rows[70:], k1=7)
        for queries in (1, 7, 70):  # in registers, and packed
            for dtype in (np.float16, np.float32):
                lists = empty_lists(queries, 9)
                _core.scan_nearest(rows[:queries], [rows[70:].astype(dtype)], 0, *lists, 2)
                name = f"{width} {queries} {np.dtype(dtype)}"
                out[f"scanned {name}"], out[f"scanned distances {name}"] = lists
        table = np.asarray(out[f"near {width}"]).round(2)
        out[f"cmc {width}"] = evaluate_distances(table, *sides).cmc
    return out


def curve_by_blocks(query, gallery, *sides):
    """The verification curve of so few pairs, counted as those of many are."""
    listed, pairs.LISTED_IMPOSTORS = pairs.LISTED_IMPOSTORS, 0
    try:
        curve = verification_curve(query, gallery, *sides)
    finally:
        pairs.LISTED_IMPOSTORS = listed
    names = ("false_accept_rate", "true_accept_rate", "threshold")
    return {name: getattr(curve, name) for name in names}


def results_at(level, folder):
    """results() of another process, at that level."""
    path = Path(folder) / "results.npz"
    run_at(
        level,
        "from support import eval_levels; "
        f"eval_levels.np.savez({str(path)!r}, **eval_levels.results())",
        check=True,
    )
    with np.load(path) as file:
        return dict(file)


def run_at(level, program, check=False):
    """Runs a program at that level, with what this process may import."""
    environment = dict(os.environ, MGN_FAST_SIMD=level, PYTHONPATH=os.pathsep.join(sys.path))
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=check)


def assert_level_agrees(level, folder):
    """The level gives this process's results, to the bit where they must not depend on it."""
    if not has(level):
        pytest.skip(f"this CPU has no {level}")
    expected, got = results(), results_at(level, folder)
    assert expected.keys() == got.keys()
    for name, values in got.items():
        if name.startswith("near "):
            np.testing.assert_allclose(values, expected[name], rtol=0, atol=1e-6)
        elif not name.startswith("cmc"):
            np.testing.assert_array_equal(values, expected[name], err_msg=name)


# Around the edges of tiles (14 x 32, 6 x 16, 7 x 8), of blocks of rows (224) and columns (512), and
# of the pieces that sums are cut into (256).
PRODUCT_SHAPES = [
    *((rows, 33, 20) for rows in (1, 5, 6, 7, 13, 14, 15, 29, 223, 224, 225, 449)),
    *((9, columns, 20) for columns in (1, 8, 15, 16, 17, 31, 32, 33, 64, 511, 512, 513, 1030)),
    *((15, 40, width) for width in (1, 7, 8, 15, 16, 17, 31, 255, 256, 257, 513, 2048)),
]


def check_products(level=None):
    """Compares products with float64 ones: n float32 terms lose at most n u |a| |b|."""
    assert _core.has_product()
    for rows, columns, width in PRODUCT_SHAPES:
        random = np.random.default_rng(rows * columns + width)
        a = random.standard_normal((rows, width)).astype(np.float32)
        b = random.standard_normal((columns, width)).astype(np.float32)
        lengths = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)
        exact = a.astype(np.float64) @ b.T.astype(np.float64)
        for threads in (1, 3):
            out = np.full((rows, columns), np.nan, np.float32)
            _core.multiply(a, b, out, _core.Scratch(), threads)
            weights = _core.rounding_weights(a, 1)[:, None] * _core.rounding_weights(b, 1)
            for bound in (1.01 * width * lengths, 1.01 * weights):
                assert (np.abs(out - exact) <= 2.0**-24 * bound).all(), (level, a.shape)


def check_products_at(level):
    """check_products() in another process, at that level."""
    run = run_at(level, f"from support import eval_levels; eval_levels.check_products({level!r})")
    assert run.returncode == 0, run.stderr


def check_pairs(shape):
    """Compares products of bfloat16 pairs with float64 ones, by the bound that margins assume."""
    rows, columns, width = shape
    random = np.random.default_rng(rows * columns + width)
    for positive in (False, True):  # all of one sign: roundings that err one way add up
        a, b = random.standard_normal((rows, width)), random.standard_normal((columns, width))
        if positive:
            a, b = abs(a), abs(b)
        pairs = [_core.to_bfloat16(part.astype(np.float32), 1)[0] for part in (a, b)]
        left, right = (halves_of(half, width).astype(np.float64) for half in pairs)
        terms = width + width % 2
        bound = terms * 2.0**-24 / (1 - terms * 2.0**-24) * (abs(left) @ abs(right).T)
        for threads in (1, 3):
            out = np.full((rows, columns), np.nan, np.float32)
            _core.multiply_bfloat16(*pairs, out, _core.Scratch(), threads)
            assert (np.abs(out - left @ right.T) <= bound + 1e-30).all(), shape


def halves_of(pairs, width):
    """The bfloat16 values in the pairs, as float32."""
    bits = np.ascontiguousarray(pairs).view(np.uint16).astype(np.uint32) << 16
    return bits.view(np.float32)[:, :width]
