# SPDX-License-Identifier: Apache-2.0
"""How near does a session come to the rate of the chip, and what does the host add?

All on the SIMULATOR: its time model takes from MGN's published table what a batch takes on an
Ascend 310P, whatever network runs; nothing here was measured on an NPU. The stand-in computes, so
that the host has its cores. Three questions:
  rate      `session.run` for every batch size of the table with 1, 2 and 3 lanes, as a share of the
            table's rate; from a trace, how much of the copies' time lies under computing;
  embedder  synthetic JPEGs, decode included, plain and mirrored;
  overhead  submit + result of an empty batch, no time model: what a batch costs the host, and how
            far another Python thread gets meanwhile; with and without the simulator's guards.
Answers are checked against the stand-in's definition before anything is timed.

    python bench/bench_npu.py [--rounds 3] [--seconds 2] [--overhead-only]
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import simplejpeg

import record
from mgn_fast import Embedder, export_onnx, open_session, simulator
from mgn_fast.datasets.scenes import draw_pictures
from mgn_fast.simulator import TensorSpec, write_om

# Images per second of the published table (Ascend 310P, July 2022).
TABLE = {1: 640.8, 4: 1453.5, 8: 1519.2, 16: 1388.3, 32: 1367.6, 64: 1364.8}
LANES = (1, 2, 3)
NUM_PICTURES = 512


def median(values):
    """The middle one."""
    return sorted(values)[len(values) // 2]


def check_answer(path, images):
    """The session's embeddings are the stand-in's."""
    with open_session(path, lanes=2) as session:
        got = session.run(images[:70])
    np.testing.assert_array_equal(got, simulator.stand_in([images[:70]])[0])


def run_rate(path, images, lanes):
    """Images per second of one `run`."""
    with open_session(path, lanes=lanes) as session:
        session.run(images[: 4 * session.batch_size])
        started = time.perf_counter()
        session.run(images)
        return len(images) / (time.perf_counter() - started)


def covered_share(tasks):
    """Of the copies' model time, the part during which the chip computes."""
    computing = [(task.start_s, task.end_s) for task in tasks if task.engine == "compute"]
    copies = [task for task in tasks if task.engine in ("copy_in", "copy_out")]
    total = sum(task.end_s - task.start_s for task in copies)
    covered = 0.0
    for task in copies:
        for start, end in computing:
            covered += max(0.0, min(end, task.end_s) - max(start, task.start_s))
    return covered / total if total else 1.0


def overlap(path, images, lanes):
    """From a trace of thirty batches."""
    with open_session(path, lanes=lanes) as session, simulator.trace() as tasks:
        session.run(images[: 30 * session.batch_size])
    return covered_share(tasks)


