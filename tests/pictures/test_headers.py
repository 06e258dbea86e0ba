# SPDX-License-Identifier: Apache-2.0
import io

import cv2
import numpy as np
import pytest

from mgn_fast.pictures.headers import HeaderError, read_header, sniff
from support.late import late

Image = late("PIL.Image")
hypothesis = late("hypothesis")
st = late("hypothesis.strategies")


def encoded(kind, height, width, mode="RGB", **options):
    """A picture of that size as the bytes of a file, written by Pillow."""
    file = io.BytesIO()
    Image.new(mode, (width, height), color=None).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (300, 7)], ids=str)
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("PPM", {}),
        ("WebP", {"lossless": True}),
        ("WebP", {"lossless": False}),
        ("WebP", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}),
    ],
    ids=["PNG", "BMP", "PPM", "WebP VP8L", "WebP VP8", "WebP VP8X"],
)
def test_size_is_what_was_written(kind, options, size):
    header = read_header(encoded(kind, *size, **options))
    assert (header.format, header.height, header.width) == (kind, *size)


def test_a_bmp_stored_from_the_top_down_has_a_positive_height():
    data = bytearray(encoded("BMP", 5, 3))
    data[22:26] = (-5).to_bytes(4, "little", signed=True)
    assert read_header(bytes(data)).height == 5


def test_a_grey_ppm_is_read():
    assert sniff(encoded("PPM", 2, 3, "L")) == "PPM"
    assert read_header(encoded("PPM", 2, 3, "L")).width == 3


def test_comments_in_a_ppm_are_passed_over():
    header = read_header(b"P6 # by hand\n2#wide\n 3\n# deep\n255\n" + bytes(18))
    assert (header.height, header.width) == (3, 2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"hello world", r"starts with b'hello wo', expected a JPEG, PNG"),
        (b"BM", "BMP header is cut short at 2 bytes"),
        (b"P6 3", "has no width, height and maximum"),
        (b"P6 3 3 65535\n" + bytes(54), "maximum is 65535, expected 255"),
        (b"P6 3 3 255\n" + bytes(26), "cut short: 37 of 38 bytes"),
        (b"RIFF\xff\0\0\0WEBPVP8 ", "cut short: 16 of 263 bytes"),
        (b"RIFF\x08\0\0\0WEBPXXXX", "first WebP chunk is b'XXXX'"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIDAT" + bytes(30), "first PNG chunk is b'IDAT'"),
    ],
)
def test_what_is_wrong_is_said(data, message):
    with pytest.raises(HeaderError, match=message):
        read_header(data)


def test_a_png_of_sixteen_bits_is_refused():
    data = cv2.imencode(".png", np.zeros((2, 2, 3), np.uint16))[1].tobytes()
    with pytest.raises(HeaderError, match="16 bits per channel, expected at most 8"):
        read_header(data)


@pytest.mark.parametrize("share", [0.3, 0.9, 0.99])
def test_a_png_cut_short_is_refused(share):
    data = encoded("PNG", 64, 64)
    with pytest.raises(HeaderError, match="cut short"):
        read_header(data[: int(len(data) * share)])


def test_a_png_with_a_flipped_bit_is_refused():
    data = bytearray(encoded("PNG", 64, 64))
    data[len(data) // 2] ^= 1
    with pytest.raises(HeaderError, match="does not match its checksum"):
        read_header(bytes(data))


STARTS = [b"", b"\x89PNG\r\n\x1a\n", b"BM", b"P5 ", b"P6 ", b"RIFF", b"RIFF\0\0\0\0WEBPVP8X"]


def test_any_bytes_give_a_header_or_a_header_error():
    @hypothesis.settings(derandomize=True, max_examples=500, deadline=None)
    @hypothesis.given(st.sampled_from(STARTS), st.binary(max_size=64))
    def check(start, rest):
        try:
            header = read_header(start + rest)
        except HeaderError:
            return
        assert header.height >= 1
        assert header.width >= 1

    check()
