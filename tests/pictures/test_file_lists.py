# SPDX-License-Identifier: Apache-2.0
import io
from pathlib import Path

import pytest

from mgn_fast import DatasetError, InvalidInputError
from mgn_fast.pictures import file_lists
from mgn_fast.pictures.file_lists import read_list


def names(content, tmp_path):
    (tmp_path / "list.txt").write_bytes(content)
    got = read_list(tmp_path / "list.txt")
    assert got.folder == tmp_path
    assert [path for _, path in got.pictures] == [tmp_path / name for name, _ in got.pictures]
    return [name for name, _ in got.pictures]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a.jpg\nb/c.jpg\n", ["a.jpg", "b/c.jpg"]),
        (b"a.jpg", ["a.jpg"]),
        (b"\xef\xbb\xbfa.jpg\r\n\r\n  \nb.jpg\r\n", ["a.jpg", "b.jpg"]),
        (b" a .jpg \n", [" a .jpg "]),
        (b"a\nb.jpg\0c*.jpg\0", ["a\nb.jpg", "c*.jpg"]),
        ("m\u00fcller.jpg\n".encode(), ["m\u00fcller.jpg"]),
        (b"m\xfcller.jpg\n", ["m\udcfcller.jpg"]),
        (b"/far/a.jpg\n", ["/far/a.jpg"]),
    ],
)
def test_there_is_one_path_a_line(content, expected, tmp_path):
    assert names(content, tmp_path) == expected


def test_directories_in_a_list_are_searched(tmp_path):
    (tmp_path / "cam1").mkdir()
    for name in ("b.jpg", "a.jpg"):
        (tmp_path / "cam1" / name).touch()
    assert names(b"x.jpg\ncam1\n", tmp_path) == ["x.jpg", "cam1/a.jpg", "cam1/b.jpg"]
    (tmp_path / "none").mkdir()
    with pytest.raises(InvalidInputError, match="none' holds no pictures"):
        names(b"none\n", tmp_path)


def test_a_stream_is_relative_to_the_current_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    got = read_list(io.BytesIO(b"a.jpg\n"))
    assert (got.folder, got.pictures) == (tmp_path, [("a.jpg", tmp_path / "a.jpg")])


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\0\0"])
def test_a_list_of_nothing_is_refused(content, tmp_path):
    with pytest.raises(DatasetError, match=r"list.txt' is empty, expected one path a line"):
        names(content, tmp_path)
    with pytest.raises(DatasetError, match="the list is empty"):
        read_list(io.BytesIO(content))


def test_a_list_that_cannot_be_read_is_refused(tmp_path, monkeypatch):
    with pytest.raises(DatasetError, match=r"list '.*none' cannot be read: No such file"):
        read_list(tmp_path / "none")
    with pytest.raises(DatasetError, match="cannot be read"):
        read_list(Path(tmp_path))
    monkeypatch.setattr(file_lists, "MAX_LIST_BYTES", 3)
    with pytest.raises(DatasetError, match="the list has more than 3 bytes"):
        read_list(io.BytesIO(b"a.jpg\n"))
    with pytest.raises(DatasetError, match="has 5 bytes, expected at most 3"):
        names(b"a.jpg", tmp_path)
