# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import simplejpeg

from mgn_fast.pictures import pixels
from mgn_fast.report import RankedList, Tile, thumbnails
from mgn_fast.report.thumbnails import small_pixels, source_key, thumbnail, tiles_of


def pixels_of(height, width):
    return np.arange(height * width * 3, dtype=np.uint32).astype(np.uint8).reshape(height, width, 3)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((256, 128), (128, 64)),
        ((100, 300), (43, 128)),
        ((64, 32), (64, 32)),
        ((900, 2), (128, 1)),
    ],
)
def test_large_pictures_get_smaller_and_keep_their_shape(size, expected):
    assert small_pixels(pixels_of(*size)).shape[:2] == expected
    small = thumbnail(pixels_of(*size))
    assert (small.height, small.width) == expected
    assert simplejpeg.decode_jpeg(small.jpeg).shape[:2] == expected


def test_a_picture_that_cannot_be_read_keeps_its_reason(tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8 nothing")
    for source, reason in (
        (tmp_path / "gone.jpg", "No such file"),
        (tmp_path / "bad.jpg", "bad.jpg"),
        (None, "no picture was kept"),
        (b"", "picture of 0 bytes"),
    ):
        small = thumbnail(source)
        assert small.jpeg == b""
        assert reason in small.reason


def test_each_picture_is_decoded_once_however_often_it_is_shown(tmp_path, monkeypatch):
    path = tmp_path / "a.jpg"
    jpeg = simplejpeg.encode_jpeg(pixels_of(16, 8))
    path.write_bytes(jpeg)
    array = pixels_of(8, 8)
    sources = [{"path": path}, {"path": None, "picture": jpeg}, {"path": None, "picture": array}]
    tiles = [Tile(str(n), verdict="match", **source) for n in range(3) for source in sources]
    entry = RankedList(tiles[0], {"plain": tiles[1:5], "re-ranked": tiles[5:]})
    assert tiles_of([entry]) == tiles
    decoded, decode, told = [], pixels.decode, []
    monkeypatch.setattr(
        thumbnails, "decode", lambda source, **k: decoded.append(source) or decode(source, **k)
    )
    found = thumbnails.thumbnails_of(tiles, lambda *state: told.append(state))
    assert len(decoded) == 3
    assert set(found) == {source_key(tile) for tile in tiles}
    assert told[-1] == ("thumbnails", 3, 3)
