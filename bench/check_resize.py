# SPDX-License-Identifier: Apache-2.0
"""How many bytes differ from Pillow's, over random pictures and sizes?

Each picture (noise, black and white noise, or smooth) is resized by Pillow's bicubic and bilinear
filters with every set of kernels that this CPU has and by Pillow, rows and columns in calls of
their own; where Pillow's one call agrees with its two, as it does in every version up to 12.1, ours
is compared with that as well. Every fourth picture goes to the network's 384 x 128. The exit code
says whether a byte differed.

    python bench/check_resize.py [--count 20000] [--seed 0]
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import PIL
from PIL import Image

import record
from mgn_fast import _core
from mgn_fast.models.contract import HEIGHT, WIDTH

# Beyond it a side is one of few: extreme aspect ratios without pictures of a million pixels.
USUAL = 200
LONG = 3000
FILTERS = ("bicubic", "bilinear")


def draw_size(random):
    """Mostly ordinary, sometimes one pixel or thousands on one side."""
    height, width = (int(n) for n in random.integers(1, USUAL + 1, 2))
    turn = random.integers(0, 20)
    if turn == 0:
        height, width = int(random.integers(1, LONG)), int(random.integers(1, 8))
    elif turn == 1:
        height, width = int(random.integers(1, 8)), int(random.integers(1, LONG))
    return height, width


def draw_picture(random, height, width):
    """Noise, black and white noise or a smooth picture."""
    turn = random.integers(0, 3)
    if turn == 0:
        return random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    if turn == 1:
        return (random.integers(0, 2, (height, width, 3)) * 255).astype(np.uint8)
    small = random.integers(0, 256, (max(height // 8, 1), max(width // 8, 1), 3), dtype=np.uint8)
    # By ourselves, so that the pictures are the same wherever the check runs.
    smooth = np.empty((height, width, 3), np.uint8)
    _core.resize(small, smooth, "bilinear", "scalar")
    return smooth


def by_pillow(pixels, height, width, way):
    """The result, and whether Pillow's one call gives it too."""
    picture, filter_ = Image.fromarray(pixels), Image.Resampling[way.upper()]
    rows_done = picture.resize((width, pixels.shape[0]), filter_)
    two_calls = np.asarray(rows_done.resize((width, height), filter_))
    one_call = np.asarray(picture.resize((width, height), filter_))
    return two_calls, bool((two_calls == one_call).all())


def headlines(count, compared, differing):
    """What the README says of it."""
    levels = ", ".join(differing)
    what = (
        f"resized bytes unlike Pillow's: {count:,} random pictures and sizes, by its bicubic and "
        f"its bilinear, at {levels}"
    )
    return [record.headline(what, f"{sum(differing.values()):,} of {compared * len(differing):,}")]


def main():
    """Prints the counts and writes the record; 1 if a byte differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    environment = record.environment()
    random = np.random.default_rng(arguments.seed)
    levels = _core.simd_levels()
    differing = {way: dict.fromkeys(levels, 0) for way in FILTERS}
    compared, one_call_agrees = dict.fromkeys(FILTERS, 0), dict.fromkeys(FILTERS, 0)
    for index in range(arguments.count):
        size = draw_size(random)
        to = (HEIGHT, WIDTH) if index % 4 == 0 else draw_size(random)
        pixels = draw_picture(random, *size)
        for way in FILTERS:
            expected, agrees = by_pillow(pixels, *to, way)
            one_call_agrees[way] += agrees
            compared[way] += expected.size
            for level in levels:
                out = np.empty_like(expected)
                _core.resize(pixels, out, way, level)
                different = int((out != expected).sum())
                differing[way][level] += different
                if different:
                    print(f"{way}, {level}: picture {index}, {size} to {to}: {different} differ")
    print(f"Pillow {PIL.__version__}: {arguments.count} pictures, {compared} bytes each level")
    print(f"its one call equals its two passes for {one_call_agrees} pictures")
    for way, counts in differing.items():
        for level, count in counts.items():
            print(f"{way}, {level}: {count} bytes differ")
    of_levels = {level: sum(differing[way][level] for way in FILTERS) for level in levels}
    figures = {
        "question": __doc__.splitlines()[0],
        "environment": environment,
        "pictures": arguments.count,
        "seed": arguments.seed,
        "bytes_each_level": compared,
        "bytes_differing": differing,
        "pictures_where_pillows_one_call_equals_its_two": one_call_agrees,
    }
    record.write("resize", figures, headlines(arguments.count, sum(compared.values()), of_levels))
    return int(any(of_levels.values()))


if __name__ == "__main__":
    sys.exit(main())
