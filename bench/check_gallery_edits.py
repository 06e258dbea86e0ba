# SPDX-License-Identifier: Apache-2.0
"""Is an edit of a gallery whole or not there after kill -9, and what was removed gone?

`mgn-fast gallery` itself is run: pictures are removed, renamed and labelled, the file is compacted
and merged with another one. Each command is killed at a random moment of the time that one of its
kind takes when it is let through; then the gallery is opened, every byte of it checked, and every
name, embedding and label compared: all must be as before the command, or as after it. Whenever a
command that compacts is let through, all files beside the gallery are searched for the embeddings
and the names of what was removed before.

    python bench/check_gallery_edits.py [--kills 50] [--rows 4000]
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import record
from mgn_fast import DatasetError, Gallery

WIDTH = 512
PROGRAM = """
import sys
from mgn_fast.cli import main
import mgn_fast.cli.commands.gallery
print("ready", flush=True)
sys.exit(main(sys.argv[1:]))
"""


def start(words):
    """The command, once its imports are done."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "gallery", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if process.stdout.readline() != "ready\n":
        raise RuntimeError(process.communicate()[1])
    return process


def state_of(path):
    """{name: (embedding, labels)} of what a gallery shows, in its order."""
    gallery = Gallery.load(path)
    return {
        gallery.name(place): (gallery.embedding(place).tobytes(), gallery.label(place))
        for place in range(len(gallery))
    }


class Trial:
    """A gallery, what it should hold, and the edits that are tried on it."""

    def __init__(self, folder, rows, seed):
        self.folder, self.moments = folder, random.Random(seed)
        self.path, self.other = folder / "a.gallery", folder / "b.gallery"
        noise = np.random.default_rng(seed)
        drawn = noise.standard_normal((rows + 50, WIDTH)).astype(np.float32)
        names = [f"first/{number:06}.jpg" for number in range(rows)]
        Gallery.of(drawn[:rows], names, {name: {"person": "0"} for name in names[::3]}).save(
            self.path
        )
        Gallery.of(drawn[rows:], [f"other/{number}" for number in range(50)]).save(self.other)
        self.state, self.beside = state_of(self.path), state_of(self.other)
        self.removed = {}
        self.num_edits = 0
        self.took_s, self.kills, self.problems = {}, [], []

    def edit(self):
        """The words of a random edit, and what it makes of the state."""
        self.num_edits += 1
        kind = self.moments.choice(["remove", "erase", "rename", "label", "compact", "merge"])
        state = dict(self.state)
        if kind in ("remove", "erase"):
            names = self.moments.sample(sorted(state), 20)
            (self.folder / "names.txt").write_text("\n".join(names))
            for name in names:
                del state[name]
            words = ["remove", self.path, "--list", self.folder / "names.txt"]
            return kind, words + ["--compact"] * (kind == "erase"), state
        if kind == "rename":
            old = next(iter(state)).partition("/")[0]
            new = f"name{self.num_edits}"
            words = ["rename", self.path, f"{old}/", f"{new}/", "--prefix"]
            return kind, words, {name.replace(old, new, 1): one for name, one in state.items()}
        if kind == "label":
            names = self.moments.sample(sorted(state), 200)
            lines = [f"{name},{self.num_edits}" for name in names]
            (self.folder / "labels.csv").write_text("\n".join(["name,person", *lines]))
            for name in names:
                row, labels = state[name]
                state[name] = row, labels | {"person": str(self.num_edits)}
            return kind, ["label", self.path, "--labels", self.folder / "labels.csv"], state
        if kind == "merge":
            words = ["merge", self.path, self.other, "-o", self.folder / "c.gallery"]
            return kind, words, state
        return kind, ["compact", self.path], state

    def try_once(self, *, kill):
        """One edit, killed on request at a random moment of the time that it should take."""
        kind, words, after = self.edit()
        file = self.path.stat().st_ino
        started = time.perf_counter()
        process = start(words)
        begun = time.perf_counter()
        if kill:
            time.sleep(self.moments.uniform(0.0, self.took_s.get(kind, begun - started)))
            process.send_signal(signal.SIGKILL)
        said = process.communicate()[1]
        killed = process.returncode == -signal.SIGKILL
        if process.returncode == 0:
            self.took_s[kind] = time.perf_counter() - begun
        elif not killed:
            self.problems.append(f"{kind} failed: {said}")
        done = self._compare(kind, after, must=process.returncode == 0)
        if kind == "compact":  # which shows nothing else
            done = self.path.stat().st_ino != file
        if kill:
            self.kills.append({"edit": kind, "killed": killed, "done": done})

    def _compare(self, kind, after, *, must):
        """Whether the edit is there; what is wrong goes to the problems."""
        try:
            found = state_of(self.path)
        except DatasetError as error:
            self.problems.append(f"after {kind}: {error}")
            return False
        done = self._merged(must=must) if kind == "merge" else self._differs(found, after)
        if list(found.items()) not in (list(self.state.items()), list(after.items())):
            self.problems.append(f"{kind} is there in part")
        if must and list(found.items()) != list(after.items()):
            self.problems.append(f"{kind} that was let through is not there")
        self.removed |= {name: one[0] for name, one in self.state.items() if name not in found}
        self.removed = {name: row for name, row in self.removed.items() if name not in found}
        self.state = found
        if must and kind in ("erase", "compact"):
            self._require_erased()
        return done

    def _differs(self, found, after):
        return list(found.items()) == list(after.items()) != list(self.state.items())

    def _merged(self, *, must):
        """Whether the merged gallery is there, and whole."""
        output = self.folder / "c.gallery"
        there = output.exists()
        if there and list(state_of(output).items()) != [*self.state.items(), *self.beside.items()]:
            self.problems.append("merge is there in part")
        if must and not there:
            self.problems.append("merge that was let through is not there")
        output.unlink(missing_ok=True)
        for left in self.folder.glob(".mgn-fast-*"):
            if left.name != f".mgn-fast-{self.path.name}":
                left.unlink()  # of the merge, under a name that nobody reads
        return there

    def _require_erased(self):
        # Not those of this script, which name what was removed; hidden ones too.
        contents = [path.read_bytes() for path in self.folder.iterdir() if "gallery" in path.name]
        kept = {row for row, _ in self.state.values()}
        for name, row in self.removed.items():
            secrets = [name.encode()] + [row] * (row not in kept)
            if any(secret in content for content in contents for secret in secrets):
                self.problems.append(f"{name} is still there after compact")
        if any(self.folder.glob(".mgn-fast-*")):
            self.problems.append("compact left a file behind")
        self.removed = {}


