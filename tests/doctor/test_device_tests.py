# SPDX-License-Identifier: Apache-2.0
import importlib.util
import os

import pytest

from mgn_fast.doctor import device_tests
from mgn_fast.doctor.device_tests import find_clone, run_device_tests
from mgn_fast.doctor.scrubbing import Scrubber
from support.repository import ROOT

TESTS = """
import time
import pytest

def test_good(): pass
def test_bad(): assert 1 + 1 == 3, "counted wrongly"
def test_left_out(): pytest.skip("no NPU")
@pytest.fixture
def broken(): raise RuntimeError("no device")
def test_broken(broken): pass
"""


def run(clone, timeout_s, scrub=str.strip, on_start=lambda: None):
    return run_device_tests(clone, timeout_s, scrub=scrub, on_start=on_start)


@pytest.fixture
def clone(tmp_path):
    """A clone with tests of every outcome in the place of those that need a chip."""
    path = tmp_path / "tests" / "device" / "test_npu.py"
    path.parent.mkdir(parents=True)
    path.write_text(TESTS)
    return tmp_path


@pytest.mark.usefixtures("own_process")
def test_each_outcome_is_counted_and_what_did_not_pass_is_told(clone):
    told = run(clone, 120)
    assert told["ran"] is True
    assert told["exit_code"] == 1
    assert told["counts"] == {"passed": 1, "failed": 1, "error": 1, "skipped": 1}
    reasons = {entry["test"]: (entry["outcome"], entry["reason"]) for entry in told["not_passed"]}
    assert reasons.keys() == {"test_bad", "test_left_out", "test_broken"}
    assert "counted wrongly" in reasons["test_bad"][1]
    assert reasons["test_left_out"][0] == "skipped"
    assert "tests/device/test_npu.py:" in reasons["test_left_out"][1]
    assert str(clone) not in str(told)
    assert "no device" in reasons["test_broken"][1]
    assert not (clone / ".pytest_cache").exists()


@pytest.mark.usefixtures("own_process")
def test_tests_that_take_too_long_are_stopped(clone):
    path = clone / "tests" / "device" / "test_npu.py"
    path.write_text(f"{TESTS}\ndef test_slow(): time.sleep(60)\ndef test_never(): pass\n")
    told = run(clone, 6)
    assert (told["ran"], told["exit_code"], told["stopped"]) == (True, None, "after 6 s")
    assert told["seconds"] < 30
    # pytest had no time to write its report.
    assert told["counts"] == {"passed": 1, "failed": 1, "error": 1, "skipped": 1}
    assert [(entry["test"], entry["outcome"]) for entry in told["not_passed"]] == [
        ("test_bad", "failed"),
        ("test_left_out", "skipped"),
        ("test_broken", "error"),
        ("test_slow", "unfinished"),
    ]
    assert str(clone) not in str(told)


# Its last 2000 characters begin within the path, and the line after it is whole.
LONG = f"{'x' * 90}\n" * 30 + f"{'y' * 1000} /data/acme/{'m' * 900}/secret.om\n{'z' * 1200}"


@pytest.mark.usefixtures("own_process")
def test_no_half_a_path_stays_where_a_reason_is_cut(clone):
    path = clone / "tests" / "device" / "test_npu.py"
    path.write_text(f"import pytest\ndef test_bad(): pytest.fail({LONG!r}, pytrace=False)\n")
    (told,) = run(clone, 120, Scrubber().text)["not_passed"]
    assert "secret" not in str(told)
    assert "mmm" not in str(told)
    assert told["reason"].endswith("z" * 1200)
    assert len(told["reason"]) <= 2000


@pytest.mark.usefixtures("own_process")
def test_no_half_a_path_stays_where_the_output_is_cut(clone):
    path = clone / "tests" / "device" / "conftest.py"
    path.write_text(f"raise ValueError({LONG!r})\n")
    told = run(clone, 120, Scrubber().text)
    assert told["exit_code"] == 4
    assert "mmm" not in told["output"]
    assert told["output"].endswith("z" * 1200)
    assert "counts" not in told


def test_a_line_that_is_too_long_keeps_its_beginning():
    assert device_tests._last_lines(f"a\n{'b' * 3000}", str.strip) == "b" * 2000
    assert device_tests._last_lines("a" * (1 << 17), str.strip) == ""


def test_lines_of_pytest_are_told_from_its_summary():
    told = device_tests._printed(
        "tests/device/test_npu.py::test_a[x y] PASSED                 [ 10%]\n"
        "tests/device/test_npu.py::test_b SKIPPED (no NPU: [507008])  [ 20%]\n"
        "tests/device/test_npu.py::test_c FAILED\n"
        "FAILED tests/device/test_npu.py::test_c - assert 1\n"
        "ERROR tests/device/test_npu.py::test_d\n"
    )
    assert told["counts"] == {"passed": 1, "failed": 1, "error": 0, "skipped": 1}
    assert [entry["test"] for entry in told["not_passed"]] == ["test_b", "test_c"]
    assert device_tests._printed("INTERNALERROR> x\n") == {}


@pytest.mark.usefixtures("own_process")
def test_tests_that_cannot_be_read_leave_their_last_words(clone):
    (clone / "tests" / "device" / "conftest.py").write_text("import nothing_of_this_name\n")
    told = run(clone, 120)
    assert "nothing_of_this_name" in str(told)
    assert told["exit_code"] != 0


def test_without_a_clone_that_is_said():
    told = run(None, 10, on_start=lambda: pytest.fail("they were told to run"))
    assert told["ran"] is False
    assert "not in a clone" in told["reason"]


def test_without_pytest_the_way_to_it_is_said(clone, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    told = run(clone, 10, on_start=lambda: pytest.fail("they were told to run"))
    assert (told["ran"], "pip install" in told["reason"]) == (False, True)


def test_the_clone_is_where_one_is_or_where_the_package_is(clone, tmp_path, monkeypatch):
    monkeypatch.chdir(clone)
    assert find_clone() == clone
    monkeypatch.chdir(clone / "tests")
    assert find_clone() in (ROOT, None)  # None where the package is installed from a wheel
    monkeypatch.setattr(device_tests, "__file__", str(tmp_path / "e/a/b/c/d.py"))
    assert find_clone() is None
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert find_clone() is None
    os.chdir(tmp_path)
