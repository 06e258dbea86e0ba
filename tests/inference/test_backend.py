# SPDX-License-Identifier: Apache-2.0
"""A batch that a thread of Python runs: done, waited for, failed, and timed."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mgn_fast.inference.backend import FutureBatch


@pytest.fixture
def thread():
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_a_batch_is_done_when_its_thread_is(thread):
    go = threading.Event()

    def run(count):
        go.wait()
        return np.full((count, 2), 7, np.float32)

    batch = FutureBatch(thread, run, 3)
    assert not batch.done()
    assert not batch.wait(0.01)
    assert batch.stage_times() == []
    go.set()
    assert batch.wait(None)
    assert batch.done()
    assert batch.embeddings().tolist() == [[7, 7]] * 3
    assert batch.embeddings() is batch.embeddings()
    [(stage, started_s, ended_s)] = batch.stage_times()
    assert stage == "compute"
    assert started_s <= ended_s


def test_a_failed_batch_has_ended_and_raises_each_time(thread):
    def run(count):
        raise ValueError(f"{count} pictures")

    batch = FutureBatch(thread, run, 2)
    assert batch.wait(None)
    for _ in range(2):
        with pytest.raises(ValueError, match="2 pictures"):
            batch.embeddings()
