# SPDX-License-Identifier: Apache-2.0
import io

import numpy as np
import pytest

from mgn_fast.pictures.orientation import orientation_in, upright
from mgn_fast.pictures.pixels import decode
from support.late import late

Image = late("PIL.Image")
ImageOps = late("PIL.ImageOps")

TAG = 0x0112


def saved(pixels, kind, orientation=None, **options):
    """A picture's file as Pillow writes it, with other entries around the orientation."""
    file = io.BytesIO()
    if orientation is not None:
        exif = Image.Exif()
        exif[0x010F], exif[TAG], exif[0x0132] = "a maker", orientation, "2026:01:01 00:00:00"
        options["exif"] = exif
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def pixels(random):
    return random.integers(0, 256, (21, 34, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP"])
@pytest.mark.parametrize("orientation", [*range(1, 9), None])
def test_a_picture_is_turned_as_pillow_turns_it(pixels, kind, orientation):
    options = {"lossless": True} if kind == "WebP" else {}
    data = saved(pixels, kind, orientation, **options)
    assert orientation_in(data) == (orientation or 1)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    np.testing.assert_array_equal(decode(data, exif="apply"), expected)
    stored = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(decode(data), stored)


# A picture of 2 x 3 pixels, numbered row by row, worked by hand from EXIF's table.
TURNED = {
    1: [[0, 1, 2], [3, 4, 5]],
    2: [[2, 1, 0], [5, 4, 3]],
    3: [[5, 4, 3], [2, 1, 0]],
    4: [[3, 4, 5], [0, 1, 2]],
    5: [[0, 3], [1, 4], [2, 5]],
    6: [[3, 0], [4, 1], [5, 2]],
    7: [[5, 2], [4, 1], [3, 0]],
    8: [[2, 5], [1, 4], [0, 3]],
    9: [[0, 1, 2], [3, 4, 5]],
}


@pytest.mark.parametrize(("orientation", "expected"), TURNED.items())
def test_turning_worked_by_hand(orientation, expected):
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3, 1).repeat(3, axis=2)
    turned = upright(pixels, orientation)
    np.testing.assert_array_equal(turned[..., 0], expected)
    assert turned.flags.c_contiguous


def tiff(order, *entries, offset=8):
    """TIFF's header and a directory of (tag, type, count, value bytes)."""
    start = b"II*\0" if order == "little" else b"MM\0*"
    content = start + offset.to_bytes(4, order) + bytes(offset - 8)
    content += len(entries).to_bytes(2, order)
    for tag, kind, count, value in entries:
        content += tag.to_bytes(2, order) + kind.to_bytes(2, order) + count.to_bytes(4, order)
        content += value.ljust(4, b"\0")
    return content + bytes(4)


def jpeg_with(exif, before=b""):
    segment = b"Exif\0\0" + exif
    return b"\xff\xd8" + before + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize(("kind", "size"), [(1, 1), (3, 2), (4, 4)])
def test_both_orders_and_all_whole_types_are_read(order, kind, size):
    entry = (TAG, kind, 1, (6).to_bytes(size, order))
    assert orientation_in(jpeg_with(tiff(order, entry))) == 6
    assert orientation_in(jpeg_with(tiff(order, (1, 3, 1, b"ab"), entry, offset=30))) == 6


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"II*\0",
        b"XX*\0" + bytes(30),
        tiff("little", (TAG, 3, 1, b"\x06"), offset=8)[:14],  # cut
        tiff("little")[:8],
        b"II*\0\xff\xff\xff\xff" + bytes(30),  # beyond the end
        b"II*\0\x00\x00\x00\x00",  # the header as a directory
        b"II*\0\x08\0\0\0\xff\xff" + bytes(24),  # more entries than there are
        tiff("little", (TAG, 3, 2, b"\x06")),  # two values
        tiff("little", (TAG, 2, 1, b"\x06")),  # a text
        tiff("little", (TAG, 3, 1, b"\x09")),  # no such orientation
        tiff("little", (TAG, 3, 1, b"\x00")),
        tiff("little", (TAG + 1, 3, 1, b"\x06")),
    ],
)
def test_what_says_no_orientation_is_upright(exif):
    assert orientation_in(jpeg_with(exif)) == 1


def test_segments_before_are_passed_over():
    exif = tiff("big", (TAG, 3, 1, b"\0\x08"))
    jfif = b"\xff\xe0\0\x10JFIF\0" + bytes(9)
    xmp = b"\xff\xff\xff\xe1\0\x08http:/"  # fill bytes, and an APP1 of another kind
    assert orientation_in(jpeg_with(exif, jfif + xmp)) == 8
    assert orientation_in(jpeg_with(exif, b"\xff\xda\0\x02")) == 1  # pixels have begun
    assert orientation_in(jpeg_with(exif, b"junk")) == 1
    assert orientation_in(jpeg_with(exif, b"\xff\xe0\0\x00")) == 1  # a length that there is not
    assert orientation_in(b"\xff\xd8" + b"\xff\xe0\0\x02" * 100_000) == 1  # and ends


def test_chunks_of_odd_lengths_are_padded_in_webp_and_not_in_png():
    exif = tiff("little", (TAG, 3, 1, b"\x05"))
    webp = b"RIFF\0\0\0\0WEBP" + b"ICCP" + (3).to_bytes(4, "little") + b"abc\0"
    webp += b"EXIF" + len(exif).to_bytes(4, "little") + exif
    assert orientation_in(webp) == 5
    png = b"\x89PNG\r\n\x1a\n" + (3).to_bytes(4, "big") + b"tEXtabc" + bytes(4)
    png += len(exif).to_bytes(4, "big") + b"eXIf" + exif + bytes(4)
    assert orientation_in(png) == 5
    assert orientation_in(png.replace(b"tEXt", b"IEND")) == 1


@pytest.mark.usefixtures("many_examples")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP"])
@pytest.mark.parametrize("seed", range(3))
def test_any_bytes_have_an_orientation(pixels, kind, seed):
    draw = np.random.default_rng(seed)
    clean = saved(pixels, kind, 6)
    for _ in range(1500):
        data = bytearray(clean[: int(draw.integers(1, len(clean)))])
        for _ in range(int(draw.integers(0, 6))):
            # Most hits fall where the structure is.
            place = int(draw.integers(0, min(len(data), int(draw.choice([40, 120, len(data)])))))
            data[place] = int(draw.choice([0, 1, 6, 255, int(draw.integers(256))]))
        assert orientation_in(bytes(data)) in range(1, 9)
    for start in (b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b""):
        for length in (0, 1, 3, 50, 300):
            assert orientation_in(start + draw.bytes(length)) in range(1, 9)


def test_other_formats_say_none(pixels):
    assert orientation_in(saved(pixels, "BMP")) == orientation_in(saved(pixels, "PPM")) == 1
