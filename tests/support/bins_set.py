# SPDX-License-Identifier: Apache-2.0
"""A dataset of names alone, and a tool's outputs of it: reading them needs no pictures."""

from pathlib import Path

import numpy as np

from mgn_fast import Identities
from mgn_fast.datasets.dataset import Dataset, Split
from support.tool_outputs import folders, write_part

COUNTS = {"query": 3, "gallery": 5}


def split_of(count, *, folder="nowhere"):
    """Pictures of one person by one camera each."""
    numbers = np.arange(count)
    paths = tuple(Path(folder) / f"{index:05d}.jpg" for index in numbers)
    return Split(paths, Identities(person=numbers % 2 + 1, camera=numbers % 3 + 1))


def named_set(query=COUNTS["query"], gallery=COUNTS["gallery"]):
    """The dataset."""
    return Dataset(Path("nowhere"), "synthetic", split_of(query), split_of(gallery), 0, 0)


def rows_of_runs(seed=0, dtype=np.float32):
    """What a model might give for plain query, plain gallery, mirrored query, mirrored gallery."""
    random = np.random.default_rng(seed)
    counts = (*COUNTS.values(), *COUNTS.values())
    return [np.abs(random.standard_normal((count, 2048))).astype(dtype) for count in counts]


def write_results(result, tool, suffix, rows, **options):
    """A tool's outputs with these rows; the runs' directories."""
    places = folders(tool, result)
    for place, run in zip(places, rows, strict=True):
        place.mkdir(parents=True)
        write_part(tool, suffix, place, run, **options)
    return places


def tensors(out):
    """Every tensor below, by its path; that there are no others is part of what is tested."""
    return {str(path.relative_to(out)): path for path in sorted(out.glob("bin_data*/*/*"))}


def state(out):
    """When each was written."""
    return {name: path.stat().st_mtime_ns for name, path in tensors(out).items()}


def rewritten(before, after):
    """Those that one state has and the other has not, or not so."""
    return {name for name in after if after[name] != before.get(name)}
