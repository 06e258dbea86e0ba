# SPDX-License-Identifier: Apache-2.0
"""How far is a picture's way to the network's input from decoding alone?

From JPEG bytes (64 x 128, quality 90) in memory to tensors in a ring of batch slots larger than the
cache, plain or plain and mirrored, on one core and on all, at 384 x 128 by Pillow's bicubic:
  recipe    Pillow decodes and resizes, torch scales, normalises and mirrors, as torchvision does;
  numpy     the same with NumPy in torch's place;
  opencv    OpenCV decodes and resizes (other pixels than the recipe's), NumPy does the rest;
  ours      decode, then one native call, to float32, float16 and uint8;
  limit     decode alone, plus a memset of the bytes that are written.
The recipe's way and ours also for other networks, at 256 x 128 by Pillow's bicubic and bilinear,
and there also from pixels, without decoding.
Answers are compared before anything is timed. Not counted: reading files, and the copy to a device.

    python bench/bench_preprocess.py [--pictures 600] [--rounds 5]
"""

from __future__ import annotations

import argparse
import io
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
import numpy as np
import simplejpeg
import torch
from PIL import Image

import record
from mgn_fast import _core
from mgn_fast.common.threads import thread_count
from mgn_fast.datasets.scenes import draw_pictures
from mgn_fast.models import contract
from mgn_fast.pictures.pixels import decode

SLOTS = 64
DTYPES = ("float32", "float16", "uint8")
MEAN, DEVIATION = np.float32(contract.MEAN), np.float32(contract.DEVIATION)
SIZE = (contract.WIDTH, contract.HEIGHT)
OTHERS = {"256x128 bicubic": "bicubic", "256x128 bilinear": "bilinear"}
OTHERS_HEIGHT = 256


def recipe(data, plain, mirrored, *, way="bicubic"):
    """Pillow and torch: the operations of torchvision's Resize, ToTensor and Normalize, and the
    recipe's own way to mirror, an index along the width. `data` may be pixels."""
    coded = isinstance(data, bytes)
    picture = Image.open(io.BytesIO(data)).convert("RGB") if coded else Image.fromarray(data)
    picture = picture.resize(plain.shape[:0:-1], Image.Resampling[way.upper()])
    bytes_ = torch.from_numpy(np.array(picture, np.uint8, copy=True))
    planes = bytes_.permute(2, 0, 1).contiguous().to(torch.float32).div(255).clone()
    mean, deviation = torch.as_tensor(contract.MEAN), torch.as_tensor(contract.DEVIATION)
    planes.sub_(mean.view(-1, 1, 1)).div_(deviation.view(-1, 1, 1))
    torch.from_numpy(plain).copy_(planes)
    if mirrored is not None:
        backwards = torch.arange(contract.WIDTH - 1, -1, -1).long()
        torch.from_numpy(mirrored).copy_(planes.index_select(2, backwards))


def with_numpy(data, plain, mirrored):
    """Pillow and NumPy."""
    picture = Image.open(io.BytesIO(data)).convert("RGB").resize(SIZE, Image.Resampling.BICUBIC)
    _normalise(np.asarray(picture), plain, mirrored)


def with_opencv(data, plain, mirrored):
    """OpenCV and NumPy."""
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    resized = cv2.resize(bgr, SIZE, interpolation=cv2.INTER_CUBIC)
    _normalise(resized[..., ::-1], plain, mirrored)


def _normalise(pixels, plain, mirrored):
    plain[:] = ((pixels.astype(np.float32) / np.float32(255) - MEAN) / DEVIATION).transpose(2, 0, 1)
    if mirrored is not None:
        mirrored[:] = plain[..., ::-1]


def ours(data, plain, mirrored, *, way="bicubic"):
    """This package; `data` may be pixels."""
    layout = "NHWC" if plain.dtype == np.uint8 else "NCHW"
    form = (layout, "RGB", 255.0, contract.MEAN, contract.DEVIATION)
    _core.resize_pack(decode(data), plain, mirrored, *form, way)


def slots_of(dtype, height=contract.HEIGHT):
    """A ring of inputs, plain and mirrored, each starting at a cache line."""
    size = (height, contract.WIDTH)
    shape = (*size, 3) if dtype == np.uint8 else (3, *size)
    one = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(2 * SLOTS * one + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + 2 * SLOTS * one].view(dtype).reshape(2, SLOTS, *shape)


def run_ring(way, data, ring, *, both):
    """All pictures through one way, slot after slot."""
    plain, mirrored = ring
    for index, one in enumerate(data):
        slot = index % SLOTS
        way(one, plain[slot], mirrored[slot] if both else None)


def run_limit(data, ring, *, both):
    """Decode alone, and a memset of the bytes that would be written."""
    for index, one in enumerate(data):
        simplejpeg.decode_jpeg(one)
        for kind in range(2 if both else 1):
            ring[kind][index % SLOTS].reshape(-1).view(np.uint8).fill(index & 1)


def check_answers(data):
    """Ours equals the recipe to the bit; OpenCV's pixels differ, which is why we do not use it."""
    for one in data[:50]:
        want, got = np.empty((2, 2, 3, contract.HEIGHT, contract.WIDTH), np.float32)
        recipe(one, *want)
        ours(one, *got)
        np.testing.assert_array_equal(got, want)
        half = np.empty((2, 3, contract.HEIGHT, contract.WIDTH), np.float16)
        ours(one, *half)
        np.testing.assert_array_equal(half, want.astype(np.float16))
        for way in OTHERS.values():
            want, got = np.empty((2, 2, 3, OTHERS_HEIGHT, contract.WIDTH), np.float32)
            recipe(one, *want, way=way)
            ours(decode(one), *got, way=way)
            np.testing.assert_array_equal(got, want)


