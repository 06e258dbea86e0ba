# SPDX-License-Identifier: Apache-2.0
"""How many instructions does one call of a kernel take on AArch64, by NEON and by plain loops?

The core is built for AArch64 with instructions.cpp, which makes the calls, checks each answer
against the scalar level's, and runs under qemu's emulation of a user's program. Its log names every
block of instructions that is translated and every one that is run, so the sum is exact and the same
each time. What is not counted: waiting for memory, what an instruction costs, the kernel of the
operating system. Instructions are not time: compare levels, not machines.

Needs a compiler for AArch64, a static qemu (both are options), CMake, Ninja and pybind11.

    python bench/count_instructions.py [--build DIRECTORY] [--compiler aarch64-linux-gnu-g++]
        [--emulator qemu-aarch64-static] [--cpu neoverse-n1] [--levels scalar neon]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import record

BENCH = Path(__file__).parent
# At most so many with NEON: what hand-written prototypes needed, or a little more.
GOALS = {
    "resize + pack, float32 both": 1_700_000,
    "resize + pack, float16 both": 1_900_000,
    "resize + pack, uint8 both": 1_000_000,
    "mark_within of 8192": 7_000,
    "count_around of 64 x 16": 2_400,
    "to_floats of 8192": 12_300,
    "scan of 84 halves, 1 query": 300_000,
    "scan of 84 halves, 8 queries": 750_000,
}
KNOWN = ("nothing", "1000 rounds", "2000 rounds")


def build(folder, compiler):
    """The program, linked statically so that nothing of the machine's is run."""
    import pybind11  # of no use where nothing is built

    settings = {
        "CMAKE_BUILD_TYPE": "Release",
        "CMAKE_SYSTEM_NAME": "Linux",
        "CMAKE_SYSTEM_PROCESSOR": "aarch64",
        "CMAKE_CXX_COMPILER": compiler,
        "SKBUILD_PROJECT_VERSION": "0",
        # The extension itself is not built, but CMake asks for what it would need.
        "Python_EXECUTABLE": sys.executable,
        "Python_INCLUDE_DIR": sysconfig.get_path("include"),
        "PYTHON_MODULE_EXTENSION": ".so",
        "pybind11_DIR": pybind11.get_cmake_dir(),
    }
    words = [f"-D{name}={value}" for name, value in settings.items()]
    run(["cmake", "-S", str(BENCH.parent), "-B", str(folder), "-G", "Ninja", *words])
    run(["cmake", "--build", str(folder), "--target", "mgn_core"])
    program = folder / "instructions"
    sources = [str(BENCH / "instructions.cpp"), str(folder / "libmgn_core.a")]
    includes = f"-I{BENCH.parent / 'cpp'}"
    run([compiler, "-std=c++17", "-O2", "-static", includes, *sources, "-o", str(program)])
    return program


def run(words):
    """Ends with what a command printed if it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def boundaries(log):
    """How many instructions had run at each call of `boundary`, by qemu's log."""
    sizes, size, total, found = {}, 0, 0, []
    for line in log:
        if line.startswith("0x"):  # an instruction of a block that is being translated
            size += 1
        elif line.startswith("Trace"):  # a block that is run, under the address of its translation
            block = line.split(" ", 3)[2]
            if size:
                sizes[block], size = size, 0
            total += sizes[block]
            if line.endswith(" boundary\n"):
                found.append(total)
        elif line.startswith("Stopped"):  # the block named last was not run after all
            total -= sizes[block]
    return found


def count(program, level, emulator, cpu):
    """Instructions of the second call of each, by name."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [emulator, "-d", "nochain,exec,in_asm", "-D", f"/dev/fd/{writing}", str(program)],
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=[writing],
        env=os.environ | {"MGN_FAST_SIMD": level, "QEMU_CPU": cpu},
    )
    os.close(writing)
    with os.fdopen(reading) as log:
        found = boundaries(log)
    names = process.communicate()[0].splitlines()
    if process.returncode or len(found) != 3 * len(names):
        sys.exit(f"{level}: exit code {process.returncode}, {len(names)} calls, {len(found)} marks")
    calls = {name: found[3 * i + 2] - found[3 * i + 1] for i, name in enumerate(names)}
    return without_known(calls)


def without_known(calls):
    """The calls without what calling costs, once what is known has been counted right."""
    nothing, once, twice = (calls.pop(name) for name in KNOWN)
    if twice - once != 2000 or not 2000 <= once - nothing < 2020:
        sys.exit(f"counted {nothing}, {once}, {twice} for nothing, 1000 and 2000 rounds of two")
    return {name: found - nothing for name, found in calls.items()}


def headlines(counts, cpu):
    """What the README says of it."""
    if set(counts) != {"scalar", "neon"}:
        return []
    names = [name for name in GOALS if name.startswith("resize")]
    kinds = ", ".join(name.split()[-2] for name in names)
    what = f"instructions of resizing 128 x 64 to 384 x 128 and packing, plain and mirrored ({kinds}), NEON of plain loops, emulated by qemu ({cpu})"  # noqa: E501
    shares = [f"{counts['neon'][name] / counts['scalar'][name]:.2f}" for name in names]
    return [record.headline(what, ", ".join(shares))]


def main():
    """Builds, counts, prints and records; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, help="keep what is built here, for the next time")
    parser.add_argument("--compiler", default="aarch64-linux-gnu-g++")
    parser.add_argument("--emulator", default="qemu-aarch64-static")
    parser.add_argument("--cpu", default="neoverse-n1", help="one of the emulator's")
    parser.add_argument("--levels", nargs="+", default=["scalar", "neon"])
    arguments = parser.parse_args()
    environment = record.environment()
    with tempfile.TemporaryDirectory() as made:
        program = build(arguments.build or Path(made), arguments.compiler)
        counts = {
            level: count(program, level, arguments.emulator, arguments.cpu)
            for level in arguments.levels
        }
    for name in counts[arguments.levels[0]]:
        row = "".join(f"{level} {counts[level][name]:>11,}   " for level in counts)
        print(f"{name:32}{row}" + (f"goal {GOALS[name]:,}" if name in GOALS else ""))
    missed = [name for name, most in GOALS.items() if counts.get("neon", {}).get(name, 0) > most]
    figures = {
        "question": __doc__.splitlines()[0],
        "environment": environment,
        "emulated": f"by qemu: {arguments.cpu}",
        "emulator": run([arguments.emulator, "--version"]).splitlines()[0],
        "compiler": run([arguments.compiler, "--version"]).splitlines()[0],
        "instructions": counts,
        "judged": {"at_most": GOALS, "missed": missed},
    }
    record.write("instructions", figures, headlines(counts, arguments.cpu))
    for name in missed:
        print(f"missed: {name}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
