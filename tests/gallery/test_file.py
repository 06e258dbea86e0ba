# SPDX-License-Identifier: Apache-2.0
import json
import zlib

import numpy as np
import pytest

from mgn_fast import DatasetError
from mgn_fast.gallery.file import COMMIT_BYTES, MERGED_ROWS, Batch, Commit, head_bytes, merged
from support import galleries

COMMIT = Commit(3, 2048, 10, 123, 456)


def test_a_commit_record_is_read_back():
    record = COMMIT.to_bytes()
    assert len(record) == COMMIT_BYTES
    assert Commit.from_bytes(record) == COMMIT


def test_a_record_with_any_byte_changed_is_none():
    record = COMMIT.to_bytes()
    for place in range(COMMIT_BYTES):
        changed = bytearray(record)
        changed[place] ^= 1
        assert Commit.from_bytes(bytes(changed)) is None, place


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[",
        b"[]",
        b"{}",
        json.dumps(vars(COMMIT) | {"more": 1}).encode(),
        json.dumps(vars(COMMIT) | {"end": -1}).encode(),
        json.dumps(vars(COMMIT) | {"end": 1.5}).encode(),
        json.dumps(vars(COMMIT) | {"end": True}).encode(),
        b"[" * 400,
    ],
    ids=range(9),
)
def test_a_record_of_other_text_is_none_though_its_crc_is_right(text):
    text = text.ljust(COMMIT_BYTES - 8)
    assert Commit.from_bytes(b"%08x" % zlib.crc32(text) + text) is None


@pytest.mark.parametrize("offset", [0, 64, 1000])
@pytest.mark.parametrize(("count", "width"), [(1, 1), (3, 5), (0, 4), (2, 2048)])
def test_rows_of_a_batch_are_aligned_and_the_check_covers_what_comes_before(offset, count, width):
    batch = galleries.batch(0, count, width=width)
    before, rows, check = batch.to_parts(offset)
    assert (offset + len(before)) % 64 == 0
    assert bytes(rows) == batch.rows.tobytes()
    numbers = np.frombuffer(check[-64:], "<u4")
    assert numbers[0] == zlib.crc32(bytes(before) + bytes(rows))
    assert not numbers[1:].any()


def test_a_batch_knows_its_pictures():
    batch = galleries.batch(3, 2, folder="a")
    assert batch.names == ["3.jpg", "4.jpg"]
    assert batch.sha256 == [f"{3:064x}", f"{4:064x}"]
    assert batch.folder == "a"


def test_names_that_are_no_utf_8_are_kept():
    name = b"\xff\xfe.jpg".decode("utf-8", "surrogateescape")
    batch = Batch.of(np.zeros((1, 4), np.float32), [name], ["0" * 64])
    assert batch.names == [name]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"names": ["a"], "sha256": ["0", "1"], "folder": ""}',
        b'{"names": ["a", 2], "sha256": ["0", "1"], "folder": ""}',
        b'{"names": 2, "sha256": ["0", "1"], "folder": ""}',
        b'{"names": ["a", "b"], "sha256": ["0", "1"], "folder": 3}',
        b'{"names": ["a", "b"], "sha256": ["0", "1"], "folder": "", "labels": []}',
        b'{"names": ["a", "b"], "sha256": ["0", "1"], "folder": "", "labels": {"2": {}}}',
        b'{"names": ["a", "b"], "sha256": ["0", "1"], "folder": "", "labels": {"0": 1}}',
        b'{"names": ["", ""], "sha256": ["", ""], "folder": "", "labels": {"0": {"person": 1}}}',
    ],
    ids=range(12),
)
def test_a_batch_that_another_writer_describes_otherwise_is_refused(text):
    with pytest.raises(DatasetError, match="a batch of 2 pictures in a gallery is not described"):
        _ = Batch(np.zeros((2, 4), np.float32), text).names


def test_commit_records_lie_within_a_page():
    """One that straddles two could be torn by the end of the process that writes it."""
    for length in range(0, 600, 7):
        head = head_bytes({"text": "x" * length}, np.zeros(3, np.float32))
        assert (len(head) - 2 * COMMIT_BYTES) % COMMIT_BYTES == 0


def test_merging_keeps_pictures_their_order_and_their_folders():
    parts = [galleries.batch(0, 2), galleries.batch(2, 3), galleries.batch(5, 1, folder="other")]
    found = list(merged(parts, str.upper))
    assert [batch.folder for batch in found] == ["PICTURES", "OTHER"]
    assert [name for batch in found for name in batch.names] == [f"{n}.jpg" for n in range(6)]
    assert [digest for batch in found for digest in batch.sha256] == [f"{n:064x}" for n in range(6)]
    np.testing.assert_array_equal(
        np.concatenate([batch.rows for batch in found]),
        np.concatenate([batch.rows for batch in parts]),
    )


def test_merged_batches_stay_bounded():
    rows = np.zeros((MERGED_ROWS // 2, 1), np.float32)
    part = Batch.of(rows, ["a"] * len(rows), [""] * len(rows))
    assert [len(b.rows) for b in merged([part] * 5, str)] == [2 * len(rows)] * 2 + [len(rows)]
