# SPDX-License-Identifier: Apache-2.0
"""Simulated: what does float16 on the chip cost in cosine and mAP, where, and in what time?

Each model is compiled twice by the simulated ATC, in its default precision mode (float16) and in
must_keep_origin_dtype (float32), and both embed a data set's queries and gallery on the simulator.
The first multiplies float16 numbers and sums in float32, as Note [float16 on the simulator] in
mgn_fast/simulator/float16.py defines it: a prediction, for which no NPU was asked. Seconds are the
simulator's own, both ways in turn on the same batches: what the prediction takes here, and nothing
about an NPU. A layer's error is the length of its difference from float32's result by the length
of that, over a few pictures; `added` is how much more that is than in what the layer takes. Beside
the ratio of times stands that of the process's CPU time, which other work moves less.

Random weights are measured unless --no-random; a .pt is exported first. --contract says how to
prepare pictures for a model that does not say so.

    python bench/trained_float16.py [--dataset DIRECTORY --about WORDS] [--model NAME=FILE ...]
                                    [--contract NAME=PRESET|FILE.json ...] [--rounds N]
                                    [--record NAME]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

import record
from mgn_fast import compile_om, export_onnx, open_session, simulator
from mgn_fast.models.onnx_file import read_onnx
from mgn_fast.verification.run import verify
from trained_precision import DRAWN, RANDOM, add_options, parsed, people_of, with_contract

MOST_TIMES = 3.0  # what the prediction may take of float32's time
PRECISIONS = ("origin", "float16")
BATCH = 4
LAYERS = 8


def measured(model, people, folder, rounds):
    """What float16 costs one model, and what it takes to know."""
    compiled = {
        name: compile_om(
            model, folder / f"{name}.om", simulate=True, batch_sizes=(BATCH,), precision=name
        )
        for name in PRECISIONS
    }
    simulator.enable(timing=False)
    try:
        found = verify(compiled["origin"], compiled["float16"], people)
        seconds = timed(compiled, rounds)
    finally:
        simulator.disable()
    plain = found.retrievals["plain"]
    return {
        "sha256": read_onnx(model).sha256,
        "pictures": found.num_pictures,
        "cosine_mean": found.agreement.cosine_mean,
        "cosine_min": found.agreement.cosine_min,
        "top1_agreement": found.top1_agreement,
        "mean_average_precision": {
            "float32": plain.reference.mean_average_precision,
            "float16": plain.candidate.mean_average_precision,
            "drop": plain.drop,
        },
        "median_cosine_of_different_persons": found.reference.median_cosine,
        "seconds": seconds,
        "layers": len(found.prediction.layers),
        "layers_losing_most": [
            {"name": one.name, "kind": one.kind, "error": one.error, "added": one.added}
            for one in found.prediction.losing_most(LAYERS)
        ],
    }


def timed(compiled, rounds):
    """Seconds of a batch in both precisions, by turns; the first round, which loads, is apart."""
    taken = {name: [] for name in PRECISIONS}
    cpu = {name: [] for name in PRECISIONS}
    sessions = {name: open_session(path) for name, path in compiled.items()}
    shape = (BATCH, *sessions["origin"].input_shape)
    batch = np.random.default_rng(0).standard_normal(shape, np.float32)
    for number in range(rounds + 1):
        for name, session in sessions.items():
            start, used = time.perf_counter(), time.process_time()
            session.run(batch)
            if number:
                taken[name].append(time.perf_counter() - start)
                cpu[name].append(time.process_time() - used)
    for session in sessions.values():
        session.close()
    return {
        "batch": BATCH,
        "float32": record.spread(taken["origin"]),
        "float16": record.spread(taken["float16"]),
        "ratio": ratio(taken),
        "cpu_ratio": ratio(cpu),
    }


def ratio(taken):
    """The median over the rounds of float16's seconds by float32's."""
    ratios = sorted(a / b for a, b in zip(taken["float16"], taken["origin"], strict=True))
    return ratios[len(ratios) // 2]


def headlines(figures):
    """Two lines for each model."""
    lines = []
    for model, found in figures.items():
        maps, seconds = found["mean_average_precision"], found["seconds"]
        lines += [
            record.headline(
                f"{model}: cosine of simulated float16 to float32, and mAP",
                f"{found['cosine_mean']:.6f}, at worst {found['cosine_min']:.6f}; "
                f"{maps['float16']:.4f}, float32 {maps['float32']:.4f}",
            ),
            record.headline(
                f"{model}: time of simulated float16, at most {MOST_TIMES:g} times float32's",
                record.times(seconds["ratio"]),
            ),
        ]
    return lines


def parse(words):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, persons=6, name="float16")
    parser.add_argument("--rounds", type=int, default=15, help="batches that are timed")
    return parsed(parser, words)


def main(words=None):
    """Measures every model and writes the record; 1 where a limit is missed."""
    given = parse(words)
    environment = record.environment()
    figures = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        people = people_of(given, folder)
        models = {}
        if not given.no_random:
            models[RANDOM] = export_onnx(None, folder / "random.onnx", verify=False)
        for number, (name, file) in enumerate(given.model.items()):
            target = folder / f"stated{number}.onnx"
            models[name] = with_contract(Path(file), given.contract.get(name), target)
        for name, model in models.items():
            figures[name] = measured(model, people, folder, given.rounds)
            figures[name]["contract"] = given.contract.get(name, "its own")
            print(f"{name}: {figures[name]}", flush=True)
    times = {name: found["seconds"]["ratio"] for name, found in figures.items()}
    record.write(
        given.record,
        {
            "question": __doc__.splitlines()[0],
            "simulated": "float16 by definition, on the simulator; no NPU was asked",
            "environment": environment,
            "dataset": {
                "what": given.about or DRAWN,
                "query": len(people.query),
                "gallery": len(people.gallery),
            },
            "models": figures,
            "judged": {"most_times": MOST_TIMES, "times": times},
        },
        headlines(figures),
    )
    return int(max(times.values()) > MOST_TIMES)


if __name__ == "__main__":
    raise SystemExit(main())
