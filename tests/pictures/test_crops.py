# SPDX-License-Identifier: Apache-2.0
import threading

import numpy as np
import pytest

from mgn_fast import DecodeError
from mgn_fast.pictures.crops import MOST_TOGETHER, Frame, cut, order_by_frame, pieces
from mgn_fast.pictures.pixels import decode
from mgn_fast.types import Box, Crop
from support.late import late

Image = late("PIL.Image")


@pytest.fixture
def frame(random):
    return random.integers(0, 256, (20, 30, 3), dtype=np.uint8)


# Of a frame 30 wide and 20 high: the box, what numpy would cut, whether something is cut off.
CUT = {
    "inside": (Box(2, 3, 10, 8), np.s_[3:11, 2:12], False),
    "all": (Box(0, 0, 30, 20), np.s_[:, :], False),
    "one pixel": (Box(29, 19, 1, 1), np.s_[19:, 29:], False),
    "over the left and top": (Box(-4, -2, 10, 8), np.s_[:6, :6], True),
    "over the right and bottom": (Box(25, 15, 10, 10), np.s_[15:, 25:], True),
    "over all": (Box(-1e6, -1e6, 3e6, 3e6), np.s_[:, :], True),
    "halves go to even edges": (Box(0.5, 1.5, 3, 3), np.s_[2:4, 0:4], False),
    "thirds": (Box(2.3, 3.3, 5.4, 5.3), np.s_[3:9, 2:8], False),
}


@pytest.mark.parametrize(("box", "part", "clipped"), CUT.values(), ids=CUT.keys())
def test_a_box_cuts_its_pixels(frame, box, part, clipped):
    pixels, was_clipped = cut(frame, box, "f.png")
    np.testing.assert_array_equal(pixels, frame[part])
    assert was_clipped is clipped
    assert pixels.flags.c_contiguous


@pytest.mark.parametrize("seed", range(5))
def test_boxes_are_cut_where_pillow_cuts_them(frame, seed):
    draw = np.random.default_rng(seed)
    for _ in range(50):
        x, y = draw.uniform(-3, 20, 2).round(1).tolist()
        width, height = draw.uniform(4.5, 20, 2).round(1).tolist()
        left, top, right, bottom = Box(x, y, width, height).edges
        by_pillow = Image.fromarray(frame).crop((x, y, x + width, y + height))
        assert by_pillow.size == (right - left, bottom - top)
        inside = np.s_[max(top, 0) : bottom, max(left, 0) : right]
        there = np.asarray(by_pillow)[max(-top, 0) : 20 - top, max(-left, 0) : 30 - left]
        np.testing.assert_array_equal(frame[inside], there)


@pytest.mark.parametrize(
    ("box", "message"),
    [
        (Box(1, 1, 0, 5), "f.png: box 1,1,0,5 is 0 x 5 pixels, expected at least 1 x 1"),
        (Box(1, 1, 5, -2), "box 1,1,5,-2 is 5 x -2 pixels"),
        (Box(1, 1, 0.3, 5), "box 1,1,0.3,5 is 0 x 5 pixels"),
        (Box(30, 0, 5, 5), "box 30,0,5,5 lies outside the frame of 30 x 20 pixels"),
        (Box(0, -9, 5, 9), "lies outside"),
    ],
)
def test_a_box_without_pixels_is_named(frame, box, message):
    with pytest.raises(DecodeError, match=message):
        cut(frame, box, "f.png")


def test_a_crop_is_decoded_like_a_picture(frame, tmp_path):
    Image.fromarray(frame).save(tmp_path / "f.png")
    for source in (tmp_path / "f.png", (tmp_path / "f.png").read_bytes(), frame):
        got = decode(Crop(source, Box(2, 3, 10, 8)))
        np.testing.assert_array_equal(got, frame[3:11, 2:12])
    with pytest.raises(DecodeError, match=r"f\.png.*#40,3,10,8.*lies outside"):
        decode(Crop(tmp_path / "f.png", Box(40, 3, 10, 8)))


def test_crops_are_brought_together_by_frame():
    sources = [Crop(name, Box(0, 0, 1, 1)) for name in ("b", "a", "b", "c", "a")]
    assert order_by_frame(sources) == [0, 2, 1, 4, 3]
    assert order_by_frame([*sources[:2], "x", sources[2]]) == [0, 3, 1, 2]
    assert order_by_frame([]) == []


def read(sources):
    return [([name for name, _ in piece.items], piece.frame) for piece in sources]


def test_neighbouring_crops_of_a_frame_are_one_piece():
    crops = [(str(i), Crop(name, Box(0, 0, 1, 1))) for i, name in enumerate("aabba")]
    got = read(pieces([*crops, ("x", "a"), ("y", b"")], lambda crop: crop))
    assert [names for names, _ in got] == [["0", "1"], ["2", "3"], ["4"], ["x"], ["y"]]
    assert [frame is None for _, frame in got] == [False] * 3 + [True] * 2
    assert len({frame for _, frame in got[:3]}) == 3


def test_a_crowded_frame_is_many_pieces_that_share_it():
    crops = [(str(i), Crop(b"a", Box(0, 0, 1, 1))) for i in range(2 * MOST_TOGETHER + 1)]
    got = read(pieces(crops, lambda crop: crop))
    assert [len(names) for names, _ in got] == [MOST_TOGETHER, MOST_TOGETHER, 1]
    assert len({frame for _, frame in got}) == 1
    assert [name for names, _ in got for name in names] == [name for name, _ in crops]


def test_a_frame_is_decoded_once_whoever_asks(frame):
    calls = []
    opened = Frame(lambda: calls.append(1) or frame)
    threads = [threading.Thread(target=opened.content) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened.content() is frame
    assert len(calls) == 1


def test_a_damaged_frame_is_damaged_for_all_and_tried_once():
    calls = []

    def fail():
        calls.append(1)
        raise DecodeError("broken")

    opened = Frame(fail)
    for _ in range(3):
        with pytest.raises(DecodeError, match="broken"):
            opened.content()
    assert len(calls) == 1
