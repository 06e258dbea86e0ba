# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits

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


@pytest.fixture
def blas_count():
    """How many threads numpy's BLAS would use now, by a look of our own at the process."""
    info = [lib for lib in threadpool_info() if "numpy" in lib["filepath"]]
    if not info:
        pytest.skip("numpy's BLAS here is not its wheels' own")
    path = info[0]["filepath"]
    return lambda: next(i["num_threads"] for i in threadpool_info() if i["filepath"] == path)


def test_numpys_products_are_held_and_let_go_again(blas_count):
    with threadpool_limits(2, user_api="blas"):
        with blas_threads(1):
            assert blas_count() == 1
        assert blas_count() == 2
        with pytest.raises(RuntimeError), blas_threads(1):
            raise RuntimeError
        assert blas_count() == 2


def test_a_number_that_is_lower_already_stays(blas_count):
    with threadpool_limits(1, user_api="blas"), blas_threads(1000):
        assert blas_count() == 1


def test_products_of_ours_that_numpy_makes_are_held(monkeypatch, blas_count):
    monkeypatch.setattr(_core, "has_product", lambda: False)
    seen = []

    class Rows(np.ndarray):
        def __array_ufunc__(self, *arguments, **options):
            seen.append(blas_count())
            plain = [np.asarray(x) for x in arguments[2:]]
            return np.matmul(*plain, out=np.asarray(options["out"][0]))

    rows = np.eye(3, dtype=np.float32)
    out = np.empty((3, 3), np.float32)
    distances.multiply(rows.view(Rows), rows, out, _core.Scratch(), 1)
    assert seen == [1]
    np.testing.assert_array_equal(out, rows)


def test_a_process_without_a_blas_goes_on(monkeypatch):
    none = ThreadpoolController().select(user_api="none")
    monkeypatch.setattr(threads, "_blas", lambda: none)
    with blas_threads(1):
        pass


def test_importing_it_does_not_look_for_libraries(own_process):
    code = "import sys, mgn_fast.common.threads; print('threadpoolctl' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
