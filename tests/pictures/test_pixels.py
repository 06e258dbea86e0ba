# SPDX-License-Identifier: Apache-2.0
import io
import os
import tracemalloc
from dataclasses import replace

import cv2
import numpy as np
import pytest
import simplejpeg

from mgn_fast import DecodeError, InvalidInputError
from mgn_fast.models.contract import MGN, Contract
from mgn_fast.pictures.pixels import decode, pack, resize, resize_for, resize_pack
from oracles.pixels import Form, assert_same_bits, mirrored, pillow, tensor
from support.late import late

Image = late("PIL.Image")


def jpeg(pixels, **options):
    """JPEG bytes as Pillow writes them."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("size", [(128, 64), (37, 91), (1, 1)], ids=str)
def test_jpeg_pixels_are_pillows(random, subsampling, progressive, size):
    pixels = random.integers(0, 256, (*size, 3), dtype=np.uint8)
    data = jpeg(pixels, quality=90, subsampling=subsampling, progressive=progressive)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(decode(data), expected)


LOSSLESS = {"PNG": ["RGB", "L", "RGBA", "P"], "BMP": ["RGB", "L", "P"], "PPM": ["RGB", "L"]}


@pytest.mark.parametrize(
    ("kind", "mode"), [(kind, mode) for kind, modes in LOSSLESS.items() for mode in modes]
)
def test_lossless_formats_give_what_pillow_gives(random, kind, mode):
    pixels = random.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    file = io.BytesIO()
    converted = Image.fromarray(pixels).convert(mode)
    converted.save(file, kind)
    np.testing.assert_array_equal(decode(file.getvalue()), np.asarray(converted.convert("RGB")))


def test_exif_orientation_is_ignored(picture):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    assert decode(jpeg(picture, exif=exif)).shape == picture.shape


def test_a_path_and_its_bytes_give_the_same_pixels(picture, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(picture))
    np.testing.assert_array_equal(decode(path), decode(path.read_bytes()))
    np.testing.assert_array_equal(decode(str(path)), decode(path))


def test_pixels_pass_through(picture):
    assert decode(picture) is picture


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            np.zeros(4, np.uint8),
            r"uint8 \(4,\), expected uint8 pixels of shape \(H, W, 3\) for RGB",
        ),
        (np.zeros((4, 4, 2), np.uint8), r"uint8 \(4, 4, 2\)"),
        (np.zeros((4, 4, 3), np.float32), r"float32 \(4, 4, 3\)"),
        (np.zeros((0, 4, 3), np.uint8), r"uint8 \(0, 4, 3\)"),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(array, message):
    with pytest.raises(DecodeError, match=message):
        decode(array)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("kind", [".jpg", ".png", ".bmp", ".webp"])
def test_a_picture_cut_short_is_refused(random, kind, share):
    data = cv2.imencode(kind, random.integers(0, 256, (128, 64, 3), dtype=np.uint8))[1].tobytes()
    with pytest.raises(DecodeError, match="cut"):
        decode(data[: int(len(data) * share)], name="cut")


def forged_jpeg(picture, height, width):
    """A JPEG whose frame header claims another size."""
    data = bytearray(jpeg(picture))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(data)


def test_a_forged_size_is_refused_before_anything_large_is_allocated(picture):
    data = forged_jpeg(picture, 65500, 65500)
    tracemalloc.start()
    with pytest.raises(
        DecodeError, match=r"claims 65500 x 65500 pixels, expected at most 50,000,000"
    ):
        decode(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_forged_png_is_refused_by_its_header():
    header = (65500).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    import zlib

    def chunk(kind, body):
        checksum = zlib.crc32(kind + body).to_bytes(4, "big")
        return len(body).to_bytes(4, "big") + kind + body + checksum

    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b"")
    with pytest.raises(DecodeError, match="claims 65500 x 65500"):
        decode(data)


def test_max_pixels_is_the_largest_size_that_is_decoded(picture):
    assert decode(jpeg(picture), max_pixels=128 * 64).shape == (128, 64, 3)
    with pytest.raises(DecodeError, match="at most 8,191 in all"):
        decode(jpeg(picture), max_pixels=128 * 64 - 1)


def cmyk_jpeg(random, *, transform=0):
    """Noise in four inks; `transform` 2 makes a reader take the same bytes as YCCK."""
    file = io.BytesIO()
    inks = random.integers(0, 256, (40, 30, 4), dtype=np.uint8)
    Image.fromarray(inks, "CMYK").save(file, "JPEG", quality=95)
    data = bytearray(file.getvalue())
    flag = data.index(b"Adobe") + 11
    assert data[flag] == 0
    data[flag] = transform
    return bytes(data)


@pytest.mark.parametrize("transform", [0, 2], ids=["CMYK", "YCCK"])
def test_inks_become_pillows_rgb(random, transform):
    data = cmyk_jpeg(random, transform=transform)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(decode(data), expected)


def test_sixteen_bits_are_refused():
    data = cv2.imencode(".png", np.zeros((2, 2, 3), np.uint16))[1].tobytes()
    with pytest.raises(DecodeError, match="16 bits per channel, expected at most 8"):
        decode(data)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "cannot be read: No such file"),
        (lambda path: path.mkdir(), "no regular file|Is a directory"),
        (lambda path: path.write_bytes(b""), "the file is empty"),
        (lambda path: path.write_text("notes"), "starts with b'notes'"),
        (os.mkfifo, "no regular file"),
    ],
    ids=["missing", "directory", "empty", "text", "pipe"],
)
def test_files_that_are_no_pictures_are_named(tmp_path, make, message):
    path = tmp_path / "x.jpg"
    make(path)
    with pytest.raises(DecodeError, match=message) as error:
        decode(path)
    assert "x.jpg" in str(error.value)


def test_flipped_bits_never_give_anything_but_pixels_or_a_decode_error(random, picture):
    clean = jpeg(picture)
    for _ in range(300):
        data = bytearray(clean)
        data[int(random.integers(2, len(data)))] ^= 1 << int(random.integers(8))
        try:
            pixels = decode(bytes(data))
        except DecodeError:
            continue
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3


WORDS = {
    "pillow-bicubic": lambda pixels, height, width: pillow(pixels, height, width, "bicubic"),
    "pillow-bilinear": lambda pixels, height, width: pillow(pixels, height, width, "bilinear"),
    "opencv-bilinear": lambda p, height, width: cv2.resize(p, (width, height)),
    "opencv-cubic": lambda p, height, width: cv2.resize(
        p, (width, height), interpolation=cv2.INTER_CUBIC
    ),
    "opencv-area": lambda p, height, width: cv2.resize(
        p, (width, height), interpolation=cv2.INTER_AREA
    ),
}
SIZES = [((128, 64), (256, 128)), ((90, 41), (20, 30)), ((1, 7), (3, 5)), ((64, 32), (64, 32))]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(("size", "to"), SIZES, ids=str)
def test_each_interpolation_is_its_librarys(random, word, size, to):
    pixels = random.integers(0, 256, (*size, 3), dtype=np.uint8)
    got = resize(pixels, height=to[0], width=to[1], interpolation=word)
    np.testing.assert_array_equal(got, WORDS[word](pixels, *to))
    assert got.shape == (*to, 3)
    assert not np.shares_memory(got, pixels)


def test_the_interpolations_differ_from_each_other(random):
    pixels = random.integers(0, 256, (90, 41, 3), dtype=np.uint8)
    all_of_them = {resize(pixels, interpolation=word).tobytes() for word in WORDS}
    assert len(all_of_them) == len(WORDS)


@pytest.mark.parametrize("word", ["", "bicubic", "pillow-lanczos", "OpenCV-area"])
def test_an_unknown_interpolation_is_refused_with_the_known_ones(picture, word):
    with pytest.raises(InvalidInputError, match=f"interpolation is '{word}', expected one of 'p"):
        resize(picture, interpolation=word)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (
            np.zeros((4, 4), np.uint8),
            r"pixels is uint8 \(4, 4\), expected uint8 \(height, width, 3",
        ),
        (np.zeros((4, 4, 4), np.uint8), r"pixels is uint8 \(4, 4, 4\), expected uint8"),
        (np.zeros((4, 4, 3), np.float32), r"pixels is float32 \(4, 4, 3\), expected uint8"),
        (np.zeros((0, 4, 3), np.uint8), r"pixels (is uint8 \(0, 4, 3\)|has height 0)"),
        ([[0]], "pixels is a list, expected a NumPy array"),
    ],
)
def test_what_is_no_picture_is_not_resized(pixels, message):
    for word in ("pillow-bilinear", "opencv-bilinear"):
        with pytest.raises(InvalidInputError, match=message):
            resize(pixels, height=8, width=8, interpolation=word)


def test_a_size_beyond_opencvs_is_refused(picture):
    with pytest.raises(InvalidInputError, match=r"OpenCV cannot scale \(128, 64, 3\) to 1 x 2147"):
        resize(picture, height=1, width=2**31, interpolation="opencv-area")


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("colour", ["RGB", "BGR"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("kind", ["float32", "float16", "uint8"])
def test_an_input_is_what_its_contract_says(random, kind, layout, colour, word):
    values = {"scale": 1.0, "mean": (103.0, 116.0, 123.0), "deviation": (57.0, 58.0, 59.0)}
    contract = Contract(
        input=kind, layout=layout, colour=colour, height=64, width=48, interpolation=word, **values
    )
    pixels = random.integers(0, 256, (90, 41, 3), dtype=np.uint8)
    form = Form(layout, colour, **values)
    expected = tensor(WORDS[word](pixels, 64, 48), np.dtype(kind).type, form)
    plain, swapped, packed, both = np.empty((4, *expected.shape), kind)
    resize_pack(pixels, plain, contract=contract)
    resize_pack(pixels, swapped, mirror=True, contract=contract)
    pack(resize_for(pixels, contract), packed, mirrored=both, contract=contract)
    for got in (plain, packed):
        assert_same_bits(got, expected)
    for got in (swapped, both):
        assert_same_bits(got, mirrored(expected, form))


def test_mgns_contract_is_what_is_done_without_one(picture):
    got, expected = np.empty((2, 3, 384, 128), np.float32)
    resize_pack(picture, got, contract=MGN)
    resize_pack(picture, expected)
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(resize_for(picture, MGN), resize(picture))


@pytest.mark.parametrize(
    "out",
    [
        np.zeros((3, 256, 128), np.float16),
        np.zeros((3, 256, 128), np.uint8),
        np.zeros((256, 128, 3), np.float32),
        np.zeros((3, 384, 128), np.float32),
    ],
    ids=lambda out: f"{out.dtype} {out.shape}",
)
def test_an_output_of_another_form_than_the_contracts_is_refused(picture, out):
    contract = replace(MGN, height=256)
    resized = resize_for(picture, contract)
    message = r"out is .*, expected float32 \(3, 256, 128\) as the contract says"
    with pytest.raises(InvalidInputError, match=message):
        resize_pack(picture, out, contract=contract)
    with pytest.raises(InvalidInputError, match=message):
        pack(resized, out, contract=contract)


def test_a_picture_of_another_size_than_the_contracts_is_refused(picture):
    contract, out = replace(MGN, height=256), np.zeros((3, 256, 128), np.float32)
    with pytest.raises(InvalidInputError, match=r"pixels is uint8 \(384, 128, 3\), expected the o"):
        pack(resize(picture), out, contract=contract)


def test_resize_pack_is_resize_then_pack(picture):
    got, expected = np.empty((2, 3, 384, 128), np.float32)
    resize_pack(picture, got, mirror=True)
    pack(resize(picture), expected, mirror=True)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (-1, 5)], ids=str)
def test_a_size_without_pixels_is_refused(picture, size):
    with pytest.raises(InvalidInputError, match="expected at least 1 x 1"):
        resize(picture, height=size[0], width=size[1])


def test_simplejpeg_and_pillow_share_their_transform(random):
    """The pixels' equality above rests on the exact integer transform on both sides."""
    pixels = random.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = jpeg(pixels)
    fast = simplejpeg.decode_jpeg(data, fastdct=True)
    assert not np.array_equal(fast, decode(data))
