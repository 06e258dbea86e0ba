# SPDX-License-Identifier: Apache-2.0
import gc
import io
import itertools
import threading
import time
import tracemalloc

import cv2
import numpy as np
import pytest
import simplejpeg

from mgn_fast import DecodeError, Embedder, InvalidInputError, ModelError
from mgn_fast.embedding.reading import Noticed
from mgn_fast.models.contract import METADATA_KEY, Contract
from mgn_fast.pictures.directories import list_pictures
from mgn_fast.pictures.pixels import decode, resize, resize_pack
from mgn_fast.types import Box, Crop
from support.late import late
from support.tiny_model import tiny_embedding, write_tiny_model

Image = late("PIL.Image")
onnx = late("onnx")
torch = late("torch")


@pytest.fixture
def pictures(random):
    """Nineteen pictures of different sizes."""
    sizes = random.integers(20, 150, (19, 2))
    return [random.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in sizes]


@pytest.fixture
def directory(tmp_path, pictures):
    """The same as JPEG files, one of them in a subdirectory."""
    for index, pixels in enumerate(pictures):
        path = tmp_path / ("sub" if index == 7 else "") / f"{index:02}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(simplejpeg.encode_jpeg(pixels, quality=95))
    return tmp_path


def oracle(pictures, *, mirror=True):
    """Plain and mirrored through the tiny model in NumPy, added, normalised."""
    rows = []
    for pixels in pictures:
        plain = np.empty((1, 3, 384, 128), np.float32)
        resize_pack(pixels, plain[0])
        row = tiny_embedding(plain)[0]
        if mirror:
            row = row + tiny_embedding(plain[..., ::-1])[0]
        rows.append(row / np.linalg.norm(row))
    return np.stack(rows)


@pytest.mark.usefixtures("many_examples")
@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 8, 40])
@pytest.mark.parametrize("lanes", [1, 3])
def test_rows_are_plain_plus_mirrored_normalised_in_order(tiny_model, pictures, lanes, batch_size):
    with Embedder(tiny_model, lanes=lanes, batch_size=batch_size) as embedder:
        got = embedder(pictures)
    np.testing.assert_allclose(got, oracle(pictures), atol=1e-5)
    assert got.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_fixed_batch_gives_the_same(tmp_path, pictures, batch_size):
    path = write_tiny_model(tmp_path / "fixed.onnx", batch_size=batch_size)
    with Embedder(path) as embedder:
        np.testing.assert_allclose(embedder(pictures), oracle(pictures), atol=1e-5)


def test_without_mirror_only_the_plain_picture_counts(tiny_model, pictures):
    with Embedder(tiny_model, mirror=False) as embedder:
        np.testing.assert_allclose(embedder(pictures), oracle(pictures, mirror=False), atol=1e-5)


def test_mirroring_a_picture_does_not_change_its_embedding(tiny_model, picture):
    with Embedder(tiny_model) as embedder:
        plain, mirrored = embedder([picture, np.ascontiguousarray(picture[:, ::-1])])
    np.testing.assert_allclose(plain, mirrored, atol=1e-5)


def test_a_model_with_bytes_as_input_gets_bytes(tmp_path, pictures):
    contract = Contract(input="uint8")
    path = write_tiny_model(tmp_path / "uint8.onnx", contract=contract)
    resized = np.stack([resize(pixels) for pixels in pictures])
    plain = resized.transpose(0, 3, 1, 2).astype(np.float32)
    expected = tiny_embedding(plain) + tiny_embedding(plain[..., ::-1])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    with Embedder(path) as embedder:
        np.testing.assert_allclose(embedder(pictures), expected, atol=1e-5)


def test_a_model_that_fuses_gets_the_plain_picture_only(tmp_path, pictures):
    path = write_tiny_model(tmp_path / "fuse.onnx", contract=Contract(mirror="inside"))
    with Embedder(path) as embedder:
        np.testing.assert_allclose(embedder(pictures), oracle(pictures, mirror=False), atol=1e-5)
    with pytest.raises(InvalidInputError, match=r"mirror is False, but .* inside its graph"):
        Embedder(path, mirror=False)


