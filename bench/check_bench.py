# SPDX-License-Identifier: Apache-2.0
"""Does `mgn-fast bench` tell the truth?

All on the SIMULATOR, whose times are known: MGN's published table and 10 GB/s for copies.
  profile    for every batch size of the table with 1, 2 and 3 lanes, in scope device and, with two
             lanes, end to end from JPEGs: rate, latency and stages over what the profile says. With
             one lane that is the sum of the stages, which leaves out the host's turn between two
             batches; with more it is the table's rate, and latency is lanes times that;
  gate       20 tries each: a device that is 8 % slower than the baseline's, and one that is not;
  verdict    a slow decoder, a slow copy and a slow device are planted; each has to be named;
  stall      one is planted; the run has to be invalid;
  overhead   the rate under the benchmark over that of a plain loop on the same session.

    python bench/check_bench.py [--duration 1] [--tries 20] [--only profile]
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import threading
import time
from pathlib import Path

import record
from mgn_fast import Embedder, export_onnx, open_session, simulator
from mgn_fast.bench import Case, MeasureSettings, Pace, Plan, benchmark
from mgn_fast.bench.load.steps import fill_inputs
from mgn_fast.bench.record.baseline import compare, regressed
from mgn_fast.bench.record.published_rates import ASCEND_310P
from mgn_fast.datasets.drawn_set import drawn_jpegs
from mgn_fast.inference.lane import Flight
from mgn_fast.pictures import pixels
from mgn_fast.simulator import write_om

COPY_BYTES_PER_S = 10e9
LIMIT = 0.02
SLOWER = 0.08
QUESTIONS = ("profile", "gate", "verdict", "stall", "overhead")


def run(model, batch_size, lanes, *, scope="device", pace=None, pictures=(), **settings):
    """One run of the benchmark on the simulator."""
    simulator.enable(compute="deterministic", guard=False, **settings)
    return measured(model, batch_size, lanes, scope=scope, pace=pace, pictures=pictures)


def measured(model, batch_size, lanes, *, scope="device", pace=None, pictures=(), command=()):
    """One run with the simulator as it is."""
    plan = Plan(
        [model],
        MeasureSettings(pictures, pace or Pace(duration_s=0.5, repeats=3)),
        Case(model, batch_size, lanes, scope),
        batch_sizes=[batch_size],
        lanes=[lanes],
        command=command,
    )
    return benchmark(plan).record


def expected(batch_size, lanes):
    """What the profile says: images/s, milliseconds of latency and of each stage."""
    compute = 1000 * batch_size / ASCEND_310P[batch_size]
    h2d = 1000 * batch_size * 3 * 384 * 128 * 4 / COPY_BYTES_PER_S
    d2h = 1000 * batch_size * 2048 * 4 / COPY_BYTES_PER_S
    period = compute if lanes > 1 else h2d + compute + d2h
    return 1000 * batch_size / period, lanes * period, {"h2d": h2d, "compute": compute, "d2h": d2h}


def profile(model, pictures, duration):
    """One row per batch size, lanes and scope: figures over the profile's."""
    rows = []
    pace = Pace(duration_s=duration, repeats=3)
    cases = [(size, lanes, "device") for size in ASCEND_310P for lanes in (1, 2, 3)]
    cases += [(size, 2, "e2e") for size in ASCEND_310P]
    for batch_size, lanes, scope in cases:
        found = run(model, batch_size, lanes, scope=scope, pace=pace, pictures=pictures)["runs"][0]
        rate, latency_ms, stages_ms = expected(batch_size, lanes)
        row = {
            "batch_size": batch_size,
            "lanes": lanes,
            "scope": scope,
            "rate": found["network_images_per_s"] / rate,
            **{name: found["stages_ms"][name] / stages_ms[name] for name in stages_ms},
            "bottleneck": found["bottleneck_stage"],
            "reasons": found["reasons"],
        }
        if scope == "device":
            row["latency"] = found["latency_ms"]["mean"] / latency_ms
        rows.append(row)
        print("simulated", row, flush=True)
    return rows


def gate(model, tries):
    """How often the gate says that a device that is so much slower is."""
    pace = Pace(warmup_s=0.1, duration_s=0.2, repeats=5)
    older = run(model, 8, 2, pace=pace)
    said = {}
    for name, share in (("0 %", 0.0), ("8 %", SLOWER)):
        said[name] = 0
        for _ in range(tries):
            newer = run(model, 8, 2, pace=pace, compute_slowdown=1 / (1 - share))
            compare(newer, older, "baseline.json", 0.05)
            said[name] += regressed(newer)
        print(f"simulated: {name} slower: gate failed {said[name]} of {tries}", flush=True)
    return {"tries": tries, "failed": said}


def verdict(model, pictures):
    """What is named when a stage is slow."""
    decode = pixels.decode

    def slow_decode(*arguments, **options):
        time.sleep(0.02)
        return decode(*arguments, **options)

    pixels.decode = slow_decode
    try:
        named = {"decoder": run(model, 8, 2, scope="e2e", pictures=pictures)}
    finally:
        pixels.decode = decode
    named["copy"] = run(model, 8, 2, copy_in_bytes_per_s=2e8)
    named["device"] = run(model, 8, 2, compute_slowdown=4.0)
    words = {name: found["runs"][0]["bottleneck"] for name, found in named.items()}
    for name, text in words.items():
        print(f"simulated: slow {name}: {text}")
    return words


def stall(model):
    """Why a run is not valid during which the device stood still for 150 ms."""
    simulator.enable(compute="deterministic", guard=False)

    def stand_still():
        simulator.slow_stream(0.15)
        time.sleep(0.02)
        simulator.slow_stream(0)

    timer = threading.Timer(2.5, stand_still)
    timer.start()
    found = measured(model, 8, 2, pace=Pace(duration_s=1.5, repeats=3))["runs"][0]
    timer.join()
    print("simulated: stall:", found["valid"], found["reasons"])
    return found["reasons"]


