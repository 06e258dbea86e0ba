# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast doctor`: what this installation can do, what mends the rest, and a file of it all."""

from __future__ import annotations

import argparse
import contextlib
import json
from pathlib import Path

from mgn_fast.cli import exit_codes
from mgn_fast.cli.options import Commands, new_command, path_argument
from mgn_fast.cli.page_files import output_file
from mgn_fast.cli.screen.progress import say, working
from mgn_fast.common.text import printable
from mgn_fast.doctor import Finding, collect_bundle, examine, in_short
from mgn_fast.errors import InvalidInputError
from mgn_fast.simulator import control

_MOST_SECONDS = 86400
_USUAL_SECONDS = 3600


def add_parser(commands: Commands) -> None:
    """Adds `mgn-fast doctor` and its options."""
    parser = new_command(
        commands,
        "doctor",
        help="check this installation",
        example="mgn-fast doctor\n  mgn-fast doctor mgn.onnx\n  mgn-fast doctor --simulate\n"
        "  mgn-fast doctor --bundle host.json",
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
    group = parser.add_argument_group("reporting from a host")
    group.add_argument(
        "--bundle",
        type=path_argument,
        metavar="F.json",
        help="write all that tells why this host runs or does not, with nothing personal in it",
    )
    group.add_argument(
        "--test-seconds",
        type=_seconds,
        metavar="N",
        help="time for the bundle's tests that need a chip, of a clone; 0 leaves them out (3600)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints what works here; exit code 0, or 4 if what every command needs does not."""
    if arguments.test_seconds is not None and arguments.bundle is None:
        raise InvalidInputError("--test-seconds is given without --bundle, expected both")
    # The place is tried before anything is looked at.
    with output_file(arguments.bundle, ".json", exact=False) as bundle, working("examining"):
        findings = _findings(arguments, bundle)
    if bundle is not None:
        scrubbed = "names, paths and addresses are taken out; read it before you send it"
        say(f"{arguments.bundle}: {scrubbed}")
    if arguments.json:
        entries = [finding.__dict__ for finding in findings]
        print(json.dumps({"schema": "mgn_fast.doctor/1", "findings": entries}, indent=1))
    else:
        for finding in in_short(findings):
            mark = "ok  " if finding.works else ("FAIL" if finding.required else "none")
            print(f"{mark}  {finding.what:<16} {printable(finding.detail)}")
            if not finding.works:
                print(f"      {'':<16} to mend: {printable(finding.remedy)}")
    broken = any(finding.required and not finding.works for finding in findings)
    return exit_codes.DEVICE if broken else exit_codes.OK


def _findings(arguments: argparse.Namespace, bundle: Path | None) -> list[Finding]:
    """What is found, and the bundle written, on the simulator if that was asked for."""
    with contextlib.ExitStack() as stack:
        if arguments.simulate is not None:
            control.enable(arguments.simulate, timing=False)
            stack.callback(control.disable)
        findings = examine(arguments.models)
        if bundle is not None:
            asked = arguments.test_seconds
            seconds = _USUAL_SECONDS if asked is None else asked
            content = collect_bundle(findings, test_timeout_s=seconds, on_step=say)
            bundle.write_text(json.dumps(content, indent=1) + "\n")
    return findings


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= _MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r}, expected seconds from 0 to {_MOST_SECONDS}")
    return seconds
