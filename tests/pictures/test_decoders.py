# SPDX-License-Identifier: Apache-2.0
import io

import numpy as np
import pytest

from mgn_fast import DecodeError
from mgn_fast.pictures.decoders import decode_bytes, require_size
from support.late import late

Image = late("PIL.Image")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "PPM", "WebP"])
def test_pixels_and_orientation_come_together_and_nothing_is_turned(picture, kind):
    file = io.BytesIO()
    options = {"lossless": True} if kind == "WebP" else {}
    if kind in ("JPEG", "PNG", "WebP"):
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = 8
    Image.fromarray(picture).save(file, kind, **options)
    found = decode_bytes(file.getvalue(), "a", 10_000)
    assert found.pixels.shape == picture.shape
    assert found.orientation == (8 if options.get("exif") else 1)
    assert found.is_clipped is False
    if kind != "JPEG":
        np.testing.assert_array_equal(found.pixels, picture)


def test_what_is_too_large_is_refused_by_its_claim(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    with pytest.raises(DecodeError, match="a claims 64 x 128 pixels, expected at most 8,191"):
        decode_bytes(file.getvalue(), "a", 8191)
    require_size("a", 128, 64, 8192)


def test_what_is_no_picture_is_named():
    with pytest.raises(DecodeError, match=r"a is no readable picture: it is a GIF and starts with"):
        decode_bytes(b"GIF89a...", "a", 100)
