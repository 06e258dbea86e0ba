# SPDX-License-Identifier: Apache-2.0
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mgn_fast import DecodeError
from mgn_fast.pictures.given import file_bytes, in_memory, is_file, is_one_picture, is_pillow
from mgn_fast.pictures.pixels import decode
from support.late import late

Image = late("PIL.Image")
torch = late("torch")

MODES = ["RGB", "L", "1", "P", "RGBA", "LA", "PA", "CMYK", "YCbCr", "HSV", "LAB", "RGBX"]


@pytest.mark.parametrize("mode", MODES)
def test_pictures_of_pillows_become_what_pillow_converts_them_to(picture, mode):
    given = Image.fromarray(picture)
    if mode == "PA":
        given = given.convert("P").convert("PA")
    elif mode == "LAB":
        given = Image.merge("LAB", given.split())
    else:
        given = given.convert(mode)
    got = decode(given)
    np.testing.assert_array_equal(got, np.asarray(given.convert("RGB")))
    assert got.dtype == np.uint8
    assert got.flags.c_contiguous


def test_a_transparent_palette_warns_of_nothing(picture):
    given = Image.fromarray(picture).convert("P")
    given.info["transparency"] = bytes(range(256))
    np.testing.assert_array_equal(decode(given), np.asarray(given.convert("RGBA"))[..., :3])


@pytest.mark.parametrize("mode", ["I", "F", "I;16"])
def test_more_than_8_bits_of_pillows_are_refused(mode):
    with pytest.raises(DecodeError, match=rf"mode '{mode}', expected 8 bits a channel: scale it"):
        decode(Image.new(mode, (4, 5)))


def test_a_file_that_pillow_has_opened_is_decoded_and_turned_if_asked(picture):
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", exif=exif)
    upright = np.rot90(picture, 3)
    np.testing.assert_array_equal(decode(Image.open(file)), picture)
    np.testing.assert_array_equal(decode(Image.open(file), exif="apply"), upright)
    cut = io.BytesIO(file.getvalue()[: len(file.getvalue()) // 2])
    with pytest.raises(DecodeError, match=r"picture is a picture that Pillow cannot read: "):
        decode(Image.open(cut))
    with pytest.raises(DecodeError, match="claims 64 x 128 pixels, expected at most 100 in all"):
        decode(Image.open(file), max_pixels=100)


def test_one_picture_of_pillows_may_be_asked_for_by_many_threads(picture):
    file = io.BytesIO()
    Image.fromarray(picture.repeat(8, 0).repeat(8, 1)).save(file, "PNG")
    for _ in range(5):
        given = Image.open(file)
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(decode, [given] * 8))
        assert all(np.array_equal(one, got[0]) for one in got)


def test_grey_is_repeated_and_transparency_dropped(random):
    grey = random.integers(0, 256, (7, 5), dtype=np.uint8)
    for given in (grey, grey[..., None], np.asfortranarray(grey)):
        np.testing.assert_array_equal(decode(given), np.stack([grey] * 3, axis=-1))
    rgba = random.integers(0, 256, (7, 5, 4), dtype=np.uint8)
    np.testing.assert_array_equal(decode(rgba), rgba[..., :3])
    assert decode(rgba).flags.c_contiguous
    np.testing.assert_array_equal(decode(rgba[::-1, ::2, 2::-1]), rgba[::-1, ::2, 2::-1])


def test_tensors_are_pictures(picture):
    tensor = torch.from_numpy(picture)
    np.testing.assert_array_equal(decode(tensor), picture)
    np.testing.assert_array_equal(decode(tensor[..., 0]), picture[..., :1].repeat(3, axis=2))
    turned = tensor.permute(2, 0, 1).contiguous()
    np.testing.assert_array_equal(decode(turned.permute(1, 2, 0)), picture)
    with pytest.raises(DecodeError, match=r"is uint8 \(3, 128, 64\).* give \.permute\(1, 2, 0\)"):
        decode(turned)
    with pytest.raises(DecodeError, match=r"is torch\.float32 \(128, 64, 3\).*to\(torch\.uint8\)"):
        decode(tensor / 255)
    assert not is_one_picture(tensor[None])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 8, 4), np.uint8), r"if its channels come first, give \.transpose\(1, 2, 0\)"),
        (np.zeros((1, 8, 6), np.uint8), r"if its channels come first"),
        (np.zeros((9, 8, 6), np.uint8), "if it is several pictures, give them one by one"),
        (np.zeros((2, 8, 4, 3), np.uint8), "if it is several pictures, give them one by one"),
        (np.zeros((8, 4, 3), bool), r"is bool \(8, 4, 3\), expected uint8.*a mask is no picture"),
        (np.zeros((8, 4, 3), np.float32), r"float32.*0 to 1 become it by \(255 \* values\)"),
        (np.zeros((8, 4, 3), np.int64), r"int64.*bring the values to 0\.\.255"),
        (np.zeros((8, 4, 3), np.uint16), r"uint16.*bring the values to 0\.\.255"),
        (np.zeros((8, 0, 3), np.uint8), "at least 1 x 1"),
        (np.zeros(8, np.uint8), r"uint8 \(8,\), expected uint8 pixels of shape \(H, W, 3\)"),
        (np.ma.masked_array(np.zeros((8, 4, 3), np.uint8), True), "masked array.*fill its mask"),
        (3.5, "is a float, expected a path, a file's bytes, an open binary file, a Crop, or"),
        (None, "is a NoneType, expected"),
        ([[0]], "is a list, expected"),
    ],
)
def test_what_is_no_picture_is_told_what_to_do(array, message):
    with pytest.raises(DecodeError, match=message) as error:
        decode(array, name="frame")
    assert str(error.value).startswith("frame is ")


def test_open_files_and_other_bytes_are_read(picture, tmp_path):
    Image.fromarray(picture).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    for given in (io.BytesIO(data), bytearray(data), memoryview(data)):
        np.testing.assert_array_equal(decode(given), picture)
    with (tmp_path / "a.png").open("rb") as file:
        np.testing.assert_array_equal(decode(file), picture)
    with pytest.raises(DecodeError, match=r"picture is an open file that cannot be read: .*closed"):
        decode(file)
    with pytest.raises(DecodeError, match="picture of 0 bytes is no readable picture: the file is"):
        decode(io.BytesIO())


class Broken:
    def __init__(self, answer):
        self.answer = answer

    def read(self, size):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def asynchronous():
    return b""


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (io.StringIO("text"), "gives str, expected bytes: open it in binary"),
        (Broken(None), "gives NoneType"),
        (Broken(asynchronous()), "gives coroutine"),
        (Broken(OSError("unplugged")), "cannot be read: unplugged"),
        (Broken(b"12345"), "has more than 4 bytes"),
    ],
)
def test_files_that_give_no_bytes_are_refused(file, message):
    with pytest.raises(DecodeError, match=message):
        file_bytes(file, "a", 4)


def test_kinds_are_told_apart(picture):
    pillow, file = Image.fromarray(picture), io.BytesIO()
    assert (is_pillow(pillow), is_file(pillow), is_one_picture(pillow)) == (True, False, True)
    assert (is_pillow(file), is_file(file), is_one_picture(file)) == (False, True, True)
    assert not is_pillow(picture)
    assert is_one_picture(picture)
    assert not is_one_picture(picture[None])
    assert not is_one_picture([picture])
    assert in_memory(picture, "a", 1).pixels is picture  # its size is no claim, but a fact
