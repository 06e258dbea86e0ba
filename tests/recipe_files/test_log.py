# SPDX-License-Identifier: Apache-2.0
import json
import resource
from pathlib import Path

import pytest

from mgn_fast import InvalidInputError
from mgn_fast.recipe_files.log import LOG_NAME, BinsLog, Proof

FIRST = Proof("a" * 64, (1, 2))
SECOND = Proof("b" * 64, (3, 4))


def reopened(root):
    with BinsLog(root) as log:
        return log.proofs


def test_what_is_added_is_there_the_next_time(tmp_path):
    with BinsLog(tmp_path) as log:
        assert log.proofs == {}
        log.add("query", 0, "0001_c1.jpg", FIRST)
        log.add("gallery", 0, "0002_c1.jpg", SECOND)
    assert reopened(tmp_path) == {("query", 0): FIRST, ("gallery", 0): SECOND}
    lines = (tmp_path / LOG_NAME).read_text().splitlines()
    assert json.loads(lines[0])["picture"] == "0001_c1.jpg"


def test_the_last_line_about_a_picture_counts(tmp_path):
    with BinsLog(tmp_path) as log:
        log.add("query", 0, "a.jpg", FIRST)
        log.add("query", 0, "a.jpg", SECOND)
    assert reopened(tmp_path) == {("query", 0): SECOND}


def test_a_line_cut_short_says_nothing_and_spoils_no_other(tmp_path):
    with BinsLog(tmp_path) as log:
        log.add("query", 0, "a.jpg", FIRST)
        log.add("query", 1, "b.jpg", FIRST)
    path = tmp_path / LOG_NAME
    path.write_bytes(path.read_bytes()[:-10])
    with BinsLog(tmp_path) as log:
        assert log.proofs == {("query", 0): FIRST}
        log.add("query", 2, "c.jpg", SECOND)
    assert reopened(tmp_path) == {("query", 0): FIRST, ("query", 2): SECOND}


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe",
        b"[]",
        b"7",
        b"null",
        b"{}",
        b"[" * 100_000,
        b'{"schema": "mgn_fast.bins/0", "split": "query", "index": 0, "sha256": "", '
        b'"written_ns": [1, 2]}',
        b'{"schema": "mgn_fast.bins/1", "split": "query", "index": 0, "sha256": "", '
        b'"written_ns": [1]}',
        b'{"schema": "mgn_fast.bins/1", "split": [], "index": 0, "sha256": "", '
        b'"written_ns": [1, 2]}',
    ],
    ids=lambda line: line[:12].decode(errors="replace") + str(len(line)),
)
def test_lines_that_are_not_ours_say_nothing(tmp_path, line):
    (tmp_path / LOG_NAME).write_bytes(line + b"\n")
    assert reopened(tmp_path) == {}


def test_a_log_too_large_to_read_is_begun_again(tmp_path, monkeypatch):
    with BinsLog(tmp_path) as log:
        log.add("query", 0, "a.jpg", FIRST)
    monkeypatch.setattr("mgn_fast.recipe_files.log.MAX_LOG_BYTES", 10)
    with BinsLog(tmp_path) as log:
        assert log.proofs == {}
        log.add("query", 1, "b.jpg", SECOND)
    monkeypatch.undo()
    assert reopened(tmp_path) == {("query", 1): SECOND}


def test_two_at_once_are_refused_and_the_first_goes_on(tmp_path):
    with BinsLog(tmp_path) as log:
        with pytest.raises(InvalidInputError, match="is being written by another process"):
            BinsLog(tmp_path)
        log.add("query", 0, "a.jpg", FIRST)
    assert reopened(tmp_path) == {("query", 0): FIRST}


def test_a_full_disk_is_an_error():
    class Full(BinsLog):
        def __init__(self):
            self._file = open("/dev/full", "r+b", buffering=0)  # noqa: PTH123, SIM115

    with Full() as log, pytest.raises(OSError, match="No space left"):
        log.add("query", 0, "a.jpg", FIRST)


def test_a_disk_that_fills_up_inside_a_line_is_an_error(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with BinsLog(tmp_path) as log:
        log.add("query", 0, "a.jpg", FIRST)
        size = (tmp_path / LOG_NAME).stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, limits[1]))
        try:
            with pytest.raises(OSError, match="No space left"):
                log.add("query", 1, "b.jpg", FIRST)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert reopened(tmp_path) == {("query", 0): FIRST}


def test_opening_leaves_no_descriptor_behind(tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    with BinsLog(tmp_path):
        for _ in range(5):
            with pytest.raises(InvalidInputError):
                BinsLog(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
