# SPDX-License-Identifier: Apache-2.0
import numpy as np

from mgn_fast.gallery.edits import Edit, shown
from mgn_fast.gallery.model import described
from mgn_fast.gallery.pending import Memory, Pending
from support import galleries

HALVES = described("float16", 4)


def test_memory_gives_back_what_it_took():
    memory = Memory()
    for batch in (galleries.batch(0, 2), galleries.batch(2, 0), galleries.batch(2, 3)):
        memory.append(batch)
    assert memory.num_rows == 5
    assert [int(memory.embedding(row)[0]) for row in range(5)] == list(range(5))


def test_rows_are_committed_before_the_changes_that_may_be_of_them():
    memory, pending = Memory(), Pending()
    memory.append(galleries.batch(0, 1, dtype="float16"))
    pending.add(np.full(4, 7.0, np.float32), "x.jpg", "ab", {"person": "ann"})
    assert pending.embedding(0, memory)[0] == 0
    assert pending.embedding(1, memory)[0] == 7
    pending.renamed[1] = ("y.jpg", "there")
    pending.labelled[0] = {"x": 1}
    pending.commit_to(memory, HALVES, "here")
    _, second, edit = memory.batches
    assert second.rows.dtype == np.float16
    assert (second.names, second.sha256, second.folder) == (["x.jpg"], ["ab"], "here")
    assert second.label(0) == {"person": "ann"}
    assert Edit.of(edit, 2) == Edit(renamed={1: ("y.jpg", "there")}, labelled={0: {"x": 1}})
    assert len(shown(memory.batches).pieces) == 2


def test_nothing_is_committed_where_there_is_nothing():
    memory = Memory()
    Pending().commit_to(memory, HALVES, "")
    assert memory.batches == []


def test_the_age_is_that_of_the_first_row():
    pending = Pending()
    assert pending.age_s == 0
    pending.add(np.zeros(4, np.float32), "a", "", {})
    age = pending.age_s
    assert pending.age_s >= age >= 0