def rates(folder, rounds, seconds):
    """One row per batch size and number of lanes."""
    pool = np.random.default_rng(0).standard_normal((256, 3, 384, 128), np.float32)
    rows = []
    for batch_size, table in TABLE.items():
        path = write_om(
            folder / f"{batch_size}.om", batch_sizes=(batch_size,), weight_bytes=1 << 20
        )
        count = max(int(table * seconds) // batch_size, 6) * batch_size
        images = pool[np.arange(count) % len(pool)]
        check_answer(path, images)
        for lanes in LANES:
            measured = [run_rate(path, images, lanes) for _ in range(rounds)]
            row = {
                "batch_size": batch_size,
                "lanes": lanes,
                "images_per_s": median(measured),
                "share_of_table": median(measured) / table,
                "best_share_of_table": max(measured) / table,
                "copies_under_compute": overlap(path, images, lanes),
            }
            rows.append(row)
            print("simulated", {key: round(value, 4) for key, value in row.items()}, flush=True)
    return rows


def embedder_rates(folder, rounds):
    """Rows per second (a picture is two) of the Embedder on JPEG files in memory."""
    model = export_onnx(None, folder / "mgn.onnx", verify=False)
    drawings = draw_pictures(64, seed=0)
    jpegs = [simplejpeg.encode_jpeg(pixels, quality=90) for pixels in drawings]
    pictures = [jpegs[i % len(jpegs)] for i in range(NUM_PICTURES)]
    rows = []
    for batch_size, table in TABLE.items():
        path = write_om(folder / f"jpeg{batch_size}.om", onnx=model, batch_sizes=(batch_size,))
        for lanes in (2, 3):
            with Embedder(path, lanes=lanes) as embedder:
                embedder(pictures[:32])
                measured = []
                for _ in range(rounds):
                    started = time.perf_counter()
                    embedder(pictures)
                    measured.append(2 * len(pictures) / (time.perf_counter() - started))
            row = {
                "batch_size": batch_size,
                "lanes": lanes,
                "images_per_s": median(measured),
                "share_of_table": median(measured) / table,
                "best_share_of_table": max(measured) / table,
            }
            rows.append(row)
            print(
                "simulated, JPEGs", {key: round(value, 4) for key, value in row.items()}, flush=True
            )
    return rows


def counted_meanwhile(lane, batches):
    """How far a thread that only counts gets, per second, while batches run."""
    counted, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            counted[0] += 1

    thread = threading.Thread(target=count)
    thread.start()
    started = time.perf_counter()
    for _ in range(batches):
        lane.submit(4).result()
    seconds = time.perf_counter() - started
    stop.set()
    thread.join()
    return counted[0] / seconds


def overhead(folder):
    """Microseconds of submit + result, median of 5,000 after a warm-up."""
    figures = {}
    tiny = {
        "inputs": [TensorSpec("image", "float32", (3, 2, 2), "NCHW")],
        "outputs": [TensorSpec("features", "float32", (16,))],
        "weight_bytes": 4096,
    }
    path = write_om(folder / "tiny.om", batch_sizes=(4,), **tiny)
    for run_mode, guard in itertools.product(("host", "device"), (False, True)):
        simulator.enable(timing=False, compute="deterministic", run_mode=run_mode, guard=guard)
        with open_session(path, lanes=1) as session, session.acquire() as lane:
            microseconds = []
            for _ in range(6000):
                started = time.perf_counter()
                lane.submit(4).result()
                microseconds.append(1e6 * (time.perf_counter() - started))
            key = f"{run_mode}, guarded" if guard else run_mode
            figures[key] = {
                "median_us": median(microseconds[1000:]),
                "p95_us": sorted(microseconds[1000:])[4750],
                "another_thread_counts_per_s": counted_meanwhile(lane, 2000),
            }
        created = simulator.ledger()["created"]
        figures[key]["device_buffers_ever"] = created["device_memory"]
        figures[key]["pinned_buffers_ever"] = created.get("pinned_memory", 0)
        print("simulated, overhead", key, figures[key], flush=True)
    return figures


def shares(rows, lanes):
    """From the worst to the best batch size."""
    found = [row["share_of_table"] for row in rows if row["lanes"] == lanes]
    return f"{min(found):.3f} to {max(found):.3f} of it"


def rate_headlines(figures, lanes=2):
    """What the README says of `session.run` and of the Embedder."""
    sizes = [row["batch_size"] for row in figures["rate"]]
    load = f"batches of {min(sizes)} to {max(sizes)}, {lanes} lanes"
    return [
        record.headline(
            f"simulated 310P: `session.run` at its published rate, {load}",
            shares(figures["rate"], lanes),
        ),
        record.headline(
            f"simulated 310P: `Embedder` from JPEGs at that rate, decode included, {load}",
            shares(figures["embedder"], lanes),
        ),
    ]


def overhead_headlines(figures):
    """What an empty batch costs the host."""
    spent = record.duration(figures["host"]["median_us"] * 1e-6)
    return [record.headline("simulated: submit and result of an empty batch, on a host", spent)]


def main():
    """Measures, prints, records."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--overhead-only", action="store_true")
    arguments = parser.parse_args()
    environment = record.environment()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = {"overhead": overhead(folder)}
        if arguments.overhead_only:
            finish("npu-overhead", environment, figures, overhead_headlines(figures["overhead"]))
            return
        simulator.enable(compute="deterministic")
        figures["rate"] = rates(folder, arguments.rounds, arguments.seconds)
        figures["embedder"] = embedder_rates(folder, arguments.rounds)
    finish("npu", environment, figures, rate_headlines(figures))


def finish(name, environment, figures, headlines):
    """Records."""
    simulator.disable()
    simulated = "Ascend310P3, profile of the published table; no NPU was used"
    question = __doc__.splitlines()[0]
    about = {"question": question, "simulated": simulated, "environment": environment}
    record.write(name, about | figures, headlines)


if __name__ == "__main__":
    main()
