# SPDX-License-Identifier: Apache-2.0
"""Do handles, threads, memory and the ledger come back after 10,000 sessions?

On the simulator: open, run, close, over and over; what the process holds is compared with what it
held after the first hundred. Every run's embeddings are compared too. The exit code says whether
anything was left; how far memory may grow is left to the reader.

    python bench/check_cycles.py [--cycles 10000]
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import record
from mgn_fast import open_session, simulator
from mgn_fast.simulator import TensorSpec, write_om

WARM_UP = 100


def held():
    """What the process holds: file handles, threads, resident bytes."""
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    counts = {kind: len(list(Path("/proc/self", kind).iterdir())) for kind in ("fd", "task")}
    return counts | {"resident_bytes": resident}


def left_over(before, after, ledger):
    """What the sessions should have given back and did not, by kind."""
    return {
        "handles": after["fd"] - before["fd"],
        "threads": after["task"] - before["task"],
        "device objects": sum(ledger["live"].values()),
        "violations": len(ledger["violations"]),
    }


def headlines(cycles, left, grown_bytes):
    """What the README says of it."""
    *most, last = left
    what = f"simulated 310P: {', '.join(most)} and {last} that {cycles:,} sessions left behind"
    counts = ", ".join(str(count) for count in left.values())
    return [record.headline(what, f"{counts}; memory grew by {grown_bytes / 2**20:.1f} MB")]


def main():
    """Cycles, compares, records; 1 if anything was left."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cycles", type=int, default=10_000)
    arguments = parser.parse_args()
    environment = record.environment()
    images = np.random.default_rng(0).standard_normal((11, 3, 2, 2), np.float32)
    expected = simulator.stand_in([images], widths=[16])[0]
    with tempfile.TemporaryDirectory() as name:
        path = write_om(
            Path(name) / "tiny.om",
            batch_sizes=(1, 4),
            inputs=[TensorSpec("image", "float32", (3, 2, 2), "NCHW")],
            outputs=[TensorSpec("features", "float32", (16,))],
            weight_bytes=4096,
        )
        simulator.enable(timing=False, compute="deterministic")
        started = time.perf_counter()
        for cycle in range(WARM_UP + arguments.cycles):
            if cycle == WARM_UP:
                before = held()
            with open_session(path, lanes=2) as session:
                np.testing.assert_array_equal(session.run(images), expected)
        seconds = time.perf_counter() - started
        after = held()
        ledger = simulator.ledger()
        simulator.disable()
    left = left_over(before, after, ledger)
    figures = {
        "question": __doc__.splitlines()[0],
        "simulated": "Ascend310P3; no NPU was used",
        "environment": environment,
        "cycles": arguments.cycles,
        "seconds": seconds,
        "before": before,
        "after": after,
        "left": left,
        "grown_bytes": after["resident_bytes"] - before["resident_bytes"],
    }
    print(before, after)
    record.write("cycles", figures, headlines(arguments.cycles, left, figures["grown_bytes"]))
    return int(any(left.values()))


if __name__ == "__main__":
    sys.exit(main())
