# SPDX-License-Identifier: Apache-2.0
"""Does a gallery survive kill -9 at any moment of embedding and of adding to it?

The command itself is run, with a small model and small batches so that many of them are committed
in little time, and killed after a random one; then the gallery is opened and compared: every
batch must be there whole or not at all, with the right embeddings, and nothing that was committed
may be gone. The next run goes on from there. Where a run is let through, it must embed exactly what
was missing. Every other gallery is added to afterwards, killed again.

    python bench/check_kills.py [--kills 50] [--pictures 240]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

import record
from mgn_fast import DatasetError, Embedder, Gallery

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from support.tiny_model import write_tiny_model

COMMIT_ROWS = 16
PROGRAM = f"""
import sys
from mgn_fast.cli import main
from mgn_fast.gallery import build
build.COMMIT_ROWS, build.COMMIT_S = {COMMIT_ROWS}, 0.05
print("ready", flush=True)
sys.exit(main(sys.argv[1:]))
"""


def draw(folder, first, count, seed):
    """Pictures of noise, all unlike."""
    folder.mkdir(exist_ok=True)
    noise = np.random.default_rng([seed, first])
    for number in range(first, first + count):
        pixels = noise.integers(0, 256, (128, 64, 3), dtype=np.uint8)
        (folder / f"{number:05}.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())


def expected_rows(model, folder):
    """The embedding of every picture, by its file's SHA-256."""
    paths = sorted(folder.iterdir())
    with Embedder(model) as embedder:
        rows = embedder(paths)
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    return dict(zip(digests, rows, strict=True))


def start(folder, model, gallery):
    """The command, once its imports are done."""
    words = ["embed", folder, "--model", model, "-o", gallery, "--json", "--batch-size", "4"]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if process.stdout.readline() != "ready\n":
        raise RuntimeError(process.communicate()[1])
    return process


def problems_of(gallery, rows, held):
    """What is wrong with the gallery, in words, and which pictures it holds."""
    if not gallery.exists():
        return (["it is gone"] if held else []), set()
    try:
        found = Gallery.load(gallery)
    except DatasetError as error:
        return [str(error)], held
    digests = [found.sha256(place) for place in range(len(found))]
    wrong = [
        found.name(place)
        for place, digest in enumerate(digests)
        if not np.allclose(found.embedding(place), rows[digest], atol=1e-5)
    ]
    problems = [f"wrong embeddings of {wrong[:3]}"] if wrong else []
    if len(set(digests)) < len(digests):
        problems.append("a picture is there twice")
    if not held <= set(digests):
        problems.append(f"{len(held - set(digests))} committed pictures are gone")
    return problems, set(digests)


class Trial:
    """One gallery, filled by runs that are killed until one is let through."""

    def __init__(self, folder, model, gallery, moments):
        self.folder, self.model, self.gallery, self.moments = folder, model, gallery, moments
        self.rows = expected_rows(model, folder)
        self.held = set()
        self.problems, self.kills, self.finished = [], [], 0

    def kill(self, times, horizon_s):
        """Runs that are killed at a random moment, as long as there is something left to embed."""
        for _ in range(times):
            if len(self.held) < len(self.rows):
                self._kill_once(horizon_s)

    def _kill_once(self, horizon_s):
        process = start(self.folder, self.model, self.gallery)
        moment = self.moments.uniform(0.0, horizon_s)
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        before = len(self.held)
        wrong, self.held = problems_of(self.gallery, self.rows, self.held)
        self.problems += wrong
        killed = process.returncode == -signal.SIGKILL
        self.kills.append({"after_s": moment, "killed": killed, "added": len(self.held) - before})

    def finish(self):
        """A run that is let through: it must embed what is missing, and nothing else."""
        out, err = start(self.folder, self.model, self.gallery).communicate()
        summary = json.loads(out) if out else {}
        missing = len(self.rows) - len(self.held)
        if summary.get("num_added") != missing:
            self.problems.append(f"{missing} pictures were missing, but: {out or err}")
        wrong, self.held = problems_of(self.gallery, self.rows, self.held)
        self.problems += wrong
        if self.held != set(self.rows):
            self.problems.append("the finished gallery is not complete")
        self.finished += 1


def tried(kills, pictures, folder):
    """Kills spread over as many galleries as they fill."""
    model = write_tiny_model(folder / "tiny.onnx")
    moments = random.Random(0)
    done, problems, number = [], [], 0
    while len([kill for kill in done if kill["killed"]]) < kills:
        number += 1
        part = folder / f"pictures{number}"
        draw(part, 0, pictures, number)
        gallery = folder / f"{number}.gallery"
        started = time.perf_counter()
        whole = start(part, model, folder / f"{number}-whole.gallery")
        whole.communicate()
        horizon_s = 0.6 * (time.perf_counter() - started)
        trial = Trial(part, model, gallery, moments)
        trial.kill(5, horizon_s)
        trial.finish()
        if number % 2 == 0:
            draw(part, pictures, pictures // 2, number)
            trial.rows = expected_rows(model, part)
            trial.kill(3, horizon_s / 2)
            trial.finish()
        done += trial.kills
        problems += trial.problems
    return done, problems, number


def headlines(kills, problems):
    """What the README says of it."""
    killed = sum(kill["killed"] for kill in kills)
    what = (
        "kill -9 of `embed -o NAME.gallery` at random moments: galleries that open with every "
        "committed picture, no part of a batch, and nothing to embed again"
    )
    return [record.headline(what, f"{killed - len(problems)} of {killed}")]


def main():
    """Kills, compares, records; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--pictures", type=int, default=240)
    arguments = parser.parse_args()
    environment = record.environment()
    with tempfile.TemporaryDirectory() as name:
        kills, problems, galleries = tried(arguments.kills, arguments.pictures, Path(name))
    figures = {
        "question": __doc__.splitlines()[0],
        "environment": environment,
        "pictures": arguments.pictures,
        "rows_per_commit": COMMIT_ROWS,
        "galleries": galleries,
        "kills": kills,
        "problems": problems,
    }
    for problem in problems:
        print(problem)
    record.write("kills", figures, headlines(kills, problems))
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
