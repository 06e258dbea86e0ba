# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast.bench.load import resident_memory
from mgn_fast.bench.load.resident_memory import peak_resident_bytes, reset_peak

SIZE = 256 << 20


def take_and_free():
    np.ones(SIZE, np.uint8).sum()


@pytest.mark.usefixtures("simulated_time")
def test_the_peak_is_what_was_resident_at_most():
    before = peak_resident_bytes()
    take_and_free()
    assert peak_resident_bytes() >= SIZE
    assert peak_resident_bytes() >= before


def test_a_reset_forgets_what_was_freed():
    take_and_free()
    high = peak_resident_bytes()
    reset_peak()
    # The array is gone; what else the process does meanwhile is far smaller.
    assert peak_resident_bytes() <= high - SIZE // 2


def test_where_the_kernel_tells_nothing_nothing_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(resident_memory, "_STATUS", tmp_path / "status")
    monkeypatch.setattr(resident_memory, "_CLEAR", tmp_path / "missing" / "clear_refs")
    reset_peak()
    assert peak_resident_bytes() is None
    (tmp_path / "status").write_text("Name:\tx\nVmRSS:\t5 kB\n")
    assert peak_resident_bytes() is None


@pytest.mark.parametrize(("line", "size"), [("VmHWM:\t    1234 kB", 1234 * 1024)])
def test_kilobytes_are_the_kernels(monkeypatch, tmp_path, line, size):
    monkeypatch.setattr(resident_memory, "_STATUS", tmp_path / "status")
    (tmp_path / "status").write_text(f"Name:\tx\n{line}\nVmRSS:\t5 kB\n")
    assert peak_resident_bytes() == size