def cases():
    """Name, way, dtype, whether mirrored too."""
    yield "recipe, float32 both", recipe, "float32", True
    yield "numpy, float32 both", with_numpy, "float32", True
    yield "opencv, float32 both", with_opencv, "float32", True
    for dtype in DTYPES:
        yield f"ours, {dtype} plain", ours, dtype, False
        yield f"ours, {dtype} both", ours, dtype, True


def measure(data, rounds, threads):
    """Microseconds per picture of every case and its limit, round by round."""
    rings = {d: [slots_of(np.dtype(d)) for _ in range(threads)] for d in DTYPES}
    rings["others"] = [slots_of(np.dtype(np.float32), OTHERS_HEIGHT) for _ in range(threads)]
    shares = [data[i::threads] for i in range(threads)]
    decoded = [[decode(one) for one in share] for share in shares]
    times = {}
    with ThreadPoolExecutor(threads) as pool:

        def timed(name, work, ring, given=shares):
            started = time.perf_counter()
            list(pool.map(work, given, rings[ring]))
            microseconds = 1e6 * (time.perf_counter() - started) / len(data)
            times.setdefault(name, []).append(microseconds)

        for _ in range(rounds):
            for name, way, dtype, both in cases():
                timed(name, partial(run_ring, way, both=both), dtype)
            for dtype in DTYPES:
                for both in (False, True):
                    name = f"limit, {dtype} {'both' if both else 'plain'}"
                    timed(name, partial(run_limit, both=both), dtype)
            for name, way in OTHERS.items():
                for who in (recipe, ours):
                    run = partial(run_ring, partial(who, way=way), both=True)
                    timed(f"{who.__name__}, {name}", run, "others")
                    timed(f"{who.__name__}, {name}, from pixels", run, "others", decoded)
    return times


def ratio(times, above, below):
    """Median over the rounds of one way's time against another's in the same round."""
    return float(np.median(np.divide(times[above], times[below])))


def headlines(one):
    """What the README says of it, from the times on one core."""
    ours = "ours, float32 both"
    times = record.times(ratio(one, "recipe, float32 both", ours))
    share = ratio(one, ours, "limit, float32 both")
    what = "JPEG to plain and mirrored float32 input, one core, against"
    others = [
        record.times(ratio(one, f"recipe, {name}, from pixels", f"ours, {name}, from pixels"))
        for name in OTHERS
    ]
    return [
        record.headline(f"{what} Pillow and torch", times),
        record.headline(f"{what} decoding and a memset alone", f"{share:.2f} of its time"),
        record.headline(
            "pixels to plain and mirrored float32 input of 256 x 128, one core, against Pillow and "
            "torch: bicubic, bilinear",
            ", ".join(others),
        ),
    ]


def main():
    """Runs the comparison and writes its record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    environment = record.environment()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    data = [
        simplejpeg.encode_jpeg(pixels, quality=90, colorsubsampling="420")
        for pixels in draw_pictures(arguments.pictures, seed=0)
    ]
    check_answers(data)
    threads = thread_count()
    one = measure(data, arguments.rounds, 1)
    every = measure(data, arguments.rounds, threads)
    for name in one:
        medians = np.median(one[name]), np.median(every[name])
        print(f"{name:38} {medians[0]:8.1f} us, {threads} cores {medians[1]:8.1f} us")
    judged = {
        "float32 both: recipe / ours >= 9": ratio(
            one, "recipe, float32 both", "ours, float32 both"
        ),
        "uint8 both: recipe / ours >= 11": ratio(one, "recipe, float32 both", "ours, uint8 both"),
        "float32 both: ours / limit <= 1.75": ratio(
            one, "ours, float32 both", "limit, float32 both"
        ),
        "float16 both: ours / limit <= 1.75": ratio(
            one, "ours, float16 both", "limit, float16 both"
        ),
        "uint8 plain: ours / limit <= 1.75": ratio(one, "ours, uint8 plain", "limit, uint8 plain"),
    }
    for name in OTHERS:
        for given in ("", ", from pixels"):
            key = f"{name}{given}: recipe / ours >= {'8' if given else '6'}"
            judged[key] = ratio(one, f"recipe, {name}{given}", f"ours, {name}{given}")
    for name in ("ours, uint8 plain", "ours, float32 both", "limit, float32 both"):
        judged[f"{name}: one core / {threads} cores >= 1.9"] = float(
            np.median(one[name]) / np.median(every[name])
        )
    for line, value in judged.items():
        print(f"{line:45} {value:6.2f}")
    summary = {
        name: {
            "one_core_us": float(np.median(one[name])),
            "all_cores_us": float(np.median(every[name])),
        }
        for name in one
    }
    record.write(
        "preprocess",
        {
            "question": __doc__.splitlines()[0],
            "environment": environment,
            "pictures": len(data),
            "threads": threads,
            "median_per_picture": summary,
            "rounds": {"one_core_us": one, "all_cores_us": every},
            "judged": judged,
        },
        headlines(one),
    )


if __name__ == "__main__":
    main()
