# SPDX-License-Identifier: Apache-2.0
"""bench/count_instructions.py: what it makes of qemu's log."""

import pytest

from support.bench_scripts import load

# Two blocks are translated when they are first run; then the second is run alone, and once more
# but for an interruption. An address may be taken by another block later.
LOG = """\
----------------
IN: main
0x00400530:  aa0103e0  mov      x0, x1
0x00400534:  940017bf  bl       #0x406444

Trace 0: 0x7f40 [0000000001009331/0000000000400530/00000001/00000200] main
----------------
IN: boundary
0x00406444:  d65f03c0  ret

Trace 0: 0x7f80 [0000000001009331/0000000000406444/00000001/00000200] boundary
Trace 0: 0x7f40 [0000000001009331/0000000000400530/00000001/00000200] main
Trace 0: 0x7f40 [0000000001009331/0000000000400530/00000001/00000200] main
Stopped execution of TB chain before 0x7f40 [0000000000400530] main
Trace 0: 0x7f80 [0000000001009331/0000000000406444/00000001/00000200] boundary
----------------
IN: main
0x00400538:  aa0103e0  mov      x0, x1
0x0040053c:  aa0103e0  mov      x0, x1
0x00400540:  940017bf  bl       #0x406444

Trace 0: 0x7f40 [0000000001009331/0000000000400538/00000001/00000200] main
Trace 0: 0x7f80 [0000000001009331/0000000000406444/00000001/00000200] boundary
"""


@pytest.fixture
def counter():
    return load("count_instructions")


def test_every_block_that_was_run_counts_with_its_instructions(counter):
    assert counter.boundaries(LOG.splitlines(keepends=True)) == [3, 6, 10]


def test_what_calling_costs_is_taken_off(counter):
    known = {"nothing": 20, "1000 rounds": 2023, "2000 rounds": 4023}
    assert counter.without_known({**known, "a kernel": 120}) == {"a kernel": 100}


@pytest.mark.parametrize("twice", [4022, 4024])
def test_a_counter_that_miscounts_what_is_known_ends(counter, twice):
    known = {"nothing": 20, "1000 rounds": 2023, "2000 rounds": twice}
    with pytest.raises(SystemExit, match="rounds of two"):
        counter.without_known({**known, "a kernel": 120})
