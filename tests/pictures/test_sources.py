# SPDX-License-Identifier: Apache-2.0
import errno
import os

import numpy as np
import pytest

from mgn_fast import InvalidInputError
from mgn_fast.pictures.directories import list_pictures
from mgn_fast.pictures.sources import all_pictures, named


def test_pictures_are_listed_by_path_and_nothing_is_lost(tmp_path):
    for name in ("b.jpg", "a.png", "Thumbs.db", ".hidden", "notes.txt", "sub/c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = [str(path.relative_to(tmp_path)) for path in list_pictures(tmp_path)]
    assert names == ["a.png", "b.jpg", "notes.txt", "sub/c.jpg"]


def test_a_directory_without_pictures_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="holds no pictures"):
        list_pictures(tmp_path)
    with pytest.raises(InvalidInputError, match="is no directory"):
        list_pictures(tmp_path / "missing")


def test_a_subdirectory_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.jpg").touch()
    (tmp_path / "locked").mkdir()
    scandir = os.scandir

    def deny(path):
        if os.fspath(path).endswith("locked"):
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", deny)
    with pytest.raises(InvalidInputError, match="locked' cannot be read: Permission denied"):
        list_pictures(tmp_path)


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


def test_every_picture_has_a_name(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.jpg").touch()
    pixels = np.zeros((2, 5, 3), np.uint8)
    cases = (
        (tmp_path, ["below/a.jpg"]),
        ("some/b.jpg", ["some/b.jpg"]),
        ([tmp_path / "c.jpg", pixels, b"d"], [str(tmp_path / "c.jpg"), "#1", "#2"]),
        (pixels, ["#0"]),
        (np.stack([pixels, pixels]), ["#0", "#1"]),
        (memoryview(b"e"), ["#0"]),
    )
    for given, names in cases:
        assert [name for name, _ in named(given)] == names


def test_what_holds_no_pictures_is_refused():
    with pytest.raises(InvalidInputError, match="images is a int, expected pictures, a directory"):
        named(5)
