# SPDX-License-Identifier: Apache-2.0
"""Does the package add anything to the time ONNX Runtime itself needs?

Compares, round by round in one process, on one MGN file:
  limit     a bare ONNX Runtime loop, at the fastest of several settings tried first;
  session   `session.run` on the same prepared pictures;
  embedder  `Embedder` on JPEG files: read, decode, resize, normalise, mirror, infer, fuse.
Answers are compared before anything is timed. Rates are network passes per second: a picture with
its mirror is two. Not counted: loading the model, and the first run of each.

    python bench/bench_session.py [--model mgn.onnx] [--rounds 5] [--pictures 48]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
import simplejpeg

import record
from mgn_fast import Embedder, export_onnx, open_session
from mgn_fast.datasets.scenes import draw_pictures
from mgn_fast.pictures.pixels import decode, resize_pack


def bare_session(model, threads):
    """ONNX Runtime as its documentation opens it, with that many threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def run_bare(session, batches):
    """The bare loop."""
    return np.concatenate([session.run(["features"], {"image": batch})[0] for batch in batches])


def timed(work):
    """Seconds that one call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def fastest_settings(model, prepared):
    """The fastest bare loop: threads and batch size."""
    best = None
    for threads in (0, 1, 2):
        session = bare_session(model, threads)
        for batch_size in (1, 4, 8, 16):
            batches = np.split(prepared, range(batch_size, len(prepared), batch_size))
            run_bare(session, batches[:1])
            seconds = min(timed(lambda s=session, b=batches: run_bare(s, b)) for _ in range(2))
            print(
                f"bare loop, {threads} threads, batch {batch_size}: {len(prepared) / seconds:.2f}/s"
            )
            if best is None or seconds < best[0]:
                best = (seconds, threads, batch_size)
    return {"threads": best[1], "batch_size": best[2]}


def prepare(drawings):
    """The network's input for each picture: plain, then mirrored."""
    prepared = np.empty((2 * len(drawings), 3, 384, 128), np.float32)
    for index, pixels in enumerate(drawings):
        resize_pack(pixels, prepared[2 * index])
        resize_pack(pixels, prepared[2 * index + 1], mirror=True)
    return prepared


def check_answers(session, embedder, bare, batches, prepared, paths):
    """Every way must give the same embeddings."""
    expected = run_bare(bare, batches)
    np.testing.assert_allclose(session.run(prepared), expected, atol=1e-4 * expected.max())
    fused = expected[::2] + expected[1::2]
    fused /= np.linalg.norm(fused, axis=1, keepdims=True)
    cosine = (embedder(paths) * fused).sum(1)
    assert cosine.min() >= 0.999999, cosine.min()


def main():
    """Runs the comparison and writes its record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=48)
    arguments = parser.parse_args()
    environment = record.environment()
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model or export_onnx(None, Path(folder) / "mgn.onnx", verify=False)
        paths = []
        for index, pixels in enumerate(draw_pictures(arguments.pictures, seed=0)):
            paths.append(Path(folder) / f"{index}.jpg")
            paths[-1].write_bytes(simplejpeg.encode_jpeg(pixels, quality=90))
        prepared = prepare([decode(path) for path in paths])
        settings = fastest_settings(model, prepared)
        size = settings["batch_size"]
        batches = np.split(prepared, range(size, len(prepared), size))
        bare = bare_session(model, settings["threads"])
        with open_session(model) as session, Embedder(model) as embedder:
            check_answers(session, embedder, bare, batches, prepared, paths)
            work = {
                "limit": lambda: run_bare(bare, batches),
                "session": lambda: session.run(prepared),
                "embedder": lambda: embedder(paths),
            }
            seconds = {name: [] for name in work}
            for _ in range(arguments.rounds):
                for name, call in work.items():
                    seconds[name].append(timed(call))
    report(environment, settings, seconds, len(prepared))


def headlines(ratios):
    """What the README says of it."""
    rival = "against a bare ONNX Runtime loop at its best settings"
    return [
        record.headline(f"`session.run` {rival}", f"{ratios['session']:.2f} of its rate"),
        record.headline(
            f"`Embedder`, from JPEG files, {rival}", f"{ratios['embedder']:.2f} of its rate"
        ),
    ]


def report(environment, settings, seconds, passes):
    """Prints and writes the ratios: medians over rounds of this way against the limit beside it."""
    ratios = {
        name: float(np.median(np.divide(seconds["limit"], values)))
        for name, values in seconds.items()
    }
    for name, values in seconds.items():
        rate = passes / np.median(values)
        print(f"{name:9} {rate:7.2f} passes/s, {ratios[name]:.3f} of the bare loop")
    record.write(
        "session",
        {
            "question": __doc__.splitlines()[0],
            "environment": environment,
            "bare_settings": settings,
            "passes": passes,
            "seconds": {name: record.spread(values) for name, values in seconds.items()},
            "ratio_to_limit": ratios,
            "judged": {
                "session >= 0.97": ratios["session"],
                "embedder >= 0.95": ratios["embedder"],
            },
        },
        headlines(ratios),
    )


if __name__ == "__main__":
    main()
