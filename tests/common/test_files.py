# SPDX-License-Identifier: Apache-2.0
import errno
import json
import os
import stat
from pathlib import Path

import pytest

from mgn_fast import InvalidInputError, ModelError
from mgn_fast.common.files import (
    is_directory,
    is_regular_file,
    open_regular,
    read_limited,
    replacing,
    write_atomically,
    write_json,
)


def test_a_file_appears_whole(tmp_path):
    path = write_atomically(tmp_path / "a.txt", b"new")
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_a_failure_keeps_the_old_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")

    def fail_half_way():
        with replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        fail_half_way()
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_the_temporary_file_has_the_same_suffix_and_directory(tmp_path):
    with replacing(tmp_path / "a.onnx") as temporary:
        assert temporary.suffix == ".onnx"
        assert temporary.parent == tmp_path


def test_others_may_read_the_result_as_the_umask_says(tmp_path):
    old = os.umask(0o027)
    try:
        path = write_atomically(tmp_path / "a", b"")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_places_that_cannot_be_written_are_named(tmp_path):
    with pytest.raises(InvalidInputError, match=r"missing/a' cannot be written: No such file"):
        write_atomically(tmp_path / "missing" / "a", b"")
    with pytest.raises(InvalidInputError, match="is a directory, expected a file name"):
        write_atomically(tmp_path, b"")
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInputError, match="cannot be written: Not a directory"):
        write_atomically(tmp_path / "file" / "a", b"")


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real.txt").write_bytes(b"old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    write_atomically(tmp_path / "link.txt", b"new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_bytes() == b"new"


def test_pipes_and_devices_are_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/null"):
        with pytest.raises(InvalidInputError, match="is a pipe or device, expected a regular file"):
            write_atomically(path, b"")
    assert Path("/dev/null").is_char_device()
    with pytest.raises(OSError, match="no regular file"):
        open_regular(tmp_path / "pipe")


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    def full(self, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InvalidInputError, match="a' cannot be written: No space left on device"):
        write_atomically(tmp_path / "a", b"x")
    assert list(tmp_path.iterdir()) == []


def test_other_failures_inside_are_passed_on(tmp_path):
    def fail():
        with replacing(tmp_path / "a"):
            raise FileNotFoundError(errno.ENOENT, "another file", "b")

    with pytest.raises(FileNotFoundError, match="another file"):
        fail()


def test_names_that_are_too_long_are_no_files_and_cannot_be_written(tmp_path):
    name = tmp_path / ("x" * 5000)
    assert not is_regular_file(name)
    assert not is_directory(name)
    with pytest.raises(InvalidInputError, match="cannot be written: File name too long"):
        write_atomically(name, b"")
    assert write_atomically(tmp_path / ("x" * 255), b"new").read_bytes() == b"new"


def test_a_file_is_read_whole_up_to_its_limit(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"12345")
    assert read_limited(path, 5) == b"12345"
    with pytest.raises(OSError, match=r"a\.json' has 5 bytes, expected at most 4$"):
        read_limited(path, 4)


def test_what_cannot_be_read_is_refused_in_the_callers_class_and_words(tmp_path):
    options = {"what": "checkpoint", "remedy": "save it again"}
    for name, reason in (
        (tmp_path / "gone", "No such file or directory"),
        (tmp_path, "no regular file"),
        ("a\0b", "(open: )?embedded null (byte|character in path)"),
    ):
        with pytest.raises(ModelError, match=f"^checkpoint '.*' cannot be read: {reason}; save it"):
            read_limited(name, 4, ModelError, **options)


def test_json_is_written_for_people_too_and_whole(tmp_path):
    path = write_json(tmp_path / "a.json", {"a": [1, None]})
    assert path.read_bytes() == b'{\n "a": [\n  1,\n  null\n ]\n}\n'
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_bytes()) == {"a": [1, None]}
