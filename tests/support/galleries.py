# SPDX-License-Identifier: Apache-2.0
"""Small galleries that several tests share."""

import numpy as np
import simplejpeg

from mgn_fast.gallery.file import Batch
from mgn_fast.gallery.model import described
from mgn_fast.gallery.writer import writing

NO_PROBE = np.empty(0, np.float32)


def batch(first, count, *, width=4, dtype="float32", folder="pictures", labels=()):
    """Pictures `first` to `first + count - 1`: row r holds r, r + 0.25, r + 0.5, ..."""
    rows = (np.arange(first, first + count)[:, None] + np.arange(width) / 4).astype(dtype)
    names = [f"{number}.jpg" for number in range(first, first + count)]
    return Batch.of(
        rows, names, [f"{number:064x}" for number in range(first, first + count)], folder, labels
    )


def write_small(path, counts=(3, 2), *, width=4, dtype="float32"):
    """A gallery of such batches, one after another."""
    with writing(path, described(dtype, width), NO_PROBE) as writer:
        first = 0
        for count in counts:
            writer.append(batch(first, count, width=width, dtype=dtype))
            first += count
    return path


def write_pictures(folder, count, *, seed=0, first=0):
    """Small JPEGs of noise, all unlike: 000.jpg, 001.jpg, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    for number in range(first, first + count):
        pixels = random.integers(0, 256, (64, 32, 3), dtype=np.uint8)
        (folder / f"{number:03}.jpg").write_bytes(simplejpeg.encode_jpeg(pixels))
    return folder
