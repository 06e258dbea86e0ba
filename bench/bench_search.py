# SPDX-License-Identifier: Apache-2.0
"""How long does one query take over a million float16 rows in a memory map, against NumPy?

Compares, round by round in one process, on seeded unit rows of 2048 numbers:
  scan      the ten nearest rows of one query, exact, by `scan_nearest` on the mapped file;
  product   numpy's float32 matrix-vector product, the rows in memory: twice the bytes, and the
            products alone, no distances and no order. The hard rival;
  read      every mapped byte read once, by numpy's sum in as many threads: the limit;
  scan of 8, scan of 64   as many queries at once;
and, in rounds of their own, because numpy has no fast product of float16:
  half product            numpy's product of the mapped rows as they are.
Before anything is timed the lists are held against float64 distances of all rows that could be on
them. The file is in the page cache throughout. `first` is one query on a mapping that nobody has
touched yet, `first, populated` the same after MADV_POPULATE_READ, that call included.
Not counted: drawing and writing the rows, and the first run of each other way.

    python bench/bench_search.py [--rows 1000000] [--rounds 5] [--half-rounds 1]
"""

from __future__ import annotations

import argparse
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import drawn
import record
from mgn_fast import _core
from mgn_fast.distances import empty_lists
from mgn_fast.threads import blas_threads, thread_count

WIDTH, DEPTH, LATENT = 2048, 10, 96
BATCHES = (8, 64)
PART = 8192  # rows drawn, converted or checked at once
POPULATE_READ = 22  # Linux 5.14; Python's mmap has no name for it yet


def parts(count):
    """Ranges that cover so many rows."""
    return (slice(start, min(count, start + PART)) for start in range(0, count, PART))


