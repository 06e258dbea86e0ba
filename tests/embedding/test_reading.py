# SPDX-License-Identifier: Apache-2.0
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mgn_fast import DecodeError
from mgn_fast.common.observer import NO_OBSERVER
from mgn_fast.embedding import reading
from mgn_fast.embedding.reading import Noticed, Prepared, Reader
from mgn_fast.models.contract import MGN, Contract
from mgn_fast.pictures.crops import MOST_TOGETHER
from mgn_fast.pictures.pixels import resize
from mgn_fast.types import Box, Crop
from support.late import late

Image = late("PIL.Image")


def read(sources, *, workers=3, most=16, contract=MGN):
    with ThreadPoolExecutor(workers) as pool:
        return list(Reader(contract, NO_OBSERVER).ahead(sources, pool, workers, most))


@pytest.fixture
def frame(random, tmp_path):
    """A frame's pixels, and its file."""
    pixels = random.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "frame.png")
    return pixels, tmp_path / "frame.png"


def test_crops_are_what_cut_pictures_are_and_come_in_order(frame):
    pixels, path = frame
    boxes = [Box(x, x // 2, 20, 30) for x in range(0, 55, 3)]
    crops = [(str(box), Crop(path, box)) for box in boxes]
    got = read([*crops, ("alone", pixels), *crops])
    assert [name for name, _ in got] == [name for name, _ in [*crops, ("alone", 0), *crops]]
    for (_, found), box in zip(got, [*boxes, Box(0, 0, 80, 60), *boxes], strict=True):
        left, top, right, bottom = box.edges
        expected = resize(np.ascontiguousarray(pixels[top:bottom, left:right]))
        np.testing.assert_array_equal(found.resized, expected)


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("crowd", [1, 5, 3 * MOST_TOGETHER])
def test_each_frame_is_decoded_once_whoever_works(frame, monkeypatch, tmp_path, workers, crowd):
    paths = [tmp_path / f"{i}.png" for i in range(6)]
    for path in paths:
        path.write_bytes(frame[1].read_bytes())
    calls = []
    decoded = reading.decoded

    def counting(source, **options):
        if not isinstance(source, Crop):
            calls.append(source)
        return decoded(source, **options)

    monkeypatch.setattr(reading, "decoded", counting)
    crops = [(f"{p} {i}", Crop(p, Box(i % 50, 0, 9, 20))) for p in paths for i in range(crowd)]
    assert len(read(crops, workers=workers)) == 6 * crowd
    assert sorted(calls) == paths


def test_frames_that_are_through_are_let_go(frame, monkeypatch):
    alive, most = [], []
    decoded = reading.decoded

    class Counted(np.ndarray):
        def __array_finalize__(self, other):
            alive.append(1)

        def __del__(self):
            alive.pop()

    def counting(source, **options):
        found = decoded(source, **options)
        if isinstance(source, Crop):
            return found
        most.append(len(alive))
        return reading.Decoded(found.pixels.view(Counted))

    monkeypatch.setattr(reading, "decoded", counting)
    content = frame[1].read_bytes()
    # Equal bytes in different objects would be one frame: each has bytes of its own.
    crops = [
        (f"{i} {k}", Crop(content + bytes([i]), Box(k, 0, 9, 20)))
        for i in range(60)
        for k in range(3)
    ]
    assert len(read(crops, workers=2)) == 180
    assert len(most) == 60
    assert max(most) <= 16  # those under way, far from all


def test_a_broken_frame_is_a_reason_for_each_of_its_crops_and_no_others(frame, tmp_path):
    (tmp_path / "broken.png").write_bytes(frame[1].read_bytes()[:200])
    crops = [(f"b{i}", Crop(tmp_path / "broken.png", Box(0, 0, 5, 5))) for i in range(3)]
    crops += [
        ("outside", Crop(frame[1], Box(90, 0, 5, 5))),
        ("good", Crop(frame[1], Box(0, 0, 5, 5))),
    ]
    got = dict(read(crops))
    for name in ("b0", "b1", "b2"):
        assert "broken.png is no readable picture" in str(got[name])
    assert "frame.png: box 90,0,5,5 lies outside the frame of 80 x 60" in str(got["outside"])
    assert isinstance(got["good"], Prepared)


def test_a_crop_of_bytes_is_called_by_its_name():
    ((_, error),) = read([("ann", Crop(b"no picture", Box(0, 0, 1, 1), "ann"))])
    assert isinstance(error, DecodeError)
    assert str(error).startswith("ann is no readable picture")


def test_what_is_noticed_is_counted(frame, picture):
    file = frame[1].with_name("turned.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture).save(file, exif=exif)
    sources = [("upright", picture), ("turned", file), ("wide", frame[1])]
    sources += [
        ("cut", Crop(frame[1], Box(70, 0, 20, 60))),
        ("in", Crop(frame[1], Box(0, 0, 9, 20))),
    ]
    counts = []
    for contract in (MGN, Contract(exif="apply")):
        noticed = Noticed()
        for _, found in read(sources, contract=contract):
            noticed.add(found)
        counts.append(noticed)
    assert counts[0] == Noticed(num_turned=1, num_wide=1, num_clipped=1)
    assert counts[1] == Noticed(num_turned=1, num_wide=2, num_clipped=1)  # the picture lies then


def test_turned_frames_are_cut_as_they_are_seen(frame, picture):
    file = frame[1].with_name("turned.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture).save(file, exif=exif)
    box = Box(100, 3, 28, 40)  # of 128 x 64 pixels, that are stored as 64 x 128
    ((_, found),) = read([("a", Crop(file, box))], contract=Contract(exif="apply"))
    seen = np.rot90(picture, 3)[3:43, 100:128]
    np.testing.assert_array_equal(found.resized, resize(np.ascontiguousarray(seen)))


def test_no_more_is_read_ahead_than_asked(picture):
    taken = []
    sources = ((str(i), taken.append(i) or picture) for i in range(100))
    with ThreadPoolExecutor(2) as pool:
        stream = Reader(MGN, NO_OBSERVER).ahead(sources, pool, 2, 6)
        for _ in range(10):
            next(stream)
        assert len(taken) <= 10 + 6
        stream.close()
    assert threading.active_count() < 50


def test_crowded_frames_keep_all_workers_busy(frame):
    taken = []

    def sources():
        for i in range(50):
            taken.append(i)
            for k in range(20):
                yield f"{i} {k}", Crop(frame[1].with_name(f"{i}"), Box(k, 0, 9, 20))

    with ThreadPoolExecutor(4) as pool:
        stream = Reader(MGN, NO_OBSERVER).ahead(sources(), pool, 4, 8)
        next(stream)
        # A frame for each worker, and the one whose first crop shows where the last one ends.
        assert 4 <= len(taken) <= 6
        stream.close()
