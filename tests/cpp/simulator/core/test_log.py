# SPDX-License-Identifier: Apache-2.0
"""What would stand in the real runtime's log files."""

import pytest

from support.acl import run_program

pytestmark = pytest.mark.usefixtures("own_process")

PROGRAM = """
acl.open()
acl.aclAppLog(3, b"main", b"a.cpp", 17, b"%d pictures of %s", 5, b"cats")
acl.aclAppLog(9, None, None, 1, b"odd")
acl.aclAppLog(1, b"main", b"a.cpp", 18, None)
acl.aclAppLog(1, b"main", b"a.cpp", 19, b"%s", b"x" * 5000)
acl.acldvppVpcResizeAsync(None, None, None, None, None)
acl.aclopSetModelDir(b"op_models")
print(acl.ledger()["calls"]["aclAppLog"])
acl.close()
"""


def test_the_log_is_written_where_it_is_wanted():
    done = run_program(PROGRAM, MGN_FAST_SIMULATOR_LOG="1")
    assert (done.returncode, done.stdout) == (0, "4\n")
    first, error, odd, long, resize, operators = (
        line.removeprefix("mgn_fast simulator: ") for line in done.stderr.splitlines()
    )
    assert "(simulated)" in first
    assert error == "ERROR a.cpp:17 main: 5 pictures of cats"
    assert odd == "? :1 : odd"
    assert long == "INFO a.cpp:19 main: " + "x" * 1023
    assert resize.startswith(
        "acldvppVpcResizeAsync is not supported: the simulated Ascend310P3 has"
    )
    assert operators.startswith("aclopSetModelDir is not supported: the simulated Ascend310P3 runs")


def test_no_log_is_written_where_none_is_wanted():
    done = run_program(PROGRAM, MGN_FAST_SIMULATOR_LOG="")
    assert (done.returncode, done.stdout, done.stderr) == (0, "4\n", "")
