# SPDX-License-Identifier: Apache-2.0
import os

import numpy as np
import pytest

from mgn_fast import InvalidInputError, _core
from mgn_fast.common import threads
from mgn_fast.common.threads import blas_threads, thread_count
from mgn_fast.evaluation import distances


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


needs_openblas = pytest.mark.skipif(
    threads._blas_functions() is None, reason="numpy's BLAS here is not its wheels' OpenBLAS"
)


@needs_openblas
def test_numpys_products_are_held_and_let_go_again():
    get, _ = threads._blas_functions()
    before = get()
    with blas_threads(1):
        assert get() == 1
    assert get() == before
    with pytest.raises(RuntimeError), blas_threads(1):
        raise RuntimeError
    assert get() == before
    with blas_threads(1000):
        assert get() == before


@needs_openblas
def test_products_of_ours_that_numpy_makes_are_held(monkeypatch):
    get, _ = threads._blas_functions()
    monkeypatch.setattr(_core, "has_product", lambda: False)
    seen = []

    class Rows(np.ndarray):
        def __array_ufunc__(self, *arguments, **options):
            seen.append(get())
            plain = [np.asarray(x) for x in arguments[2:]]
            return np.matmul(*plain, out=np.asarray(options["out"][0]))

    rows = np.eye(3, dtype=np.float32)
    out = np.empty((3, 3), np.float32)
    distances.multiply(rows.view(Rows), rows, out, _core.Scratch(), 1)
    assert seen == [1]
    np.testing.assert_array_equal(out, rows)


def test_another_blas_is_left_alone(monkeypatch):
    monkeypatch.setattr(threads, "_blas_functions", lambda: None)
    with blas_threads(1):
        pass
