# SPDX-License-Identifier: Apache-2.0
"""How fast and how accurate are the CPU engines, against ONNX Runtime in float32 at its best?

Compares, round by round in one process, on MGN with seeded weights:
  onnxruntime float32      the limit: a bare loop at the fastest of several settings tried first;
  onnxruntime session      `open_session`, as every user has it;
  openvino float32, bf16   the same file (bf16 where the CPU has its instructions);
  int8                     from `quantize` without anything in float32, on both engines;
  int8, kept               from `quantize` with its default: sensitive blocks in float32; on both.
The int8 files are made from drawn people; all are judged on other drawn people, before anything is
timed: cosine to float32 of a picture's plain and mirrored embedding added, the share of pictures
with the same nearest picture, and mAP. Rates are network passes per second: a picture with its
mirror is two. Not counted: loading, quantising, the first run of each.

    python bench/bench_cpu_engines.py [--model mgn.onnx] [--rounds 7] [--persons 12]
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from pathlib import Path

import numpy as np

import record
from bench_session import bare_session, fastest_settings, prepare, run_bare
from mgn_fast import InvalidInputError, datasets, evaluate, export_onnx, open_session
from mgn_fast.evaluation.agreement import compare, nearest_others
from mgn_fast.pictures import pixels
from mgn_fast.quantize.run import quantize_onnx

# Of fewer the end, where lanes run out of work one after the other, is a share that shows.
TIMED_PICTURES = 48
PICTURES_FOR_SETTINGS = 16
# The engine, what is asked of it, and which file it gets.
ENGINES = {
    "onnxruntime session": ("onnxruntime", "float32", "float32"),
    "openvino float32": ("openvino", "float32", "float32"),
    "openvino bf16": ("openvino", "bf16", "float32"),
    "onnxruntime int8": ("onnxruntime", "int8", "int8"),
    "onnxruntime int8, kept": ("onnxruntime", "int8", "int8, kept"),
    "openvino int8": ("openvino", "int8", "int8"),
    "openvino int8, kept": ("openvino", "int8", "int8, kept"),
}
LIMIT = "onnxruntime float32"


def quantised(model, folder, persons):
    """The int8 files by name, and what `quantize` said of each."""
    people = datasets.synthetic(folder / "calibration", persons=persons, seed=1)
    pictures = [*people.query.paths, *people.gallery.paths]
    found = {}
    for name, keep in (("int8", "none"), ("int8, kept", "auto")):
        started = time.perf_counter()
        found[name] = quantize_onnx(model, pictures, folder / f"{name}.onnx", keep_float32=keep)
        print(f"{name}: {time.perf_counter() - started:.0f} s, kept {found[name].kept}", flush=True)
    return found


def fused(features):
    """Unit embeddings of pictures whose rows are plain, mirrored, plain, mirrored, ..."""
    total = features[::2] + features[1::2]
    return total / np.linalg.norm(total, axis=1, keepdims=True)


def accuracy(run, people, prepared, expected):
    """Of one engine, on people that no calibration saw."""
    got = fused(run(prepared))
    agreement = compare(expected, got)
    count = len(people.query)
    identities = people.query.identities, people.gallery.identities
    report = evaluate(got[:count], got[count:], *identities)
    return {
        "cosine_mean": agreement.cosine_mean,
        "cosine_min": agreement.cosine_min,
        "same_nearest": float(np.mean(nearest_others(expected) == nearest_others(got))),
        "mean_average_precision": report.mean_average_precision,
    }


def open_engines(files, stack):
    """Sessions by name; an engine that this CPU lacks is left out, and said."""
    sessions = {}
    for name, (backend, precision, file) in ENGINES.items():
        try:
            opened = open_session(files[file], backend=backend, precision=precision)
        except InvalidInputError as error:
            print(f"left out: {name}: {error}")
            continue
        sessions[name] = stack.enter_context(opened)
    return sessions


def timed(work):
    """Seconds that one call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main():
    """Runs the comparison and writes its record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--persons", type=int, default=12)
    arguments = parser.parse_args()
    environment = record.environment()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        model = arguments.model or export_onnx(None, folder / "mgn.onnx", verify=False)
        made = quantised(model, folder, arguments.persons)
        files = {"float32": model} | {name: found.path for name, found in made.items()}
        people = datasets.synthetic(folder / "people", persons=arguments.persons, seed=2)
        paths = [*people.query.paths, *people.gallery.paths]
        prepared = prepare([pixels.decode(path) for path in paths])
        rows = prepared[: 2 * TIMED_PICTURES]
        settings = fastest_settings(model, rows[: 2 * PICTURES_FOR_SETTINGS])
        size = settings["batch_size"]
        bare = bare_session(model, settings["threads"])

        def run_limit(given):
            return run_bare(bare, np.split(given, range(size, len(given), size)))

        runs = {LIMIT: run_limit} | {
            name: session.run for name, session in open_engines(files, stack).items()
        }
        expected = fused(run_limit(prepared))
        quality = {}
        for name, run in runs.items():
            quality[name] = accuracy(run, people, prepared, expected)
            print(name, {key: round(value, 4) for key, value in quality[name].items()}, flush=True)
        seconds = {name: [] for name in runs}
        for _ in range(arguments.rounds):
            for name, run in runs.items():
                seconds[name].append(timed(lambda run=run: run(rows)))
    report(environment, settings | {"passes": len(rows)}, seconds, quality, made)


def report(environment, settings, seconds, quality, made):
    """Prints and writes the ratios: medians over rounds of the limit against the engine beside."""
    passes = settings["passes"]
    ratios = {
        name: float(np.median(np.divide(seconds[LIMIT], values)))
        for name, values in seconds.items()
    }
    for name, values in seconds.items():
        print(f"{name:23} {passes / np.median(values):6.1f} passes/s, {ratios[name]:.2f} times")
    figures = {
        "question": __doc__.splitlines()[0],
        "environment": environment,
        "limit_settings": settings,
        "seconds": {name: record.spread(values) for name, values in seconds.items()},
        "times_the_limit": ratios,
        "accuracy": quality,
        "quantised": {name: found.to_dict() | {"path": ""} for name, found in made.items()},
        "judged": judged(ratios, quality),
    }
    record.write("cpu-engines", figures, headlines(ratios, quality))


def headlines(ratios, quality):
    """What the README says of it."""
    return [
        record.headline(
            f"{name}, against ONNX Runtime float32 at its best",
            f"{ratios[name]:.2f} times; cosine {quality[name]['cosine_mean']:.4f}, at worst "
            f"{quality[name]['cosine_min']:.4f}",
        )
        for name in ("openvino bf16", "onnxruntime int8", "onnxruntime int8, kept")
        if name in ratios
    ]


def judged(ratios, quality):
    """What was asked for, beside what was reached."""
    bounds = {"openvino bf16": (1.9, 0.998), "onnxruntime int8": (3.3, 0.975)}
    bounds |= {"onnxruntime int8, kept": (3.0, 0.975), "openvino int8": (3.3, 0.975)}
    return {
        f"{name}: {speed} times, cosine {cosine}": [ratios[name], quality[name]["cosine_min"]]
        for name, (speed, cosine) in bounds.items()
        if name in ratios
    }


if __name__ == "__main__":
    main()
