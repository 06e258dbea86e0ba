# SPDX-License-Identifier: Apache-2.0
import io
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import InvalidInputError
from mgn_fast.pictures.sources import Listed, all_pictures, expanded, in_files, listed, named
from mgn_fast.types import Box, Crop
from support.late import late

Image = late("PIL.Image")
torch = late("torch")


def test_files_and_those_below_directories_keep_the_order_given(tmp_path):
    (tmp_path / "below").mkdir()
    for name in ("b.jpg", "a.jpg"):
        (tmp_path / "below" / name).touch()
    alone = tmp_path / "not there.jpg"
    assert all_pictures([alone, tmp_path / "below"]) == [
        alone,
        tmp_path / "below" / "a.jpg",
        tmp_path / "below" / "b.jpg",
    ]


@pytest.fixture
def cameras(tmp_path, monkeypatch):
    """cam1/{1,2}.jpg, cam2/1.jpg and cam[1].jpg, in the current directory."""
    for name in ("cam1/2.jpg", "cam1/1.jpg", "cam2/1.jpg", "cam[1].jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_pattern_that_the_shell_left_is_expanded_sorted(cameras):
    given = [Path(word) for word in ("cam1/*.jpg", "cam?/1.jpg", "cam[12]/1.jpg", "x.jpg")]
    got = [str(path) for path in expanded(given)]
    assert got == ["cam1/1.jpg", "cam1/2.jpg", *2 * ["cam1/1.jpg", "cam2/1.jpg"], "x.jpg"]
    assert [str(path) for path in expanded([Path("**/1.jpg")])] == ["cam1/1.jpg", "cam2/1.jpg"]
    assert expanded([cameras / "cam?"]) == [cameras / "cam1", cameras / "cam2"]


def test_a_file_that_has_brackets_is_meant_itself(cameras):
    assert expanded([Path("cam[1].jpg")]) == [Path("cam[1].jpg")]
    assert [name for name, _ in named("cam[1].jpg")] == ["cam[1].jpg"]
    Path("cam[1].jpg").unlink()
    with pytest.raises(InvalidInputError, match=r"'cam\[1\]\.jpg' is no file, and nothing matches"):
        expanded([Path("cam[1].jpg")])


def test_directories_that_a_pattern_matches_are_searched(cameras):
    assert [name for name, _ in named("cam?")] == ["cam1/1.jpg", "cam1/2.jpg", "cam2/1.jpg"]
    with pytest.raises(InvalidInputError, match=r"nothing matches it as a pattern"):
        named("dog*")


def test_listed_pictures_have_a_folder_and_names(cameras):
    got = listed("cam1")
    assert got == Listed(cameras / "cam1", [(n, Path("cam1", n)) for n in ("1.jpg", "2.jpg")])
    crop = Crop("cam2/1.jpg", Box(1, 2, 3, 4))
    got = listed(["./cam1/1.jpg", crop])
    assert got == Listed(
        cameras, [("./cam1/1.jpg", Path("cam1/1.jpg")), ("cam2/1.jpg#1,2,3,4", crop)]
    )
    assert listed("cam2/1.jpg").pictures == [("cam2/1.jpg", Path("cam2/1.jpg"))]


def test_every_picture_has_a_name(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.jpg").touch()
    pixels = np.zeros((2, 5, 3), np.uint8)
    crop = Crop("f.jpg", Box(1, 2, 3, 4))
    cases = (
        (tmp_path, ["below/a.jpg"]),
        ("some/b.jpg", ["some/b.jpg"]),
        (
            [tmp_path / "c.jpg", pixels, b"d", crop],
            [str(tmp_path / "c.jpg"), "#1", "#2", str(crop)],
        ),
        (pixels, ["#0"]),
        (pixels[..., 0], ["#0"]),
        (np.stack([pixels, pixels]), ["#0", "#1"]),
        (memoryview(b"e"), ["#0"]),
        (crop, ["f.jpg#1,2,3,4"]),
        (io.BytesIO(b"f\ng\n"), ["#0"]),
        (np.array(["a.jpg", "b.jpg"]), ["a.jpg", "b.jpg"]),
        (Image.new("L", (3, 4)), ["#0"]),
        (torch.zeros(2, 5, 3), ["#0"]),
        (torch.zeros(7, 2, 5, 3), [f"#{i}" for i in range(7)]),
    )
    for given, names in cases:
        assert [name for name, _ in named(given)] == names


def test_an_open_file_is_read_when_it_is_taken(tmp_path):
    (tmp_path / "a").write_bytes(b"content")

    def opened():
        for _ in range(2):
            with (tmp_path / "a").open("rb") as file:
                yield file

    assert [source for _, source in list(named(opened()))] == [b"content"] * 2
    with (tmp_path / "a").open() as text:
        assert [source for _, source in named([text])] == [text]  # told of by `decode`


def test_what_lies_in_files_is_known_beforehand(tmp_path):
    (tmp_path / "a.jpg").touch()
    crop = Crop("f.jpg", Box(1, 2, 3, 4))
    assert in_files(tmp_path) == [("a.jpg", tmp_path / "a.jpg")]
    assert in_files(["x.jpg", b"y", crop]) == [("x.jpg", "x.jpg"), (str(crop), crop)]
    assert in_files("x.jpg") == [("x.jpg", "x.jpg")]
    assert in_files(iter(["x.jpg"])) == in_files(np.zeros((4, 4))) == []


@pytest.mark.parametrize("images", [5, None, {"a": "b.jpg"}, 2.5])
def test_what_holds_no_pictures_is_refused(images):
    kind = type(images).__name__
    with pytest.raises(InvalidInputError, match=f"images is a {kind}, expected pictures, a direct"):
        named(images)
