# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys

import numpy as np
import pytest

from mgn_fast import build_info
from support.programs import load_program
from support.repository import PACKAGE, ROOT

PATH = ROOT / "tools/try_wheel"


@pytest.fixture(scope="module")
def tried():
    return load_program(PATH)


def test_the_level_is_asked_of_the_kernel_too(tried):
    if tried.VARIABLE in os.environ:
        pytest.skip(f"{tried.VARIABLE} chooses the level of these tests")
    assert tried.level_of_this_cpu() == build_info()["simd"]


def test_digests_tell_bytes_shapes_and_types_apart(tried):
    table = np.arange(6, dtype=np.int32)
    others = [table + 1, table.reshape(2, 3), table.astype(np.int64), table.view(np.float32)]
    assert tried.digest_of([table]) == tried.digest_of([table.copy()])
    assert len({tried.digest_of([each]) for each in [table, *others]}) == 5


@pytest.mark.usefixtures("own_process")
def test_what_goes_wrong_in_a_fork_is_told(tried):
    assert tried.forked(dict) == {}

    def broken(_):
        raise ValueError("it is broken")

    with pytest.raises(AssertionError, match=r"(?s)broken at once.*ValueError: it is broken"):
        tried.forked(broken, "at once")
    with pytest.raises(AssertionError, match="died with 7"):
        tried.forked(lambda: os._exit(7))


@pytest.mark.usefixtures("own_process")
def test_a_wrong_level_and_a_checkout_fail():
    """The package that these tests run is tried too, unless it is the checkout's own."""
    command = [sys.executable, str(PATH), "--level", "no-such-level"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 1
    is_checkout = str(PACKAGE) in done.stderr
    told = "is the checkout, not a wheel's" if is_checkout else "this CPU has no-such-level"
    assert told in done.stderr