def write_rows(path, count):
    """Unit rows around persons, in a space of few dimensions; returns queries from among them."""
    random = np.random.default_rng(0)
    persons = random.standard_normal((max(1, count // 20), LATENT), np.float32)
    basis = np.linalg.qr(random.standard_normal((WIDTH, LATENT)))[0].T.astype(np.float32)

    def draw(owners):
        latent = persons[owners] + random.standard_normal((len(owners), LATENT), np.float32)
        rows = latent @ basis
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    rows = np.lib.format.open_memmap(path, "w+", np.float16, (count, WIDTH))
    for part in parts(count):
        rows[part] = draw(random.integers(0, len(persons), part.stop - part.start))
    rows.flush()
    return draw(random.integers(0, len(persons), max(BATCHES)))


def map_rows(path):
    """A mapping of its own, and nothing of it touched."""
    return np.load(path, mmap_mode="r")


def scan(queries, rows):
    """Numbers and squared distances of each query's nearest rows."""
    lists = empty_lists(len(queries), DEPTH)
    _core.scan_nearest(queries, [rows], 0, *lists, thread_count())
    return lists


def check_answers(queries, rows):
    """Every row that float32 finds no farther than the last one listed, with room for its errors,
    is computed again in float64; the nearest of those must be what is listed, in that order.
    """
    numbers, listed = scan(queries, rows)
    near = [[] for _ in queries]
    for part in parts(len(rows)):
        block = rows[part].astype(np.float32)
        # Rows of length 1: 2048 terms are off by 2048 * 2^-24 = 1.2e-4 at most.
        distances = 2 - 2 * (queries @ block.T)
        for found, close in zip(near, distances <= listed[:, -1:] + 2e-3, strict=True):
            found.append(part.start + np.flatnonzero(close))
    for i, found in enumerate(map(np.concatenate, near)):
        differences = rows[found].astype(np.float64) - queries[i]
        exact = np.square(differences).sum(axis=1)
        order = np.argsort(exact, kind="stable")[:DEPTH]
        np.testing.assert_array_equal(numbers[i], found[order])
        np.testing.assert_allclose(listed[i], exact[order], rtol=1e-12)


def to_float32(rows):
    """The same rows in memory, as numpy multiplies them."""
    out = np.empty(rows.shape, np.float32)
    for part in parts(len(rows)):
        out[part] = rows[part]
    return out


def read(rows, pool):
    """Reads every byte once."""
    words = rows.view(np.uint64)
    return sum(pool.map(lambda part: int(words[part].sum()), parts(len(rows))))


def first_query(queries, path, populate):
    """One query on a fresh mapping."""
    rows = map_rows(path)
    if populate:
        rows._mmap.madvise(POPULATE_READ)
    scan(queries, rows)


def measure(queries, path, rounds, half_rounds):
    """All ways, side by side."""
    rows, workers = map_rows(path), thread_count()
    half = queries[0].astype(np.float16)
    with blas_threads(workers), ThreadPoolExecutor(workers) as pool:
        figures = drawn.compare({"half product": lambda: rows @ half}, half_rounds)
        floats = to_float32(rows)
        out = np.empty(len(rows), np.float32)
        work = {
            "scan": lambda: scan(queries[:1], rows),
            "product": lambda: np.matmul(floats, queries[0], out=out),
            "read": lambda: read(rows, pool),
            "first": lambda: first_query(queries[:1], path, populate=False),
            "first, populated": lambda: first_query(queries[:1], path, populate=True),
        }
        for count in BATCHES:
            work[f"scan of {count}"] = lambda count=count: scan(queries[:count], rows)
        for call in work.values():
            call()
        return figures | drawn.compare(work, rounds)


def rates(figures):
    """Queries per second, by how many are asked at once."""
    seconds = {1: "scan"} | {count: f"scan of {count}" for count in BATCHES}
    return {n: n / figures[way]["wall"]["median_s"] for n, way in seconds.items()}


def judge(figures):
    """The figures that are asked for."""
    judged = {
        "scan <= 1.3 of product": drawn.ratio(figures, "scan", "product"),
        "scan of read": drawn.ratio(figures, "scan", "read"),
        "first of scan": drawn.ratio(figures, "first", "scan"),
    }
    if "half product" in figures:
        judged["half product of scan"] = drawn.ratio(figures, "half product", "scan")
    return judged


def headlines(rows, figures):
    """What the README says of it."""
    share = drawn.ratio(figures, "scan", "product")
    seconds = record.duration(figures["scan"]["wall"]["median_s"])
    each = ", ".join(record.two_digits(rate) for rate in rates(figures).values())
    counts = ", ".join(map(str, rates(figures)))
    return [
        record.headline(
            f"The ten nearest of {rows:,} float16 rows in a file, against NumPy's float32 product "
            "of rows in memory alone",
            f"{share:.2f} of its time, {seconds}",
        ),
        record.headline(f"The same for {counts} queries at once", f"{each} queries/s"),
    ]


def main():
    """Runs the comparison and writes its record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--half-rounds", type=int, default=1)
    arguments = parser.parse_args()
    environment = record.environment()
    with tempfile.TemporaryDirectory(prefix="mgn-fast-bench-") as folder:
        path = Path(folder, "rows.npy")
        queries = write_rows(path, arguments.rows)
        check_answers(queries, map_rows(path))
        figures = measure(queries, path, arguments.rounds, arguments.half_rounds)
    judged = judge(figures)
    for way, values in figures.items():
        wall, cpu = values["wall"]["median_s"], values["cpu"]["median_s"]
        print(f"{way:16} {wall:8.3f} s, {cpu:8.3f} s of CPU")
    for claim, value in judged.items():
        print(f"{claim}: {value:.3f}")
    record.write(
        "search",
        {
            "question": __doc__.splitlines()[0],
            "environment": environment,
            "rows": arguments.rows,
            "width": WIDTH,
            "depth": DEPTH,
            "simd": _core.simd_level(),
            "threads": thread_count(),
            "mapped_bytes": arguments.rows * WIDTH * 2,
            "products_of_one_query": arguments.rows * WIDTH * 2,  # with the row, and with itself
            "ways": figures,
            "queries_per_second": rates(figures),
            "judged": judged,
        },
        headlines(arguments.rows, figures),
    )


if __name__ == "__main__":
    main()
