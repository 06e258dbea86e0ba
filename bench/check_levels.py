# SPDX-License-Identifier: Apache-2.0
"""How many bytes do the SIMD levels write unlike plain loops, and one machine unlike another?

Each picture (noise, black and white noise, or smooth) is resized by both filters, and resized and
packed, plain and mirrored, as float32, float16 and bytes, in a layout, an order of colours and a
normalisation that are drawn as well, at every level that this CPU has. What the plain loops wrote
goes into one hash, which the record of another machine must have too: `--against` names such a
record, and a byte that differs at a level, or another hash, makes the exit code 1.

    python bench/check_levels.py [--count 20000] [--seed 0] [--against RECORD]
"""

from __future__ import annotations

import argparse
import hashlib
import sys

import numpy as np

import machines
import record
from check_resize import FILTERS, draw_picture
from mgn_fast import _core
from mgn_fast.models.contract import DEVIATION, HEIGHT, MEAN, WIDTH

# Most sides are short: what is hard for a kernel is the rest after its vectors, not the length.
SIDES = (64, 64, 64, 300)
LAYOUTS, COLOURS = ("NCHW", "NHWC"), ("RGB", "BGR")
KINDS = (np.float32, np.float16, np.uint8)


def draw_size(random):
    """Height and width."""
    return tuple(int(n) for n in random.integers(1, random.choice(SIDES, 2) + 1))


def draw_form(random):
    """Layout, colours, scale, mean and deviation; every third is MGN's normalisation.

    Of the others some have reciprocals with which not every quotient comes out right.
    """
    form = LAYOUTS[random.integers(0, 2)], COLOURS[random.integers(0, 2)]
    if random.integers(0, 3) == 0:
        return (*form, 255.0, MEAN, DEVIATION)
    scale = float(random.choice([255.0, 1.0, 256.0, 1 + random.random() * 1000]))
    deviation = random.random(3) * 10.0 ** random.integers(-6, 5) + 1e-6
    return (*form, scale, tuple(random.random(3).tolist()), tuple(deviation.tolist()))


def outputs(pixels, size, form, level):
    """All that a level writes of one picture."""
    for way in FILTERS:
        out = np.empty((*size, 3), np.uint8)
        _core.resize(pixels, out, way, level)
        yield out
    shape = (3, *size) if form[0] == "NCHW" else (*size, 3)
    for number, kind in enumerate(KINDS):
        plain, mirrored = np.empty(shape, kind), np.empty(shape, kind)
        _core.resize_pack(pixels, plain, mirrored, *form, FILTERS[number % 2], level)
        yield plain
        yield mirrored


def compare(count, seed, levels):
    """Bytes of each level, those that differ from the first level's, and the hash of the first."""
    random = np.random.default_rng(seed)
    differing, compared, digest = dict.fromkeys(levels[1:], 0), 0, hashlib.sha256()
    for index in range(count):
        pixels = draw_picture(random, *draw_size(random))
        size = (HEIGHT, WIDTH) if index % 20 == 0 else draw_size(random)
        form = draw_form(random)
        expected = b"".join(out.tobytes() for out in outputs(pixels, size, form, levels[0]))
        digest.update(expected)
        compared += len(expected)
        for level in levels[1:]:
            found = b"".join(out.tobytes() for out in outputs(pixels, size, form, level))
            if found == expected:
                continue
            different = int((np.frombuffer(found, "u1") != np.frombuffer(expected, "u1")).sum())
            differing[level] += different
            print(f"{level}: picture {index}, {pixels.shape} to {size}, {form}: {different} differ")
    return compared, differing, digest.hexdigest()


def headlines(count, compared, differing):
    """What the README says of it."""
    what = (
        f"resized and packed bytes unlike the plain loops': {count:,} random pictures, sizes and "
        f"normalisations, at {', '.join(differing)}"
    )
    figure = f"{sum(differing.values()):,} of {compared * len(differing):,}"
    return [record.headline(what, figure)] if differing else []


def main():
    """Prints and records; 1 if a byte differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    machines.add_options(parser, "levels", ("bytes_differing", "sha256"))
    arguments = parser.parse_args()
    figures = machines.begin(__doc__, arguments)
    levels = _core.simd_levels()
    compared, differing, digest = compare(arguments.count, arguments.seed, levels)
    figures |= {
        "pictures": arguments.count,
        "seed": arguments.seed,
        "bytes_each_level": compared,
        "bytes_differing": differing,
        "sha256": digest,
    }
    same, shown = True, dict(differing)
    if arguments.against:
        other = arguments.against
        same = all(other[key] == figures[key] for key in ("pictures", "seed", "sha256"))
        how = f" (emulated {other['emulated']})" if other["emulated"] else ""
        shown |= {level + how: found for level, found in other["bytes_differing"].items()}
        print(
            f"{other['machine']} and {figures['machine']}: {'the same' if same else 'OTHER'} bytes"
        )
    print(f"{arguments.count} pictures, {compared} bytes, {differing} differ, sha256 {digest}")
    record.write(arguments.name, figures, headlines(arguments.count, compared, shown))
    return int(any(differing.values()) or not same)


if __name__ == "__main__":
    sys.exit(main())
