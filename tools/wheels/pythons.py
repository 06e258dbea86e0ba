# SPDX-License-Identifier: Apache-2.0
"""For which Pythons a wheel can be built here, by their headers, and where it can be tried.

An extension sees the same of every pyconfig.h of one Python on Linux with 64 bits, least byte
first: those of x86_64 and AArch64 differ in what only the interpreter itself is compiled by
(vector code of its hashes, assembler for the x87, the tier of support). So headers of one machine
serve the other; a root's own are taken where there is one.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from wheels import WheelError
from wheels.check import read_library
from wheels.interpreters import find_interpreter

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
MACHINES = ("x86_64", "aarch64")
LOADER = {"x86_64": "lib64/ld-linux-x86-64.so.2", "aarch64": "lib/ld-linux-aarch64.so.1"}


@dataclass(frozen=True)
class Target:
    """A Python and a machine to build a wheel for."""

    version: str
    machine: str
    include: Path  # the directory of Python.h
    # Starts an interpreter of this Python for this machine; empty where there is none.
    command: tuple[str, ...] = ()
    root: Path | None = None  # the Debian root that both are of

    @property
    def suffix(self) -> str:
        """How extension modules' names end."""
        digits = self.version.replace(".", "")
        return f".cpython-{digits}-{self.machine}-linux-gnu.so"

    @property
    def is_native(self) -> bool:
        """Whether this machine runs its programs by itself."""
        return self.machine == platform.machine()

    def headers(self, folder: Path) -> Path:
        """One directory with all headers: Debian keeps pyconfig.h, by machine, in another one."""
        name = f"python{self.version}"
        place = folder / name
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.include, place)
        for machine in self.include.parent.glob(f"*-linux-gnu/{name}"):
            shutil.copytree(machine, place / machine.parent.name / name)
        return place


def find_target(version: str, machine: str, roots: list[Path], emulator: str = "") -> Target:
    """Headers of a Python, and an interpreter for the machine where one is found.

    Args:
        version: such as "3.11".
        machine: "x86_64" or "aarch64".
        roots: directories that Debian's packages were unpacked in, of any machine.
        emulator: a program that runs the other machine's; "" for the root's or the PATH's.

    Raises:
        WheelError: there are no headers of it.
    """
    own = [root for root in roots if machine_of(root, version) == machine]
    others = [root for root in roots if machine_of(root, version) not in (None, machine)]
    interpreter = find_interpreter(version)
    if interpreter is not None and machine == platform.machine():
        return Target(version, machine, include_of(interpreter), (str(interpreter),))
    for root in own:
        include = root / "usr/include" / f"python{version}"
        if (include / "Python.h").is_file():
            return Target(
                version, machine, include, starting(root, version, machine, emulator), root
            )
    if interpreter is not None:
        return Target(version, machine, include_of(interpreter))
    for root in others:
        include = root / "usr/include" / f"python{version}"
        if (include / "Python.h").is_file():
            return Target(version, machine, include)
    raise WheelError(
        f"no headers of Python {version}: neither python{version} nor pyenv's {version}.x is "
        f"here, and no --root has usr/include/python{version}/Python.h"
    )


def include_of(interpreter: Path) -> Path:
    """Where an interpreter's headers are.

    Raises:
        WheelError: it has none.
    """
    code = "import sysconfig; print(sysconfig.get_path('include'))"
    done = subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=True)
    include = Path(done.stdout.strip())
    if not (include / "Python.h").is_file():
        raise WheelError(f"{interpreter} has no headers: {include}/Python.h is missing")
    return include


def machine_of(root: Path, version: str) -> str | None:
    """The machine of a root's interpreter of that version; None where it has none."""
    program = root / "usr/bin" / f"python{version}"
    return read_library(str(program), program.read_bytes()).machine if program.is_file() else None


def starting(root: Path, version: str, machine: str, emulator: str) -> tuple[str, ...]:
    """How a root's interpreter is started from outside of it; () where it cannot be.

    It finds its own library and standard library in the root, and sees this machine's files.
    """
    program = str(root / "usr/bin" / f"python{version}")
    if machine == platform.machine():
        loader = root / LOADER[machine]
        libraries = root / "usr/lib" / f"{machine}-linux-gnu"
        return (str(loader), "--library-path", str(libraries), "--argv0", program, program)
    own = root / f"opt/qemu-{machine}"
    found = emulator or (str(own) if own.is_file() else "")
    found = found or shutil.which(f"qemu-{machine}") or shutil.which(f"qemu-{machine}-static") or ""
    return (found, "-L", str(root), program) if found else ()
