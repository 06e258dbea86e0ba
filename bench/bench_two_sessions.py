# SPDX-License-Identifier: Apache-2.0
"""Do two sessions in one process, used in turn, slow each other down?

ONNX Runtime's threads spin for a while after a run; an idle session's would take cores from the
other. Compares, round by round, one session used alone, two used in turn, and two bare ones with
ONNX Runtime's defaults used in turn. Both of ours get all cores for one lane, where spinning shows.

    python bench/bench_two_sessions.py [--model mgn.onnx] [--rounds 7]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

import record
from mgn_fast import export_onnx, open_session

CALLS = 8


def timed(calls, image):
    """Seconds for CALLS runs of one picture, the sessions taking turns."""
    started = time.perf_counter()
    for index in range(CALLS):
        calls[index % len(calls)](image)
    return time.perf_counter() - started


def headlines(ratios):
    """What the README says of it."""
    return [
        record.headline(
            "two sessions used in turn, against one alone",
            f"{ratios['ours']:.2f} of its rate (bare ONNX Runtime: {ratios['bare']:.2f})",
        )
    ]


def main():
    """Runs the comparison and writes its record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    environment = record.environment()
    image = np.random.default_rng(0).standard_normal((1, 3, 384, 128), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model or export_onnx(None, Path(folder) / "mgn.onnx", verify=False)
        with open_session(model, lanes=1) as first, open_session(model, lanes=1) as second:
            bare = [
                onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
                for _ in range(2)
            ]
            runs = [lambda x, s=s: s.run(["features"], {"image": x})[0] for s in bare]
            np.testing.assert_allclose(first.run(image), runs[0](image), rtol=1e-3, atol=1e-3)
            work = {
                "bare, alone": runs[:1],
                "bare, in turn": runs,
                "ours, alone": [first.run],
                "ours, in turn": [first.run, second.run],
            }
            seconds = {name: [] for name in work}
            for calls in work.values():
                timed(calls, image)
            for _ in range(arguments.rounds):
                for name, calls in work.items():
                    seconds[name].append(timed(calls, image))
    ratios = {
        who: float(np.median(np.divide(seconds[f"{who}, alone"], seconds[f"{who}, in turn"])))
        for who in ("bare", "ours")
    }
    for name, values in seconds.items():
        print(f"{name:14} {CALLS / np.median(values):6.2f} pictures/s")
    print(f"in turn / alone: bare {ratios['bare']:.3f}, ours {ratios['ours']:.3f}")
    figures = {
        "question": __doc__.splitlines()[0],
        "environment": environment,
        "seconds": {name: record.spread(values) for name, values in seconds.items()},
        "in_turn_to_alone": ratios,
        "judged": {"ours >= 0.97": ratios["ours"]},
    }
    record.write("two-sessions", figures, headlines(ratios))


if __name__ == "__main__":
    main()
