# SPDX-License-Identifier: Apache-2.0
import os
import stat

import pytest

from mgn_fast import InvalidInputError
from mgn_fast.files import replacing, write_atomically


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
