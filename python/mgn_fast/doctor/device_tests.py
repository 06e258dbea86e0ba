# SPDX-License-Identifier: Apache-2.0
"""The tests that need a chip, run in a process of their own; what came out, without their output.

Of a failure only its name and the last lines of its reason are kept: the rest may show anything.
pytest writes its report when all tests are done. Where there is none, because the time was up or
the process died, the outcomes are counted from the lines that it printed, and have no reasons.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mgn_fast.cann.run_atc import run

_FOLDER = Path("tests", "device")
_OUTCOMES = ("passed", "failed", "error", "skipped")
_MAX_REASON = 2000
# What is scrubbed of a long text before it is cut to that.
_MAX_SCRUBBED = 1 << 16
# "tests/device/test_npu.py::test_x[1] SKIPPED (no NPU) [ 10%]"; of the one that runs, the name.
_LINE = re.compile(
    r"(?m)^\S+\.py::(?P<test>[^\n]+?)"
    r"(?: (?P<outcome>PASSED|FAILED|ERROR|SKIPPED)(?: \([^\n]*)?(?: +\[ *\d+%\])?)?[ \t]*$"
)


def find_clone() -> Path | None:
    """The clone of the repository that this runs in or from, if it has the tests; else None."""
    for root in (_working_directory(), Path(__file__).resolve().parents[3]):
        if root is not None and (root / _FOLDER / "test_npu.py").is_file():
            return root
    return None


def run_device_tests(
    clone: Path | None,
    timeout_s: float,
    *,
    scrub: Callable[[str], str],
    on_start: Callable[[], None],
) -> dict[str, Any]:
    """Runs tests/device of a clone.

    Args:
        clone: its directory; None where there is none.
        timeout_s: seconds they may take; then they are stopped.
        scrub: takes out of a text what is personal.
        on_start: called when they can run, before they do.

    Returns:
        "ran" and, if they did, counts by outcome, the seconds taken and what is told of each test
        that did not pass; otherwise "reason".
    """
    if clone is None:
        return _left_out("not in a clone of the repository: the package has no tests")
    if importlib.util.find_spec("pytest") is None:
        return _left_out("pytest is not installed: pip install -c constraints.txt '.[test]'")
    on_start()
    with tempfile.TemporaryDirectory(prefix="mgn-fast-tests-") as folder:
        report = Path(folder, "report.xml")
        words = ["-v", "-p", "no:cacheprovider", "--tb=short", f"--junitxml={report}"]
        command = [sys.executable, "-m", "pytest", *words, str(_FOLDER)]
        variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": ""}
        started = time.monotonic()
        outcome = run(
            command,
            folder=clone,
            variables=variables,
            log=io.BytesIO(),
            timeout_s=timeout_s,
            on_line=lambda line: None,
        )
        told: dict[str, Any] = {"ran": True, "exit_code": outcome.returncode}
        told["seconds"] = round(time.monotonic() - started, 1)
        if outcome.returncode is None:
            told["stopped"] = f"after {timeout_s:g} s"
        with contextlib.suppress(OSError, ElementTree.ParseError):
            return told | _outcomes(report, clone, scrub)
    output = outcome.output.replace(f"{clone}/", "").replace(str(clone), "<path>")
    return told | _printed(output) | {"output": _last_lines(output, scrub)}


def _left_out(reason: str) -> dict[str, Any]:
    return {"ran": False, "reason": reason}


def _last_lines(text: str, scrub: Callable[[str], str]) -> str:
    """The end of a text, scrubbed before it is cut: half a path is not known for one."""
    text = scrub(_whole_lines(text, _MAX_SCRUBBED)).strip()
    # Of a line that is too long the beginning, which nothing is missing from any more.
    return _whole_lines(text, _MAX_REASON) or text.rpartition("\n")[2][:_MAX_REASON]


def _whole_lines(text: str, most: int) -> str:
    return text if len(text) <= most else text[-most:].partition("\n")[2]


def _printed(output: str) -> dict[str, Any]:
    """Counts from the lines of `pytest -v`; nothing where it did not come as far as the tests."""
    counts = dict.fromkeys(_OUTCOMES, 0)
    others = []
    for found in _LINE.finditer(output):
        outcome = (found["outcome"] or "unfinished").lower()
        if outcome in counts:
            counts[outcome] += 1
        if outcome != "passed":
            others.append({"test": found["test"], "outcome": outcome, "reason": ""})
    return {"counts": counts, "not_passed": others} if others or any(counts.values()) else {}


def _outcomes(report: Path, clone: Path, scrub: Callable[[str], str]) -> dict[str, Any]:
    counts = dict.fromkeys(_OUTCOMES, 0)
    others = []
    # pytest of this environment wrote it.
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314
        kind, reason = "passed", ""
        for tag, name in (("skipped", "skipped"), ("error", "error"), ("failure", "failed")):
            if (found := case.find(tag)) is not None:
                kind = name
                reason = f"{found.get('message') or ''}\n{found.text or ''}".strip()
                # Where in the tests it stands is told, where the clone lies is not.
                reason = reason.replace(f"{clone}/", "")
        counts[kind] += 1
        if kind != "passed":
            named = {"test": case.get("name", ""), "outcome": kind}
            others.append(named | {"reason": _last_lines(reason, scrub)})
    return {"counts": counts, "not_passed": others}


def _working_directory() -> Path | None:
    try:
        return Path.cwd()
    except OSError:
        return None
