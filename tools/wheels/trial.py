# SPDX-License-Identifier: Apache-2.0
"""A wheel installed where nothing else is, without a compiler, and tried by `try_wheel`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wheels import WheelError
from wheels.compiler import ROOT
from wheels.pythons import Target

TRY = ROOT / "tools" / "try_wheel"
# The versions that were tested, of each Python.
CONSTRAINTS = ROOT / "constraints.txt"
# An old x86 that is emulated, as qemu names it, and the level that it has.
OLD_CPUS = {"Nehalem": "scalar", "Haswell-noTSX": "avx2"}


@dataclass(frozen=True)
class Trial:
    """What became of a wheel where it was installed."""

    where: str  # how it was run, or why it was not
    found: dict[str, Any] | None  # what `try_wheel` printed


def try_wheel(wheel: Path, target: Target, place: Path) -> Trial:
    """Installs a wheel with its dependencies and tries it.

    Args:
        wheel: the file.
        target: for what it was built; without a `command` nothing is run.
        place: a directory to install into, emptied first.

    Raises:
        WheelError: it cannot be installed, or is not as it should be.
    """
    if not target.command:
        return Trial(f"not run: no Python {target.version} for {target.machine} here", None)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    # Nothing on the PATH but Python: neither pip nor the package can find a compiler.
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        "PATH": str(place / "bin"),
    }
    if target.root is None:
        program = [str(install_in_venv(wheel, target, place, environment))]
        where = "in a new virtual environment"
    else:
        install_beside(wheel, target, place)
        environment["PYTHONPATH"] = str(place)
        program = list(target.command)
        where = "in a new directory"
        if not target.is_native:
            environment.setdefault("QEMU_CPU", "neoverse-n1")
            where += f", emulated {environment['QEMU_CPU']}"
    level = [] if target.is_native else ["--level", "neon"]
    return Trial(where, run([*program, str(TRY), *level], environment, place))


def install_in_venv(wheel: Path, target: Target, place: Path, environment: dict[str, str]) -> Path:
    """A new virtual environment with the wheel; its Python."""
    call([*target.command, "-m", "venv", str(place)], environment, place)
    python = place / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--only-binary=:all:"]
    call([*install, "-c", str(CONSTRAINTS), str(wheel)], environment, place)
    call([str(place / "bin" / "mgn-fast"), "--version"], environment, place)
    return python


def install_beside(wheel: Path, target: Target, place: Path) -> None:
    """The wheel and its dependencies in a directory, by this Python's pip: the root has none."""
    pip = [sys.executable, str(ROOT / "tools/pip_for"), target.version, target.machine]
    words = ["install", "--quiet", "--target", str(place), "-c", str(CONSTRAINTS), str(wheel)]
    call([*pip, *words], dict(os.environ), place)


def run(command: list[str], environment: dict[str, str], place: Path) -> dict[str, Any]:
    """What `try_wheel` found.

    Raises:
        WheelError: it says what is wrong, or nothing that can be read.
    """
    printed = call(command, environment, place)
    try:
        found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise WheelError(f"{' '.join(command)} printed no result:\n{printed}") from error
    return found


def call(command: list[str], environment: dict[str, str], place: Path) -> str:
    """What a command printed, run in a directory that is not the checkout.

    Raises:
        WheelError: it failed, with the end of what it printed.
    """
    done = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        told = f"{done.stdout}\n{done.stderr}".strip()[-4000:]
        raise WheelError(f"{' '.join(command)}\nended with {done.returncode}:\n{told}")
    return done.stdout


def try_old_cpus(target: Target, place: Path, emulator: str) -> dict[str, dict[str, Any]]:
    """What an installed x86 wheel finds on CPUs of before; {} where they cannot be emulated.

    Raises:
        WheelError: a level is another one, or something does not work.
    """
    if not emulator or target.machine != "x86_64" or target.root is not None:
        return {}
    python = str(Path(place, "bin", "python").resolve())
    paths = call(
        [str(place / "bin/python"), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        dict(os.environ),
        place,
    )
    environment = {"PYTHONPATH": paths.strip(), "PATH": str(place / "bin")}
    return {
        name: run([emulator, "-cpu", name, python, str(TRY), "--level", level], environment, place)
        for name, level in OLD_CPUS.items()
    }