def test_every_form_of_input_gives_the_same(tiny_model, directory):
    paths = list_pictures(directory)
    with Embedder(tiny_model) as embedder:
        expected = embedder(directory)
        for form in (
            str(directory),
            paths,
            [str(path) for path in paths],
            (path.read_bytes() for path in paths),
            [decode(path) for path in paths],
        ):
            np.testing.assert_array_equal(embedder(form), expected)
        np.testing.assert_array_equal(embedder(paths[3]), expected[3:4])
        for kind in (bytes, bytearray, memoryview):
            np.testing.assert_array_equal(embedder(kind(paths[3].read_bytes())), expected[3:4])
        np.testing.assert_array_equal(embedder(decode(paths[3])), expected[3:4])


def test_pictures_in_memory_give_the_same_whatever_holds_them(tiny_model, pictures):
    with Embedder(tiny_model) as embedder:
        expected = embedder(pictures)
        for form in (
            [Image.fromarray(pixels) for pixels in pictures],
            [torch.from_numpy(pixels) for pixels in pictures],
            (io.BytesIO(cv2.imencode(".png", p[..., ::-1])[1].tobytes()) for p in pictures),
            [np.dstack([pixels, pixels[..., 0]]) for pixels in pictures],
        ):
            np.testing.assert_array_equal(embedder(form), expected)
        grey = pictures[0][..., :1]
        as_colours = embedder(grey.repeat(3, axis=2))
        for form in (grey, grey[..., 0], Image.fromarray(grey[..., 0]), torch.from_numpy(grey)):
            np.testing.assert_array_equal(embedder(form), as_colours)


def test_crops_give_what_their_pixels_give(tiny_model, pictures):
    frame = np.zeros((400, 600, 3), np.uint8)
    crops, place = [], 0
    for pixels in pictures[:6]:
        height, width = pixels.shape[:2]
        frame[7 : 7 + height, place : place + width] = pixels[:, : 600 - place]
        crops.append(Crop(frame, Box(place, 7, min(width, 600 - place), height)))
        place += 90
    alone = [
        crop.frame[7 : 7 + crop.box.height, crop.box.x :][:, : crop.box.width] for crop in crops
    ]
    with Embedder(tiny_model) as embedder:
        np.testing.assert_array_equal(embedder(crops), embedder(alone))
        np.testing.assert_array_equal(embedder(crops[3]), embedder(alone[3]))


def test_names_come_with_the_rows(tiny_model, directory):
    with Embedder(tiny_model, on_error="skip") as embedder:
        assert embedder.names == []
        rows = embedder(directory)
        assert embedder.names[:2] == ["00.jpg", "01.jpg"]
        assert len(embedder.names) == len(rows) == 19
        (directory / "03.jpg").write_bytes(b"")
        names, rows = embedder(directory, with_names=True)
        assert names == embedder.names
        assert len(names) == len(rows) == 18
        assert "03.jpg" not in names
        names, rows = embedder([], with_names=True)
        assert (names, rows.shape) == ([], (0, 2048))


def test_a_pattern_is_as_good_as_a_directory(tiny_model, directory):
    with Embedder(tiny_model) as embedder:
        names, rows = embedder(str(directory / "0[12].jpg"), with_names=True)
        assert names == [str(directory / "01.jpg"), str(directory / "02.jpg")]
        np.testing.assert_array_equal(rows, embedder(directory)[1:3])


def test_what_is_no_picture_is_found_before_anything_is_embedded(tiny_model, directory):
    for name in ("notes.txt", "labels.csv", "clip.mp4", "more.txt"):
        (directory / name).write_text("hello")
    message = (
        r"4 of 23 files are no readable pictures: 'clip\.mp4', 'labels\.csv', 'more\.txt' and "
    )
    with Embedder(tiny_model) as embedder:
        for given in (directory, list_pictures(directory)):
            with pytest.raises(DecodeError, match="4 of 23 files are no readable pictures"):
                embedder.stream(given)  # and not when its first row is asked for
        with pytest.raises(DecodeError, match=message + "1 more; the first: .*'skip'"):
            embedder(directory)
    with Embedder(tiny_model, lanes=1, batch_size=1) as embedder:
        # One by one they are found when they come.
        stream = embedder.stream(iter(list_pictures(directory)))
        assert next(stream)[0].endswith("00.jpg")
    with Embedder(tiny_model, on_error="skip") as embedder:
        assert len(embedder(directory)) == 19
        skipped = [name for name, _ in embedder.skipped]
        assert skipped == ["clip.mp4", "labels.csv", "more.txt", "notes.txt"]


