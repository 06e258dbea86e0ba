# SPDX-License-Identifier: Apache-2.0
"""How long does one query take in a gallery of a million float16 rows, against NumPy?

Compares, round by round in one process, on seeded unit rows of 2048 numbers in a gallery's file,
which is mapped:
  search    the ten nearest pictures of one query, exact, with their names, by `Gallery.search`;
  scan      the same without names, by the core alone;
  product   numpy's float32 matrix-vector product, the rows in memory: twice the bytes, and the
            products alone, no distances and no order. The hard rival;
  read      every mapped byte read once, by numpy's sum in as many threads: the limit;
  scan of 8, scan of 64   as many queries at once;
  load      opening the gallery, every byte compared with its CRC-32;
  first     opening it without that, and one query on pages that this process has not touched;
and, in rounds of their own, because numpy has no fast product of float16:
  half product            numpy's product of the mapped rows as they are.
Before anything is timed the lists are held against float64 distances of all rows that could be on
them. The file is in the page cache throughout. Not counted: drawing and writing the rows, and the
first run of each way.

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
from mgn_fast import Gallery, _core
from mgn_fast.common.threads import blas_threads, thread_count
from mgn_fast.evaluation.distances import empty_lists
from mgn_fast.gallery.file import MERGED_ROWS, Batch
from mgn_fast.gallery.model import described
from mgn_fast.gallery.writer import writing

WIDTH, DEPTH, LATENT = 2048, 10, 96
BATCHES = (8, 64)


def parts(count):
    """Ranges that cover so many rows, a gallery's batch each."""
    step = MERGED_ROWS
    return (slice(start, min(count, start + step)) for start in range(0, count, step))


def write_gallery(path, count):
    """Unit rows around persons, in a space of few dimensions; returns queries from among them."""
    random = np.random.default_rng(0)
    persons = random.standard_normal((max(1, count // 20), LATENT), np.float32)
    basis = np.linalg.qr(random.standard_normal((WIDTH, LATENT)))[0].T.astype(np.float32)

    def draw(owners):
        latent = persons[owners] + random.standard_normal((len(owners), LATENT), np.float32)
        rows = latent @ basis
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    with writing(path, described("float16", WIDTH), np.empty(0, np.float32)) as writer:
        for part in parts(count):
            numbers = range(part.start, part.stop)
            rows = draw(random.integers(0, len(persons), len(numbers))).astype(np.float16)
            names = [f"{number % 1500:04}_c1s1_{number:08}_00.jpg" for number in numbers]
            writer.append(Batch.of(rows, names, [f"{number:064x}" for number in numbers]))
    return draw(random.integers(0, len(persons), max(BATCHES)))


def scan(queries, segments):
    """Numbers and squared distances of each query's nearest rows."""
    lists = empty_lists(len(queries), DEPTH)
    _core.scan_nearest(queries, segments, 0, *lists, thread_count())
    return lists


def check_answers(queries, gallery):
    """Every row that float32 finds no farther than the last one listed, with room for its errors,
    is computed again in float64; the nearest of those must be what is listed, in that order.
    """
    numbers, listed = scan(queries, gallery.segments)
    near, first = [[] for _ in queries], 0
    for segment in gallery.segments:
        # Rows of length 1: 2048 terms are off by 2048 * 2^-24 = 1.2e-4 at most.
        distances = 2 - 2 * (queries @ segment.astype(np.float32).T)
        for found, close in zip(near, distances <= listed[:, -1:] + 2e-3, strict=True):
            found.append(first + np.flatnonzero(close))
        first += len(segment)
    for i, found in enumerate(map(np.concatenate, near)):
        rows = np.stack([gallery.embedding(int(place)) for place in found])
        exact = np.square(rows.astype(np.float64) - queries[i]).sum(axis=1)
        order = np.argsort(exact, kind="stable")[:DEPTH]
        np.testing.assert_array_equal(numbers[i], found[order])
        np.testing.assert_allclose(listed[i], exact[order], rtol=1e-12)
    searched = gallery.search(queries, DEPTH)
    np.testing.assert_array_equal(searched.indices, numbers)
    assert searched.names[0][0].endswith(f"_{numbers[0, 0]:08}_00.jpg")


def to_float32(segments):
    """The same rows in memory, as numpy multiplies them."""
    out = np.empty((sum(map(len, segments)), WIDTH), np.float32)
    return np.concatenate(segments, out=out, casting="safe")


def read(segments, pool):
    """Reads every byte once."""
    return sum(pool.map(lambda rows: int(rows.view(np.uint64).sum()), segments))


def measure(queries, path, rounds, half_rounds):
    """All ways, side by side."""
    gallery, workers = Gallery.load(path), thread_count()
    segments, half = gallery.segments, queries[0].astype(np.float16)
    with blas_threads(workers), ThreadPoolExecutor(workers) as pool:
        halves = {"half product": lambda: [rows @ half for rows in segments]}
        figures = drawn.compare(halves, half_rounds)
        floats = to_float32(segments)
        out = np.empty(len(floats), np.float32)
        work = {
            "search": lambda: gallery.search(queries[0], DEPTH),
            "scan": lambda: scan(queries[:1], segments),
            "product": lambda: np.matmul(floats, queries[0], out=out),
            "read": lambda: read(segments, pool),
            "load": lambda: Gallery.load(path),
            "first": lambda: Gallery.load(path, verify=False).search(queries[0], DEPTH),
        }
        for count in BATCHES:
            work[f"scan of {count}"] = lambda count=count: scan(queries[:count], segments)
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
        "search <= 1.3 of product": drawn.ratio(figures, "search", "product"),
        "scan of product": drawn.ratio(figures, "scan", "product"),
        "scan of read": drawn.ratio(figures, "scan", "read"),
        "first of scan": drawn.ratio(figures, "first", "scan"),
    }
    if "half product" in figures:
        judged["half product of scan"] = drawn.ratio(figures, "half product", "scan")
    return judged


def headlines(rows, figures):
    """What the README says of it."""
    share = drawn.ratio(figures, "search", "product")
    seconds = record.duration(figures["search"]["wall"]["median_s"])
    each = ", ".join(record.two_digits(rate) for rate in rates(figures).values())
    counts = ", ".join(map(str, rates(figures)))
    return [
        record.headline(
            f"the ten nearest of {rows:,} pictures, float16 rows in a mapped gallery, against "
            "NumPy's float32 matrix-vector product alone, rows in memory",
            f"{share:.2f} of its time, {seconds}",
        ),
        record.headline(f"the same for {counts} queries at once", f"{each} queries/s"),
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
        path = Path(folder, "rows.gallery")
        queries = write_gallery(path, arguments.rows)
        check_answers(queries, Gallery.load(path))
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
