# SPDX-License-Identifier: Apache-2.0
import os

import pytest

from mgn_fast import InvalidInputError
from mgn_fast.threads import thread_count


def test_the_callers_number_wins(monkeypatch):
    monkeypatch.setenv("MGN_FAST_THREADS", "5")
    assert thread_count(3) == 3


def test_then_the_environments(monkeypatch):
    monkeypatch.setenv("MGN_FAST_THREADS", "5")
    assert thread_count() == 5


def test_then_the_cores_this_process_may_use(monkeypatch):
    monkeypatch.delenv("MGN_FAST_THREADS", raising=False)
    assert thread_count() == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "two", 1025])
def test_what_is_no_number_of_threads_is_refused(threads):
    with pytest.raises(InvalidInputError, match=f"threads is {threads!r}, expected a whole number"):
        thread_count(threads)


@pytest.mark.parametrize("setting", ["0", "many", "", "-2", "1.5", "9" * 30])
def test_so_is_a_setting(monkeypatch, setting):
    monkeypatch.setenv("MGN_FAST_THREADS", setting)
    with pytest.raises(InvalidInputError, match="MGN_FAST_THREADS is "):
        thread_count()
