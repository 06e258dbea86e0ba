# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast doctor`: what this installation can do, and the line that mends what it cannot."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from mgn_fast.cli import exit_codes
from mgn_fast.cli.options import Commands, new_command, path_argument
from mgn_fast.cli.screen.progress import working
from mgn_fast.common.text import printable
from mgn_fast.doctor import Finding, examine
from mgn_fast.simulator import control


def add_parser(commands: Commands) -> None:
    """Adds `mgn-fast doctor` and its options."""
    parser = new_command(
        commands,
        "doctor",
        help="check this installation",
        example="mgn-fast doctor\n  mgn-fast doctor mgn.onnx\n  mgn-fast doctor --simulate",
    )
    parser.add_argument(
        "models",
        metavar="MODEL",
        nargs="*",
        type=path_argument,
        help="tell this model's contract too, and where it stands",
    )
    parser.add_argument(
        "--simulate",
        nargs="?",
        const="Ascend310P3",
        metavar="SOC",
        help="look at a simulated NPU of this kind instead of a real one (Ascend310P3)",
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints what works here; exit code 0, or 4 if what every command needs does not."""
    with working("examining"):
        findings = _findings(arguments.simulate, arguments.models)
    if arguments.json:
        entries = [finding.__dict__ for finding in findings]
        print(json.dumps({"schema": "mgn_fast.doctor/1", "findings": entries}, indent=1))
    else:
        for finding in findings:
            mark = "ok  " if finding.works else ("FAIL" if finding.required else "none")
            print(f"{mark}  {finding.what:<16} {printable(finding.detail)}")
            if not finding.works:
                print(f"      {'':<16} to mend: {printable(finding.remedy)}")
    broken = any(finding.required and not finding.works for finding in findings)
    return exit_codes.DEVICE if broken else exit_codes.OK


def _findings(soc_version: str | None, models: Sequence[Path]) -> list[Finding]:
    if soc_version is None:
        return examine(models)
    control.enable(soc_version, timing=False)
    try:
        return examine(models)
    finally:
        control.disable()
