# SPDX-License-Identifier: Apache-2.0
"""Small galleries that several tests share."""

import io
import json
import zlib

import numpy as np
import simplejpeg

from mgn_fast import Gallery
from mgn_fast.gallery.edits import Edit
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


def write_edited(path, **kinds):
    """Ten pictures in three batches; 2, 3 and 9 removed, 4 renamed, 5 labelled."""
    write_small(path, (3, 4, 3), **kinds)
    with writing(path) as writer:
        for edit in (
            Edit(removed=frozenset({2, 3})),
            Edit(renamed={4: ("new.jpg", "elsewhere")}),
            Edit(labelled={5: {"person": "ann"}}),
            Edit(removed=frozenset({9})),
        ):
            writer.append(edit.to_batch(writer.gallery.description))
    return path


def names_of(path):
    """Names of the pictures that a gallery shows, in order."""
    gallery = Gallery.load(path)
    return [gallery.name(place) for place in range(len(gallery))]


def first_schema():
    """A gallery of three pictures as the package wrote it before there were edits, by NumPy alone.

    a.jpg and b/\u00e9.jpg in "pictures", then c.jpg; float16, 3 wide, rows 0 1 2, 3 4 5, 0 1 2.
    """
    head = _array(_text(_OLD_DESCRIPTION, 632)) + _array(np.array([1.0, 2.0], "<f4"))
    head += _header(np.uint8, (2, 512))
    batches, crcs = b"", []
    for names, digits, folder, rows, size in (
        (["a.jpg", "b/\u00e9.jpg"], "01", "pictures", np.arange(6).reshape(2, 3), 256),
        (["c.jpg"], "2", "", np.arange(3).reshape(1, 3), 116),
    ):
        text = {"names": names, "sha256": [digit * 64 for digit in digits], "folder": folder}
        part = _array(_text(text, size)) + _array(rows.astype("<f2"))
        check = np.zeros(16, "<u4")
        check[0] = zlib.crc32(part)
        crcs.append(zlib.crc32(_array(check), crcs[-1] if crcs else 0))
        batches += part + _array(check)
        end = len(head) + 1024 + len(batches)
        if len(crcs) == 1:
            first = _record(1, end, 2, crcs[0], head)
    return head + _record(2, end, 3, crcs[1], head) + first + batches


_OLD_DESCRIPTION = {"schema": "mgn_fast.gallery/1", "dtype": "float16", "width": 3}
_OLD_DESCRIPTION |= {"model": "m.onnx", "model_path": None, "mirror": None}
_OLD_DESCRIPTION |= {"contract": None, "contract_origin": None}


def _text(content, size):
    return np.frombuffer(json.dumps(content).encode().ljust(size), np.uint8)


def _array(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _header(dtype, shape):
    file = io.BytesIO()
    fields = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False}
    np.lib.format.write_array_header_1_0(file, fields | {"shape": shape})
    return file.getvalue()


def _record(number, end, num_rows, crc, head):
    fields = {"number": number, "end": end, "num_rows": num_rows, "crc": crc}
    text = json.dumps(fields | {"head_crc": zlib.crc32(head)}).encode().ljust(504)
    return b"%08x" % zlib.crc32(text) + text


def write_pictures(folder, count, *, seed=0, first=0):
    """Small JPEGs of noise, all unlike: 000.jpg, 001.jpg, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    for number in range(first, first + count):
        pixels = random.integers(0, 256, (64, 32, 3), dtype=np.uint8)
        (folder / f"{number:03}.jpg").write_bytes(simplejpeg.encode_jpeg(pixels))
    return folder
