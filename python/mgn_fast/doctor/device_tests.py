# SPDX-License-Identifier: Apache-2.0
"""The tests that need a chip, run in a process of their own; what came out, without their output.

Of a failure only its name and the last lines of its reason are kept: the rest may show anything.
"""

from __future__ import annotations

import importlib.util
import io
import os
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from mgn_fast.cann.run_atc import run

_FOLDER = Path("tests", "device")
_MAX_REASON = 2000


def find_clone() -> Path | None:
    """The clone of the repository that this runs in or from, if it has the tests; else None."""
    for root in (_working_directory(), Path(__file__).resolve().parents[3]):
        if root is not None and (root / _FOLDER / "test_npu.py").is_file():
            return root
    return None


def run_device_tests(clone: Path | None, timeout_s: float) -> dict[str, Any]:
    """Runs tests/device of a clone.

    Args:
        clone: its directory; None where there is none.
        timeout_s: seconds they may take; then they are stopped.

    Returns:
        "ran" and, if they did, counts by outcome, the seconds taken and what is told of each test
        that did not pass; otherwise "reason".
    """
    if clone is None:
        return _left_out("not in a clone of the repository: the package has no tests")
    if importlib.util.find_spec("pytest") is None:
        return _left_out("pytest is not installed: pip install -c constraints.txt '.[test]'")
    with tempfile.TemporaryDirectory(prefix="mgn-fast-tests-") as folder:
        report = Path(folder, "report.xml")
        words = ["-q", "-p", "no:cacheprovider", "--tb=short", f"--junitxml={report}"]
        command = [sys.executable, "-m", "pytest", *words, str(_FOLDER)]
        variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
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
        if report.is_file():
            return told | _outcomes(report, clone)
    # It did not come as far as the tests; the end of what it said is all there is.
    return told | {"output": outcome.output[-_MAX_REASON:]}


def _left_out(reason: str) -> dict[str, Any]:
    return {"ran": False, "reason": reason}


def _outcomes(report: Path, clone: Path) -> dict[str, Any]:
    counts = {"passed": 0, "failed": 0, "error": 0, "skipped": 0}
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
            others.append(named | {"reason": reason[-_MAX_REASON:]})
    return {"counts": counts, "not_passed": others}


def _working_directory() -> Path | None:
    try:
        return Path.cwd()
    except OSError:
        return None
