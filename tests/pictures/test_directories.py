# SPDX-License-Identifier: Apache-2.0
import errno
import os

import pytest

from mgn_fast import DecodeError, InvalidInputError
from mgn_fast.pictures.directories import in_words, list_pictures, strangers
from mgn_fast.pictures.pixels import decode
from mgn_fast.types import Box, Crop

JPEG = b"\xff\xd8\xff\xe0" + bytes(60)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)
BMP = b"BM" + bytes(12) + (40).to_bytes(4, "little") + bytes(40)


def test_pictures_are_listed_by_path_and_nothing_is_lost(tmp_path):
    for name in (
        "b.jpg",
        "a.png",
        "Thumbs.db",
        ".hidden",
        "notes.txt",
        "sub/c.jpg",
        "@eaDir/d.jpg",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = [str(path.relative_to(tmp_path)) for path in list_pictures(tmp_path)]
    assert names == ["a.png", "b.jpg", "notes.txt", "sub/c.jpg"]


def test_a_linked_directory_is_followed(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "a.jpg").touch()
    (tmp_path / "set" / "cam").symlink_to(tmp_path / "far")
    assert list_pictures(tmp_path / "set") == [tmp_path / "set" / "cam" / "a.jpg"]


def test_a_directory_without_pictures_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="holds no pictures"):
        list_pictures(tmp_path)
    with pytest.raises(InvalidInputError, match="is no directory"):
        list_pictures(tmp_path / "missing")
    with pytest.raises(InvalidInputError, match="'' is no directory"):
        list_pictures("")


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


# The first bytes of what people have among their pictures, and what is said of it.
STRANGERS = {
    "notes.txt": (b"hello\n", "starts with b'hello"),
    "labels.csv": (b"path,person\n", "starts with b'path,per'"),
    "BMW.txt": (b"BMW parked at the gate in the morning", "starts with b'BMW park'"),
    "P5.csv": (b"P5,1,2\n", "starts with b'P5,1,2"),
    "empty.jpg": (b"", "the file is empty"),
    "clip.mp4": (b"\0\0\0\x18ftypmp42" + bytes(9), "is a video and starts with"),
    "clip.mkv": (b"\x1a\x45\xdf\xa3" + bytes(9), "is a video"),
    "clip.avi": (b"RIFF\0\0\0\0AVI " + bytes(9), "is a video"),
    "phone.heic": (b"\0\0\0\x18ftypheic" + bytes(9), "is a HEIC picture"),
    "web.avif": (b"\0\0\0\x18ftypavif" + bytes(9), "is an AVIF picture"),
    "old.gif": (b"GIF89a" + bytes(9), "is a GIF"),
    "scan.tif": (b"II*\0" + bytes(9), "is a TIFF"),
    "form.pdf": (b"%PDF-1.7", "is a PDF"),
}


def test_strangers_are_told_from_pictures_by_their_first_bytes(tmp_path):
    for name, content in {
        "a.jpg": JPEG,
        "b": PNG,
        "c.bmp": BMP,
        "d.ppm": b"P6 1 1 255 abc",
    }.items():
        (tmp_path / name).write_bytes(content)
    for name, (content, _) in STRANGERS.items():
        (tmp_path / name).write_bytes(content)
    found = strangers((path.name, path) for path in list_pictures(tmp_path))
    assert [name for name, _ in found] == sorted(STRANGERS)
    for name, reason in found:
        assert STRANGERS[name][1] in reason
        assert str(tmp_path / name) in reason
        with pytest.raises(DecodeError) as error:  # in the words of decoding
            decode(tmp_path / name)
        assert str(error.value) == reason


def test_what_cannot_be_opened_is_told_too(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "broken.jpg").symlink_to("nowhere")
    (tmp_path / "folder.jpg").mkdir()
    names = ["broken.jpg", "folder.jpg", "missing.jpg", "pipe.jpg", "x" * 300]
    found = strangers((name, tmp_path / name) for name in names)
    assert [name for name, _ in found] == names
    reasons = ("No such file", "Is a directory", "No such file", "the file is empty", "too long")
    for (_, reason), expected in zip(found, reasons, strict=True):
        assert expected in reason


def test_what_is_in_memory_is_not_looked_at_and_a_frame_is_for_each_crop(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    box = Box(0, 0, 1, 1)
    sources = [("x", b"text"), ("y", Crop(b"text", box)), ("z", None)]
    sources += [(str(i), Crop(tmp_path / "a.txt", box)) for i in range(2)]
    assert [name for name, _ in strangers(sources)] == ["0", "1"]


def test_strangers_keep_their_order_among_many(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "a.jpg").write_bytes(JPEG)
    sources = [(str(i), tmp_path / ("a.txt" if i % 7 == 0 else "a.jpg")) for i in range(2000)]
    assert [name for name, _ in strangers(sources)] == [str(i) for i in range(0, 2000, 7)]


def test_the_words_name_three(tmp_path):
    one = [("a", "a is none")]
    assert in_words(one, 9, "go") == "a is none; go"
    assert in_words(one * 3, 9, "go") == (
        "3 of 9 files are no readable pictures: 'a', 'a', 'a'; the first: a is none; go"
    )
    assert "'a', 'a', 'a' and 1,997 more; the first" in in_words(one * 2000, 3000, "go")
