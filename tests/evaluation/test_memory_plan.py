# SPDX-License-Identifier: Apache-2.0
"""Predicted memory against what runs take, and what is refused."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import Identities, InvalidInputError, _core, evaluate, rerank
from mgn_fast.common import memory
from mgn_fast.common.memory import MEGABYTE
from mgn_fast.common.progress import no_progress
from mgn_fast.evaluation.memory_plan import Work, needed_bytes, require_room
from mgn_fast.evaluation.protocol import Protocol
from mgn_fast.evaluation.reranking import RerankSettings
from mgn_fast.evaluation.size import work_of

# One run in a process of its own: the growth of its peak beyond what it held before.
MEASURED = """
import sys
from pathlib import Path
import numpy as np
from mgn_fast import Identities
from mgn_fast.evaluation.measure import measure_embeddings
from mgn_fast.evaluation.size import work_of
from mgn_fast.evaluation.memory_plan import needed_bytes
from mgn_fast.evaluation.protocol import Protocol
from mgn_fast.evaluation.reranking import RerankSettings

queries, gallery, width, k1, k2, max_rank, shots, dtype = eval(sys.argv[1])
random = np.random.default_rng(0)
owner = random.integers(0, gallery // 15, queries + gallery)
rows = random.standard_normal((gallery // 15, width), np.float32)[owner]
rows += 0.7 * random.standard_normal(rows.shape, np.float32)
rows /= np.linalg.norm(rows, axis=1, keepdims=True)
rows = rows.astype(dtype)
sides = [Identities(part, np.arange(len(part)) % 5) for part in (owner[:queries], owner[queries:])]
protocols = [Protocol(max_rank=max_rank, single_shot=shots)]
rerank = RerankSettings(k1, k2) if k1 else None
converted = 0 if dtype == "float32" else len(rows)
work = work_of((queries, gallery, width), protocols, rerank, converted=converted)

def status(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field))) * 1024

nobody = [Identities(np.zeros(n, int), np.arange(n) % 5) for n in (9, 31)]
measure_embeddings(rows[:9], rows[9:40], *nobody, [Protocol()])
before = status("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
measure_embeddings(rows[:queries], rows[queries:], *sides, protocols, rerank=rerank)
print(needed_bytes(work), status("VmHWM") - before)
"""

RUNS = {
    "plain": (1500, 15000, 64, 0, 1, 50, "no", "float32"),
    "plain from float16": (800, 8000, 512, 0, 1, 50, "no", "float16"),
    "a long cmc": (1200, 9000, 32, 0, 1, 9000, "expected", "float32"),
    "re-ranked, distances kept": (800, 12000, 256, 20, 6, 50, "no", "float32"),
    "re-ranked, long lists": (200, 6000, 64, 100, 6, 50, "no", "float32"),
}


@pytest.mark.usefixtures("own_process")
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS.keys())
def test_the_prediction_is_near_and_rather_too_high(run):
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, repr(run)], capture_output=True, text=True, check=True
    )
    predicted, measured = map(int, done.stdout.split())
    assert measured <= predicted + 4 * MEGABYTE
    assert predicted <= 1.8 * measured + 16 * MEGABYTE


def test_everything_that_grows_a_run_grows_the_prediction():
    work = Work(3368, 15913, 2048, 2, k1=20, k2=6)
    base = needed_bytes(work)
    for change in ({"k1": 200}, {"gallery": 16_000}, {"besides": 1}, {"converted": 100}):
        assert needed_bytes(Work(**(vars(work) | change))) > base, change
    if _core.has_product():
        assert needed_bytes(Work(**(vars(work) | {"threads": 8}))) > base


def test_work_counts_the_ranks_that_protocols_keep():
    protocols = [Protocol(max_rank=500), Protocol(max_rank=50, single_shot="expected")]
    assert work_of((10, 30, 4), protocols, None, 1) == Work(10, 30, 4, 1, rank_columns=30)
    assert work_of((10, 30, 4), [], RerankSettings(7, 3), 2) == Work(10, 30, 4, 2, k1=7, k2=3)


def test_distances_are_kept_up_to_256_megabytes():
    assert Work(3368, 15913, 2048, 2).keeps_distances
    assert not Work(11659, 82161, 2048, 2).keeps_distances


@pytest.fixture
def crowd():
    """3,000 pictures and who is on them; enough that long lists outgrow everything else."""
    random = np.random.default_rng(0)
    rows = random.standard_normal((3000, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    people = [Identities(np.arange(n) % 40, np.arange(n) % 3) for n in (300, 2700)]
    return rows[:300], rows[300:], *people


def leave(monkeypatch, megabytes):
    monkeypatch.setattr(memory, "available_bytes", lambda: megabytes * MEGABYTE)


def test_a_k1_that_cannot_fit_is_refused_and_one_that_fits_is_named(monkeypatch, crowd):
    leave(monkeypatch, 150)
    with pytest.raises(
        InvalidInputError,
        match=r"re-ranking with k1=999999999, k2=6 of 300 queries and 2700 gallery pictures needs "
        r"about .* beyond the embeddings, expected at most the 86 MB available; pass k1=\d+ and",
    ) as refused:
        evaluate(*crowd, rerank=True, k1=999_999_999)
    named = int(str(refused.value).split("k1=")[2].split()[0])
    assert 100 < named < 3000
    require_room("the run it names", Work(300, 2700, 8, 2, k1=named, k2=6))


def test_where_no_k1_fits_to_leave_re_ranking_is_the_advice():
    work = Work(3368, 15913, 2048, 2, k1=20, k2=6)
    plain = Work(3368, 15913, 2048, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "available_bytes", lambda: needed_bytes(plain) + 65 * MEGABYTE)
        with pytest.raises(InvalidInputError, match=r"; evaluate without re-ranking$"):
            require_room("a run", work)


def test_threads_and_a_shorter_cmc_are_tried_first(monkeypatch):
    many = Work(100, 1000, 2048, 64)
    leave(monkeypatch, 100)
    if _core.has_product():
        with pytest.raises(InvalidInputError, match=r"; pass threads=1$"):
            require_room("a run", many)
    leave(monkeypatch, 150)
    with pytest.raises(InvalidInputError, match=r"; pass a max_rank of 50$"):
        require_room("a run", Work(1000, 15000, 8, 1, rank_columns=15000))


def test_a_result_that_does_not_fit_may_go_to_a_file(monkeypatch, crowd, tmp_path):
    needed = needed_bytes(Work(300, 2700, 8, 1, k1=20, k2=6))
    monkeypatch.setattr(memory, "available_bytes", lambda: needed + 64 * MEGABYTE + 300 * 2700 * 2)
    with pytest.raises(InvalidInputError, match="; pass out, a memory map"):
        rerank(*crowd[:2], threads=1)
    out = np.lib.format.open_memmap(
        tmp_path / "out.npy", mode="w+", dtype=np.float32, shape=(300, 2700)
    )
    assert rerank(*crowd[:2], threads=1, out=out) is out


def test_nothing_listens():
    assert no_progress("stage", 1, 2) is None