def overhead(model, pictures, rounds):
    """Rates under the benchmark over those of plain loops, in turn; medians."""
    simulator.enable(compute="deterministic", guard=False)
    pace = Pace(warmup_s=0.2, duration_s=1.0, repeats=1)
    ratios = {"device": [], "e2e": []}
    for _ in range(rounds):
        plain = plain_batches(model)
        ratios["device"].append(measured(model, 8, 2, pace=pace)["runs"][0]["images_per_s"] / plain)
        plain = plain_pictures(model, pictures)
        found = measured(model, 8, 2, scope="e2e", pace=pace, pictures=pictures)["runs"][0]
        ratios["e2e"].append(found["images_per_s"] / plain)
    medians = {scope: sorted(values)[len(values) // 2] for scope, values in ratios.items()}
    print("simulated: rate under the benchmark over a plain loop's:", medians, flush=True)
    return medians


def plain_batches(model, seconds=1.0):
    """Rows per second without an observer, from a full pipeline to a full pipeline."""
    with open_session(model, lanes=2, batch_size=8) as session:
        fill_inputs(session)
        flight = Flight(session.pool)
        count, started = 0, None
        for number in itertools.count():
            with flight.lane() as lane:
                flight.submit(lane, session.batch_size, None)
            done = sum(1 for _ in flight.finished())
            now = time.perf_counter()
            if started is None:
                started = now if number >= 20 else None
                continue
            count += done
            if now - started >= seconds:
                break
        rate = count * session.batch_size / (now - started)
        for _ in flight.drain():
            pass
        return rate


def plain_pictures(model, pictures, seconds=1.0):
    """Pictures per second of the embedder alone, likewise."""
    with Embedder(model, lanes=2, batch_size=8) as embedder:
        ends = []
        for _ in embedder.stream(itertools.cycle(pictures)):
            ends.append(time.perf_counter())
            if ends[-1] - ends[0] > seconds + 0.2:
                break
        # Between two first results of a batch, as gaps tell them.
        gaps = [(b - a, i + 1) for i, (a, b) in enumerate(itertools.pairwise(ends))]
        firsts = [i for gap, i in gaps if gap > 0.001 and ends[i] - ends[0] > 0.2]
        return (firsts[-1] - firsts[0]) / (ends[firsts[-1]] - ends[firsts[0]])


def wrong_answers(figures):
    """What the bench said that is not so, as sentences."""
    leads = {"decoder": "decode-bound", "copy": "copy-in-bound", "device": "compute-bound"}
    for name, words in figures.get("verdict", {}).items():
        if not words.startswith(leads[name]):
            yield f"a slow {name} was judged: {words}"
    if "stall" in figures and not any(reason.startswith("stall") for reason in figures["stall"]):
        yield f"a stall was not seen: {figures['stall']}"
    if "gate" in figures and figures["gate"]["failed"] != {
        "0 %": 0,
        "8 %": figures["gate"]["tries"],
    }:
        yield f"the gate was wrong: {figures['gate']}"
    for row in believed(figures.get("profile", [])):
        off = max(abs(row[name] - 1) for name in ("rate", "compute"))
        if row["lanes"] > 1 and off > LIMIT:
            yield f"{off:.1%} off the profile: {row}"


def believed(rows):
    """Those that the bench itself calls valid: of the others it says not to believe them."""
    return [row for row in rows if not row["reasons"]]


def headlines(figures):
    """What the README says of it."""
    lines = []
    if "profile" in figures:
        rows = [row for row in believed(figures["profile"]) if row["lanes"] > 1]
        errors = [abs(row[name] - 1) for row in rows for name in ("rate", "compute", "h2d")]
        what = "simulated: the bench's rates and stages against the profile, 2 and 3 lanes, worst"
        lines.append(record.headline(what, f"{max(errors):.1%} off"))
    if "gate" in figures:
        failed, tries = figures["gate"]["failed"], figures["gate"]["tries"]
        what = "simulated: the bench's gate of 5 %, on a device 8 % slower and on one that is not"
        figure = f"fails {failed['8 %']} and {failed['0 %']} times of {tries}"
        lines.append(record.headline(what, figure))
    if "overhead" in figures:
        worst = min(figures["overhead"].values())
        what = "simulated: rate under the bench, of a plain loop's"
        lines.append(record.headline(what, f"{worst:.3f}"))
    return lines


def main():
    """Asks, prints, records."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--duration", type=float, default=1.0)
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=QUESTIONS, default=QUESTIONS)
    arguments = parser.parse_args()
    environment = record.environment()
    pictures = drawn_jpegs(64, seed=0)
    figures = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        onnx = export_onnx(None, folder / "mgn.onnx", verify=False)
        model = write_om(folder / "mgn.om", onnx=onnx, batch_sizes=tuple(ASCEND_310P))
        ask = {
            "profile": lambda: profile(model, pictures, arguments.duration),
            "gate": lambda: gate(model, arguments.tries),
            "verdict": lambda: verdict(model, pictures),
            "stall": lambda: stall(model),
            "overhead": lambda: overhead(model, pictures, arguments.rounds),
        }
        for question in arguments.only:
            figures[question] = ask[question]()
    wrong = list(wrong_answers(figures))
    print(*wrong, sep="\n")
    record.write(
        "bench",
        {"question": __doc__.splitlines()[0], "environment": environment, "simulated": True}
        | figures
        | {"wrong": wrong},
        headlines(figures),
    )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
