#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pip for another Python and machine: what it resolves and downloads is what fits there.

`python tools/pip_for.py 3.10 aarch64 download -d wheels -c constraints.txt numpy` does what
`pip download` does on a host with CPython 3.10, AArch64 and glibc 2.28.

pip's own `--python-version` and `--platform` choose wheels, but leave environment markers to the
Python that runs it: a line `numpy==2.2.6; python_version < "3.11"` would be read for the wrong
one, and a dependency for the other machine be left out. Here both follow the target.
"""

import argparse
import runpy
import sys

MACHINES = ("x86_64", "aarch64")
LEGACY = {"x86_64": {5: 1, 12: 2010, 17: 2014}, "aarch64": {17: 2014}}


def platforms(machine: str, glibc: str) -> list[str]:
    """Tags of wheels that a host with this glibc takes, the newest first."""
    newest, legacy = int(glibc.partition(".")[2]), LEGACY[machine]
    tags = []
    for minor in range(newest, min(legacy) - 1, -1):
        tags.append(f"manylinux_2_{minor}_{machine}")
        if minor in legacy:
            tags.append(f"manylinux{legacy[minor]}_{machine}")
    return [*tags, f"linux_{machine}"]


def answer_markers_for(python: str, machine: str) -> None:
    """Makes pip read environment markers as a CPython of that version and machine does."""
    from pip._vendor.packaging import markers

    here = markers.default_environment()
    there = here | {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "python_full_version": f"{python}.0",
        "python_version": python,
    }
    markers.default_environment = there.copy
    text = f'python_version == "{python}" and platform_machine == "{machine}"'
    if not markers.Marker(text).evaluate():
        sys.exit("this pip's markers cannot be set; tried with pip 23.0 to 26.3")


def parse(words: list[str] | None) -> argparse.Namespace:
    """The target, and what is said to pip."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--glibc", default="2.28", help="of the oldest host (default: %(default)s)")
    parser.add_argument("python", help="3.10, for example")
    parser.add_argument("machine", choices=MACHINES)
    parser.add_argument("command", choices=("download", "install"))
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="as pip takes them")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> None:
    """Runs pip; ends with its exit code."""
    told = parse(words)
    answer_markers_for(told.python, told.machine)
    chosen = [f"--platform={tag}" for tag in platforms(told.machine, told.glibc)]
    chosen += ["--implementation=cp", f"--python-version={told.python}", "--only-binary=:all:"]
    sys.argv = ["pip", told.command, *chosen, *told.arguments]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
