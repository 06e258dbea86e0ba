# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import DatasetError
from mgn_fast.cli import split_rows
from mgn_fast.cli.split_rows import rows_of_split
from mgn_fast.datasets.split import labelled
from mgn_fast.embedding.embeddings_file import Embeddings
from mgn_fast.types import Box

ROWS = np.arange(3, dtype=np.float32)[:, None]
FILE = Path("q.npy")


@pytest.fixture
def split(tmp_path):
    names = ["ann/1.jpg", "ann/2.jpg", "bob/1.jpg"]
    return labelled([tmp_path / name for name in names], names, ["a", "a", "b"], None)


def order_of(names, split):
    rows, notes = rows_of_split(Embeddings(ROWS, tuple(names)), FILE, split, "query")
    assert notes == []
    return rows[:, 0].astype(int).tolist()


def test_rows_are_found_by_names_that_start_elsewhere(split, tmp_path):
    assert order_of(["bob/1.jpg", "ann/1.jpg", "ann/2.jpg"], split) == [1, 2, 0]
    assert order_of(["./set/bob/1.jpg", "set/ann/1.jpg", "set/ann/2.jpg"], split) == [1, 2, 0]
    absolute = [str(tmp_path / name) for name in ("bob/1.jpg", "ann/2.jpg", "ann/1.jpg")]
    assert order_of(absolute, split) == [2, 1, 0]


def test_file_names_alone_do_where_they_tell_pictures_apart(split):
    two = split.without_junk([0, 1])
    rows, _ = rows_of_split(Embeddings(ROWS[:2], ("2.jpg", "1.jpg")), FILE, two, "query")
    assert rows[:, 0].tolist() == [1, 0]
    with pytest.raises(DatasetError, match=r"lacks 3 of 3 query pictures, the first 'ann/1\.jpg'"):
        order_of(["1.jpg", "2.jpg", "3.jpg"], split)


def test_more_rows_than_pictures_are_no_matter(split):
    names = ("x.jpg", "ann/2.jpg", "ann/1.jpg")
    rows, _ = rows_of_split(Embeddings(ROWS, names), FILE, split.without_junk([0, 1]), "query")
    assert rows[:, 0].tolist() == [2, 1]


def test_crops_of_one_frame_are_told_apart_by_their_boxes(tmp_path):
    boxes = [Box(0, 0, 5, 9), Box(3, 0, 5, 9)]
    crops = labelled([tmp_path / "f.png"] * 2, ["f.png"] * 2, ["1", "2"], None, boxes)
    names = (f"{tmp_path}/f.png#3,0,5,9", f"{tmp_path}/f.png#0,0,5,9")
    rows, _ = rows_of_split(Embeddings(ROWS[:2], names), FILE, crops, "query")
    assert rows[:, 0].tolist() == [1, 0]


def test_rows_without_names_are_warned_of_whatever_is_quiet(split, monkeypatch):
    said = []
    monkeypatch.setattr(split_rows, "say", lambda text, *, always: said.append((text, always)))
    rows, notes = rows_of_split(Embeddings(ROWS, None), FILE, split, "query")
    assert rows[:, 0].tolist() == [0, 1, 2]
    assert said == [(f"warning: {notes[0]}", True)]
    assert "Put the names beside it, one a line, in q.txt" in notes[0]


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (Embeddings(ROWS[:2], None), "has 2 rows and no names, expected one for each of the 3"),
        (Embeddings(ROWS, ("a", "a", "a")), "has rows of one name"),
        (Embeddings(ROWS, ("ann/1.jpg", "b", "c")), r"lacks 2 of 3 .* 'ann/2\.jpg'; its own first"),
    ],
)
def test_rows_that_do_not_fit_are_refused(split, read, message):
    with pytest.raises(DatasetError, match=message):
        rows_of_split(read, FILE, split, "query")
