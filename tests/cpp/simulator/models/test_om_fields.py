# SPDX-License-Identifier: Apache-2.0
"""One line of a simulated .om's description, field by field."""

import pytest

from mgn_fast.simulator import TensorSpec, write_om
from support.acl_models import Machine, query, with_description

DATA_SIZE = 145006


@pytest.fixture
def content(tmp_path):
    return write_om(
        tmp_path / "model.om", batch_sizes=(2,), inputs=[TensorSpec("x", "float32", (5,))]
    ).read_bytes()


def replaced(content, line):
    return with_description(content, lambda p: p.replace(b"input x 0 2 2 2 5", line))


@pytest.mark.parametrize(
    "line",
    [
        b"input x 0 2 2 2 5",
        b"input a%20b 0 2 2 2 5",
        b"input %E6%A8%A1 0 2 2 2 5",
        b"input x 0 2 8 2 1 1 1 1 1 1 1",
        b"input x 0 -1 1 4",
    ],
    ids=bytes.decode,
)
def test_good_lines_are_read(content, line):
    with Machine() as machine:
        assert query(machine, replaced(content, line)) == 0


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"input x", "a field"),
        (b"input  x 0 2 2 2 5", "between two blanks"),
        (b"input x 0 2 2 2 5 ", "an end"),
        (b"input %0 0 2 2 2 5", "hexadecimal"),
        (b"input %zz 0 2 2 2 5", "hexadecimal"),
        (b"input %00 0 2 2 2 5", "hexadecimal"),
        (b"input x\x01 0 2 2 2 5", "printable"),
        (b"input " + b"x" * 1025 + b" 0 2 2 2 5", "1024 bytes"),
        (b"input " + b"x" * 17000 + b" 0 2 2 2 5", "16384 bytes"),
        (b"input x 0 2 0", "an integer from 1 to 8"),
        (b"input x 0 2 9 2 1 1 1 1 1 1 1 1", "an integer from 1 to 8"),
        (b"input x 0 2 2 2 0", "an integer from 1"),
        (b"input x 0 2 2 0 5", "batch 0"),
        (b"input x 0 2 2 2 -1", "an integer from 1"),
        (b"input x 0 2 2 2 5x", "an integer"),
        (b"input x 0 2 2 2 99999999999999999999", "an integer"),
        (b"input x - 2 2 2 5", "an integer"),
        (b"input x 0 2 3 2 2147483648 2147483648", "1 TiB"),
        (b"input x 0 2 2 3 5", "divided by the batch"),
        (b"input x 13 2 2 2 5", "unknown data type"),
    ],
    ids=lambda value: value.decode()[:40] if isinstance(value, bytes) else "",
)
def test_bad_lines_are_refused(content, line, reason):
    with Machine() as machine:
        assert query(machine, replaced(content, line)) == DATA_SIZE
        assert reason in machine.message()


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ("4 4 2 8 4 3 0 0 0 1 1 1", ""),
        ("4 4 2 8 4 3 1e-5 -2.5 123.675 1 1 1", ""),
        ("1 4 2 8 4 3 0 0 0 1 1 1", "an integer from 4 to 4"),
        ("4 4 2 8 5 3 0 0 0 1 1 1", "AIPP needs"),
        ("4 4 2 8 4 3 0 0 0 1 1", "a field"),
        ("4 4 2 8 4 3 0 0 nan 1 1 1", "a finite number"),
        ("4 4 2 8 4 3 0 0 0 1 1 1e39", "a finite number"),
        ("4 4 2 8 4 3 0 0 0 1 1 1,5", "a finite number"),
    ],
)
def test_aipp_lines(tmp_path, numbers, reason):
    inputs = [TensorSpec("x", "float32", (3, 8, 4), "NCHW")]
    content = write_om(tmp_path / "m.om", batch_sizes=(2,), inputs=inputs).read_bytes()
    line = f"aipp {numbers}\nend\n".encode()
    changed = with_description(content, lambda p: p.replace(b"end\n", line))
    with Machine() as machine:
        assert query(machine, changed) == (DATA_SIZE if reason else 0)
        assert reason in machine.message()
