# SPDX-License-Identifier: Apache-2.0
"""Any bytes through what the Embedder does with a picture: decode, resize, pack plain and mirrored.

Only a DecodeError may come out. The same bytes are also taken as a picture of any size and resized
at every SIMD level. Needs atheris (`pip install atheris`):

    python fuzz/fuzz_decode.py --seeds corpus/             # once: pictures of every kind
    python fuzz/fuzz_decode.py corpus/ -runs=1000000 -max_len=8192
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(
    include=["mgn_fast.pictures.headers", "mgn_fast.pictures.pixels", "simplejpeg"]
):
    from mgn_fast import DecodeError, _core
from mgn_fast.pictures.pixels import decode, resize_pack

# Small enough that a run is quick; the check itself is the same at any number.
MAX_PIXELS = 1 << 16
PLAIN, MIRRORED = np.empty((2, 3, 384, 128), np.float32)


def try_sizes(data: bytes) -> None:
    """The bytes as two sizes and a picture: every level must give the same resized bytes."""
    if len(data) < 5:
        return
    height, width, out_height, out_width = (1 + byte for byte in data[:4])
    pixels = np.resize(np.frombuffer(data, np.uint8, offset=4), (height, width, 3))
    for way in ("bicubic", "bilinear"):
        first = None
        for level in _core.simd_levels():
            out = np.empty((out_height, out_width, 3), np.uint8)
            _core.resize(pixels, out, way, level)
            first = out if first is None else first
            assert np.array_equal(out, first), (way, level, pixels.shape, out.shape)


def try_bytes(data: bytes) -> None:
    """One execution."""
    try_sizes(data)
    try:
        pixels = decode(data, max_pixels=MAX_PIXELS)
    except DecodeError:
        return
    assert pixels.dtype == np.uint8
    assert pixels.shape[0] * pixels.shape[1] <= MAX_PIXELS
    resize_pack(pixels, PLAIN)
    resize_pack(pixels, MIRRORED, mirror=True)
    assert np.isfinite(PLAIN).all()
    assert np.array_equal(PLAIN, MIRRORED[..., ::-1])


def write_seeds(folder: Path) -> None:
    """Small pictures of every format and mode that the decoders have code for."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 256, (12, 9, 4), dtype=np.uint8)
    kinds = {
        "jpg": [("RGB", {}), ("L", {}), ("CMYK", {}), ("RGB", {"progressive": True}),
                ("RGB", {"subsampling": 0}), ("RGB", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"})],
        "png": [("RGB", {}), ("L", {}), ("P", {}), ("RGBA", {}), ("1", {}), ("I;16", {})],
        "bmp": [("RGB", {}), ("L", {}), ("P", {}), ("1", {})],
        "ppm": [("RGB", {}), ("L", {})],
        "webp": [("RGB", {}), ("RGBA", {"lossless": True})],
    }  # fmt: skip
    for suffix, modes in kinds.items():
        for index, (mode, options) in enumerate(modes):
            file = io.BytesIO()
            Image.fromarray(noise, "RGBA").convert("RGB").convert(mode).save(
                file, "jpeg" if suffix == "jpg" else suffix, **options
            )
            (folder / f"{index}.{suffix}").write_bytes(file.getvalue())


def main() -> None:
    """Writes seeds, or fuzzes."""
    if sys.argv[1:2] == ["--seeds"]:
        write_seeds(Path(sys.argv[2]))
        return
    atheris.Setup(sys.argv, try_bytes)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