def tried(kills, rows, folder):
    """Edits of one gallery, two of three killed, until so many were."""
    trial = Trial(folder, rows, 0)
    while len([kill for kill in trial.kills if kill["killed"]]) < kills:
        trial.try_once(kill=trial.num_edits % 3 != 0)
        if len(trial.state) < rows // 2:
            trial.problems.append("the gallery ran out of pictures before the kills did")
            break
    return trial


def headlines(kills, problems):
    """What the README says of it."""
    killed = sum(kill["killed"] for kill in kills)
    what = (
        "kill -9 of `mgn-fast gallery` removing, renaming, labelling, compacting and merging at "
        "random moments: edits that are whole or not there, and nothing removed left by compact"
    )
    return [record.headline(what, f"{max(0, killed - len(problems))} of {killed}")]


def main():
    """Kills, compares, records; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--rows", type=int, default=4000)
    arguments = parser.parse_args()
    environment = record.environment()
    with tempfile.TemporaryDirectory() as name:
        trial = tried(arguments.kills, arguments.rows, Path(name))
    figures = {
        "question": __doc__.splitlines()[0],
        "environment": environment,
        "rows": arguments.rows,
        "width": WIDTH,
        "edits": trial.num_edits,
        "took_s": trial.took_s,
        "kills": trial.kills,
        "problems": trial.problems,
    }
    for problem in trial.problems:
        print(problem)
    record.write("gallery-edits", figures, headlines(trial.kills, trial.problems))
    return int(bool(trial.problems))


if __name__ == "__main__":
    sys.exit(main())