@pytest.fixture
def turned(tmp_path, picture):
    """A picture that lies, whose file says so, and the picture upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = np.ascontiguousarray(np.rot90(picture, 1))
    Image.fromarray(lying).save(tmp_path / "turned.png", exif=exif)
    return tmp_path / "turned.png", picture, lying


def test_exif_is_ignored_or_applied_as_asked(tiny_model, turned):
    path, upright, lying = turned
    with Embedder(tiny_model) as embedder:
        as_seen, as_stored = embedder([upright, lying])
        np.testing.assert_array_equal(embedder(path)[0], as_stored)
        assert embedder.noticed == Noticed(num_turned=1, num_wide=1)
        assert embedder.contract.exif == "ignore"
    for options in ({"exif": "apply"}, {"contract": Contract(exif="apply")}):
        with Embedder(tiny_model, **options) as embedder:
            np.testing.assert_array_equal(embedder(path)[0], as_seen)
            assert embedder.noticed == Noticed(num_turned=1, num_wide=0)
            assert embedder.contract == embedder.session.contract == Contract(exif="apply")
            embedder(upright)
            assert embedder.noticed == Noticed()
    with Embedder(tiny_model, contract=Contract(exif="apply"), exif="ignore") as embedder:
        np.testing.assert_array_equal(embedder(path)[0], as_stored)
    with pytest.raises(InvalidInputError, match="exif is 'turn', expected one of"):
        Embedder(tiny_model, exif="turn")


def test_an_embedder_says_what_it_is(tiny_model, tmp_path):
    with Embedder(tiny_model) as embedder:
        assert repr(embedder) == "<Embedder of tiny.onnx: 2048 wide, onnxruntime, 2 lanes>"
    with Embedder(tiny_model, lanes=1) as embedder:
        assert repr(embedder).endswith("1 lane>")


def test_an_array_of_pictures_is_that_many(tiny_model, random):
    stack = random.integers(0, 256, (5, 60, 30, 3), dtype=np.uint8)
    with Embedder(tiny_model) as embedder:
        assert embedder(stack).shape == (5, 2048)


def test_nothing_in_nothing_out(tiny_model):
    with Embedder(tiny_model) as embedder:
        assert embedder([]).shape == (0, 2048)
        assert list(embedder.stream([])) == []


def test_names_are_relative_to_a_directory_or_as_given(tiny_model, directory, picture):
    with Embedder(tiny_model) as embedder:
        names = [name for name, _ in embedder.stream(directory)]
        assert names[:2] == ["00.jpg", "01.jpg"]
        assert names[-1] == "sub/07.jpg"
        path = directory / "00.jpg"
        given = [name for name, _ in embedder.stream([path, picture, path.read_bytes()])]
        assert given == [str(path), "#1", "#2"]


def test_the_first_broken_picture_is_named(tiny_model, directory):
    (directory / "05.jpg").write_bytes((directory / "05.jpg").read_bytes()[:200])
    with Embedder(tiny_model) as embedder:
        with pytest.raises(DecodeError, match=r"05\.jpg is a damaged JPEG"):
            embedder(directory)
        assert embedder([directory / "00.jpg"]).shape == (1, 2048)  # still usable


def test_broken_pictures_are_skipped_and_listed(tiny_model, directory):
    with Embedder(tiny_model) as embedder:
        whole = embedder(directory)
    (directory / "05.jpg").write_bytes(b"")
    (directory / "sub" / "08.txt").write_text("not a picture")
    with Embedder(tiny_model, on_error="skip") as embedder:
        got = embedder(directory)
        np.testing.assert_array_equal(got, np.delete(whole, 5, 0))
        assert [name for name, _ in embedder.skipped] == ["05.jpg", "sub/08.txt"]
        assert "the file is empty" in embedder.skipped[0][1]
        embedder([directory / "00.jpg"])
        assert embedder.skipped == []


def test_skipping_everything_leaves_nothing(tiny_model, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    with Embedder(tiny_model, on_error="skip") as embedder:
        assert embedder(tmp_path).shape == (0, 2048)
        assert len(embedder.skipped) == 1


def test_a_stream_reads_ahead_by_a_bounded_number(tiny_model, picture):
    taken = itertools.count()
    endless = (picture for _ in taken)
    with Embedder(tiny_model, lanes=2, batch_size=4) as embedder:
        stream = embedder.stream(endless)
        for _ in range(10):
            next(stream)
        stream.close()
    # Lanes x batch rows ready, as many decoded ahead, as many in flight: two rows make a picture.
    assert next(taken) <= 10 + 4 * 8


@pytest.mark.usefixtures("many_examples")
def test_memory_does_not_grow_with_the_number_of_pictures(tiny_model, picture):
    def traced_after(stream, count):
        for _ in range(count):
            next(stream)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    with Embedder(tiny_model) as embedder:
        stream = embedder.stream(itertools.repeat(picture))
        early = traced_after(stream, 100)
        late = traced_after(stream, 800)
        stream.close()
    tracemalloc.stop()
    # Were each resized picture kept, 800 of them would be 118 MB; those under way are at most 6 MB.
    assert late - early < 12e6


def test_a_stream_that_is_dropped_frees_its_lanes_and_threads(tiny_model, picture):
    with Embedder(tiny_model, lanes=2) as embedder:
        embedder([picture] * 20)  # a lane's thread starts with its first batch
        before = threading.active_count()
        stream = embedder.stream(itertools.repeat(picture))
        next(stream)
        del stream
        gc.collect()
        assert embedder.session.acquire(timeout_s=5) is not None
        deadline = time.monotonic() + 5
        while threading.active_count() > before and time.monotonic() < deadline:
            time.sleep(0.01)
        assert threading.active_count() <= before


def test_an_embedder_may_be_called_while_it_streams(tiny_model, pictures):
    with Embedder(tiny_model, lanes=1, batch_size=2) as embedder:
        expected = embedder(pictures)
        for index, (_, row) in enumerate(embedder.stream(pictures)):
            np.testing.assert_allclose(row, expected[index], atol=1e-6)
            np.testing.assert_allclose(embedder(pictures[index]), expected[[index]], atol=1e-6)


def test_an_error_in_the_callers_iterator_is_its_own(tiny_model, picture):
    def failing():
        yield picture
        raise KeyError("mine")

    with Embedder(tiny_model) as embedder, pytest.raises(KeyError, match="mine"):
        embedder(failing())


@pytest.mark.parametrize(
    ("images_", "error", "message"),
    [
        ("missing.jpg", DecodeError, r"'missing\.jpg' cannot be read"),
        (["missing.jpg"], DecodeError, r"'missing\.jpg' cannot be read"),
        ([3.5], DecodeError, "#0 is a float, expected a path, a file's bytes, an open"),
        (3.5, InvalidInputError, "images is a float"),
        ([np.zeros((4, 4, 3))], DecodeError, r"#0 is float64 \(4, 4, 3\)"),
        (np.zeros((3, 40, 20), np.uint8), DecodeError, r"#0 is uint8 \(3, 40, 20\)"),
        ("x" * 5000 + ".jpg", DecodeError, "cannot be read: File name too long"),
        ("", DecodeError, "'' cannot be read: No such file"),
    ],
)
def test_what_is_no_picture_is_refused_with_its_name(tiny_model, images_, error, message):
    with Embedder(tiny_model) as embedder, pytest.raises(error, match=message):
        embedder(images_)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on_error": "ignore"}, "on_error is 'ignore', expected one of 'raise', 'skip'"),
        ({"workers": 0}, "workers is 0"),
        ({"lanes": 0}, "lanes is 0"),
    ],
)
def test_options_out_of_range_are_refused(tiny_model, options, message):
    with pytest.raises(InvalidInputError, match=message):
        Embedder(tiny_model, **options)


def test_models_that_are_not_mgn_are_refused(tmp_path):
    path = write_tiny_model(tmp_path / "narrow.onnx", width=256)
    with pytest.raises(
        ModelError,
        match=r"gives embeddings 256 wide, and its contract .* says embedding_width 2048",
    ):
        Embedder(path)
    path = write_tiny_model(tmp_path / "bare.onnx", contract=None)
    with pytest.raises(ModelError, match=r"has no metadata mgn_fast\.contract"):
        Embedder(path)
    model = onnx.load(write_tiny_model(tmp_path / "lying.onnx"))
    metadata = {METADATA_KEY: Contract(input="uint8").to_json()}
    onnx.helper.set_model_props(model, metadata)
    onnx.save(model, tmp_path / "lying.onnx")
    with pytest.raises(ModelError, match=r"has input float32 \(3, 384, 128\), and its contract"):
        Embedder(tmp_path / "lying.onnx")


def test_an_embedding_that_is_zero_is_an_error_not_a_division(tmp_path, picture):
    weights = np.zeros((3 * 24 * 8, 2048))
    path = write_tiny_model(tmp_path / "dead.onnx", weights=weights)
    with Embedder(path) as embedder, pytest.raises(ModelError, match=r"of #0 has length 0"):
        embedder([picture])
