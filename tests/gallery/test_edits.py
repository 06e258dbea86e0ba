# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from mgn_fast import DatasetError
from mgn_fast.gallery.edits import Edit, shown
from mgn_fast.gallery.file import Batch
from mgn_fast.gallery.model import described
from support import galleries

FLOATS = described("float32", 4)


def edit(**changes):
    return Edit(**changes).to_batch(FLOATS)


def removed(*rows):
    return edit(removed=frozenset(rows))


def told(pieces):
    """(number, name, folder, labels) of every picture."""
    return [
        (int(piece.rows[row][0]), piece.names[row], piece.folder, piece.label(row))
        for piece in pieces
        for row in range(len(piece.rows))
    ]


def numbers(batches):
    """What is left, by the numbers that the rows hold."""
    return [number for number, *_ in told(shown(batches).pieces)]


def test_without_edits_the_batches_are_shown_themselves():
    batches = [galleries.batch(0, 2), galleries.batch(2, 0), galleries.batch(2, 1)]
    found = shown(batches)
    assert list(found.pieces) == batches
    assert found.first_rows == (0, 2, 2)
    assert found.prefixes == (2, 2, 3)
    assert (found.num_removed, found.num_edits) == (0, 0)
    assert shown([]).pieces == ()


@pytest.mark.parametrize(
    ("rows", "left"),
    [
        ([0], [1, 2, 3, 4]),
        ([4], [0, 1, 2, 3]),
        ([1, 2], [0, 3, 4]),
        ([1, 3], [0, 2, 4]),
        ([2, 3], [0, 1, 4]),
        ([0, 1, 2], [3, 4]),
        (range(5), []),
    ],
    ids=str,
)
def test_removed_rows_are_shown_no_more(rows, left):
    batches = [galleries.batch(0, 3), galleries.batch(3, 2), removed(*rows)]
    assert numbers(batches) == left
    assert numbers([*batches, galleries.batch(5, 1)]) == [*left, 5]
    assert shown(batches).num_removed == len(rows)


def test_rows_keep_their_numbers_whatever_was_removed():
    batches = [galleries.batch(0, 3), removed(0), galleries.batch(3, 2), removed(3, 1)]
    found = shown(batches)
    assert [number for number, _, _ in found.numbered()] == [2, 4]
    assert [int(piece.rows[row][0]) for _, piece, row in found.numbered()] == [2, 4]


def test_rows_are_views_between_the_holes():
    batch = galleries.batch(0, 5)
    pieces = shown([batch, removed(2)]).pieces
    assert [len(piece.rows) for piece in pieces] == [2, 2]
    assert all(np.shares_memory(piece.rows, batch.rows) for piece in pieces)


def test_names_change_and_a_new_folder_is_a_piece_of_its_own():
    batches = [
        galleries.batch(0, 5),
        edit(renamed={1: ("x.jpg", "pictures"), 3: ("y.jpg", "there")}),
        edit(renamed={4: ("z.jpg", "there"), 1: ("w.jpg", "pictures")}),
    ]
    found = shown(batches)
    assert told(found.pieces) == [
        (0, "0.jpg", "pictures", {}),
        (1, "w.jpg", "pictures", {}),
        (2, "2.jpg", "pictures", {}),
        (3, "y.jpg", "there", {}),
        (4, "z.jpg", "there", {}),
    ]
    assert [len(piece.rows) for piece in found.pieces] == [3, 2]
    assert [piece.sha256 for piece in found.pieces] == [
        [f"{n:064x}" for n in (0, 1, 2)],
        [f"{n:064x}" for n in (3, 4)],
    ]


def test_labels_are_replaced_and_stay_with_their_pictures():
    batches = [
        galleries.batch(0, 3, labels=[{"person": "a"}, {"person": "b"}, {}]),
        edit(labelled={1: {"person": "c", "x": 1}, 2: {}}),
        removed(0),
    ]
    assert [label for *_, label in told(shown(batches).pieces)] == [{"person": "c", "x": 1}, {}]


def test_prefixes_count_what_is_shown_now_of_the_batches_so_far():
    batches = [galleries.batch(0, 3), galleries.batch(3, 3)]
    assert shown([*batches, removed(4)]).prefixes == (3, 5, 5)
    assert shown([*batches, removed(1)]).prefixes == (2, 5, 5)
    assert shown([*batches, removed(5), galleries.batch(6, 1)]).prefixes == (3, 5, 5, 6)
    assert shown([batches[0], removed(1), batches[1]]).prefixes == (2, 2, 5)
    assert shown([*batches, edit(labelled={0: {"x": 1}})]).prefixes == (3, 6, 6)


@pytest.mark.parametrize("seed", range(20))
def test_edits_on_a_plain_list_leave_the_same(seed):
    """Random edits, each also made of a plain list of pictures."""
    random = np.random.default_rng(seed)
    batches, plain = [], []
    for _ in range(12):
        if not plain or random.random() < 0.4:
            count = int(random.integers(0, 6))
            batches.append(galleries.batch(len(plain), count))
            plain += [
                [n, f"{n}.jpg", "pictures", {}] for n in range(len(plain), len(plain) + count)
            ]
            continue
        there = [entry[0] for entry in plain if entry[1] is not None]
        some = [int(n) for n in there if random.random() < 0.3]
        kind = random.integers(3)
        if kind == 0:
            batches.append(removed(*some))
            for n in some:
                plain[n][1] = None
        elif kind == 1:
            folder = str(random.choice(["pictures", "a", "b"]))
            batches.append(edit(renamed={n: (f"new{n}", folder) for n in some}))
            for n in some:
                plain[n][1:3] = [f"new{n}", folder]
        else:
            batches.append(edit(labelled={n: {"x": len(batches)} for n in some}))
            for n in some:
                plain[n][3] = {"x": len(batches) - 1}
    expected = [tuple(entry) for entry in plain if entry[1] is not None]
    assert told(shown(batches).pieces) == expected


@pytest.mark.parametrize(
    "said",
    [
        [],
        {},
        {"removed": [3], "renamed": {}, "labelled": {}},
        {"removed": [-1], "renamed": {}, "labelled": {}},
        {"removed": ["x"], "renamed": {}, "labelled": {}},
        {"removed": 1, "renamed": {}, "labelled": {}},
        {"removed": [], "renamed": {"3": ["a", ""]}, "labelled": {}},
        {"removed": [], "renamed": {"0": "ab"}, "labelled": {"0": 1}},
        {"removed": [], "renamed": {"0": ["a", 1]}, "labelled": {}},
        {"removed": [], "renamed": {"0": ["a"]}, "labelled": {}},
        {"removed": [], "renamed": [], "labelled": {}},
        {"removed": [], "renamed": {}, "labelled": {"3": {}}},
        {"removed": [], "renamed": {}, "labelled": {"0": {"person": 1}}},
    ],
    ids=str,
)
def test_an_edit_that_another_writer_describes_otherwise_is_refused(said):
    text = json.dumps({"names": [], "sha256": [], "folder": "", "edit": said}).encode()
    with pytest.raises(DatasetError, match="an edit in a gallery is not described"):
        shown([galleries.batch(0, 3), Batch(np.empty((0, 4), np.float32), text)])
