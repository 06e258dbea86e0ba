# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks of evaluation share: seeded embeddings with an mAP near 0.85, and timing."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

import record
from mgn_fast import Identities

# queries, gallery pictures of persons, distractors, persons, cameras
SHAPES = {
    "market1501": (3368, 13115, 2798, 750, 6),
    "msmt17": (11659, 82161, 0, 3060, 15),
}
TITLES = {"market1501": "Market-1501", "msmt17": "MSMT17"}
WIDTH = 2048
_LATENT = 96


def draw(name, *, seed=0, noise=1.03, width=WIDTH):
    """Query and gallery embeddings, unit rows float32, and both sets' identities.

    Persons are points in a space of few dimensions, pictures lie around them: some near, some far.
    """
    queries, owned, distractors, persons, cameras = SHAPES[name]
    random = np.random.default_rng(seed)
    person = np.concatenate(
        [
            random.integers(1, persons + 1, queries),
            random.integers(1, persons + 1, owned),
            np.zeros(distractors, int),
        ]
    )
    order = queries + random.permutation(owned + distractors)
    person[queries:] = person[order]
    camera = random.integers(0, cameras, len(person))
    centres = random.standard_normal((persons + 1, _LATENT)).astype(np.float32)
    basis = np.linalg.qr(random.standard_normal((width, _LATENT)))[0].T.astype(np.float32)
    rows = np.empty((len(person), width), np.float32)
    for start in range(0, len(person), 4096):
        part = slice(start, min(len(person), start + 4096))
        count = part.stop - part.start
        around = centres[person[part]]
        alone = person[part] == 0
        around[alone] = random.standard_normal((int(alone.sum()), _LATENT))
        strength = noise * random.lognormal(0.0, 0.35, (count, 1))
        latent = around + strength * random.standard_normal((count, _LATENT))
        part_rows = latent.astype(np.float32) @ basis
        part_rows /= np.linalg.norm(part_rows, axis=1, keepdims=True)
        rows[part] = part_rows
    query = Identities(person[:queries], camera[:queries])
    gallery = Identities(person[queries:], camera[queries:])
    return rows[:queries], rows[queries:], query, gallery


def added_memory(call, figures=None):
    """MB by which the process's peak grows in its first run, beyond what it held before."""
    before = _resident_mb()
    _reset_peak()
    measured = _measured(call)
    if figures is not None:
        figures["recipe"] = _figures([measured])
    return round(_peak_mb() - before, 1)


def compare(work, rounds):
    """Each way's seconds and CPU seconds, taken in turn."""
    measured = {name: [] for name in work}
    for _ in range(rounds):
        for name, call in work.items():
            measured[name].append(_measured(call))
    return {name: _figures(values) for name, values in measured.items()}


def ratio(figures, one, other):
    """Median of one way over the median of another."""
    return figures[one]["wall"]["median_s"] / figures[other]["wall"]["median_s"]


def publish(name, question, environment, shape, report, figures, memory, judged, headlines):
    """Prints the figures and writes the record."""
    for way, values in figures.items():
        wall, cpu = values["wall"]["median_s"], values["cpu"]["median_s"]
        print(f"{way:10} {wall:8.3f} s, {cpu:8.3f} s of CPU, {memory.get(way, '-')} MB added")
    for claim, value in judged.items():
        print(f"{claim}: {value:.3f}")
    record.write(
        name if shape == "market1501" else f"{name}-{shape}",
        {
            "question": question,
            "environment": environment,
            "shape": dict(
                zip(
                    ("queries", "matches", "distractors", "persons", "cameras"),
                    SHAPES[shape],
                    strict=True,
                )
            ),
            "width": WIDTH,
            "mean_average_precision": report.mean_average_precision,
            "rank_1": float(report.cmc[0]),
            "ways": figures,
            "added_memory_mb": memory,
            "judged": judged,
        },
        headlines,
    )


def _measured(call):
    started, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - started, time.process_time() - cpu


def _figures(measured):
    wall, cpu = zip(*measured, strict=True)
    return {"wall": record.spread(wall), "cpu": record.spread(cpu)}


def _status_mb(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    words = [line.split() for line in lines if line.startswith(field)]
    return int(words[0][1]) / 1024


def _resident_mb():
    return _status_mb("VmRSS")


def _peak_mb():
    return _status_mb("VmHWM")


def _reset_peak():
    # Without it the peak would be that of everything before.
    Path("/proc/self/clear_refs").write_text("5")
