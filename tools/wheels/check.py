# SPDX-License-Identifier: Apache-2.0
"""What must hold of a wheel's file, read from the file alone: no code in it is run."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

from wheels import WheelError

MAX_BYTES = 2_000_000
# The newest C library that a wheel may ask for.
MAX_FLOOR = (2, 28)
MACHINES = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64"}
# What is on every Linux. A C++ library is not: each host has its own, older or newer.
ALLOWED = {
    *("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1"),
    *("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"),
}
# Whose code is inside: this package's, pybind11's, and the C++ library's and its unwinder's.
COMPILED_IN = ("libcxx", "libcxxabi", "libunwind", "pybind11", "zig")
LICENCES = {"LICENSE", *(f"licenses/{name}.txt" for name in COMPILED_IN)}
MODULE = re.compile(r"mgn_fast/_core\.cpython-(\d)(\d+)-(\w+)-linux-gnu\.so")
SIMULATOR = "mgn_fast/simulator/libascendcl.so"


@dataclass(frozen=True)
class Library:
    """What a shared library says of itself."""

    machine: str
    needed: tuple[str, ...]
    runpath: str
    glibc: tuple[int, ...]  # the newest version of its symbols that is asked for
    other_versions: tuple[str, ...]  # GLIBCXX_..., CXXABI_..., GCC_...
    has_symbols: bool  # it was not stripped


def read_library(name: str, data: bytes) -> Library:
    """What a shared library needs.

    Args:
        name: for the message.
        data: the file's bytes.

    Raises:
        WheelError: it is no whole ELF file of a known machine.
    """
    try:
        return _read(ELFFile(io.BytesIO(data)))
    except Exception as error:  # a damaged file may break the parser anywhere
        raise WheelError(
            f"{name} ({len(data):,} bytes) is no shared library that can be read: {error!r}"
        ) from error


def _read(elf: ELFFile) -> Library:
    needed, runpath, versions, has_symbols = [], "", set(), False
    dynamic = False
    for section in elf.iter_sections():
        has_symbols |= section.name == ".symtab"
        if isinstance(section, DynamicSection):
            dynamic = True
            for tag in section.iter_tags():
                # The tag's text has the name of its kind.
                if tag.entry.d_tag == "DT_NEEDED":
                    needed.append(getattr(tag, "needed"))  # noqa: B009 (unknown to its types)
                elif tag.entry.d_tag in ("DT_RPATH", "DT_RUNPATH"):
                    runpath = getattr(tag, tag.entry.d_tag[3:].lower())
        elif isinstance(section, GNUVerNeedSection):
            versions |= {aux.name for _, entries in section.iter_versions() for aux in entries}
    if not dynamic:
        raise ValueError("it has no dynamic section")
    glibc = [version_of(name) for name in versions if re.fullmatch(r"GLIBC_[\d.]+", name)]
    others = sorted(name for name in versions if not name.startswith("GLIBC_"))
    machine = MACHINES[elf["e_machine"]]
    floor = max(glibc, default=(0,))
    return Library(machine, tuple(needed), runpath, floor, tuple(others), has_symbols)


def version_of(name: str) -> tuple[int, ...]:
    """(2, 17) of "GLIBC_2.17"."""
    return tuple(int(word) for word in name.partition("_")[2].split("."))


@dataclass(frozen=True)
class Tags:
    """What a wheel's name says: for which Python, machine and C library it is."""

    python: str  # "3.11"
    machine: str
    floor: tuple[int, int]


def read_tags(name: str) -> Tags:
    """The tags of a wheel's name.

    Raises:
        WheelError: it is no wheel of this package for one CPython, manylinux and one machine.
    """
    found = re.fullmatch(r"mgn_fast-[^-]+-cp3(\d+)-cp3\1-(manylinux[\w.]+)\.whl", name)
    tags = found[2].split(".") if found is not None else []
    # manylinux2014_x86_64 and its like stand beside the number that they mean.
    platforms = [m for tag in tags if (m := re.fullmatch(r"manylinux_(\d+)_(\d+)_(\w+)", tag))]
    machines = {m[3] for m in platforms}
    if found is None or len(machines) != 1 or not machines <= set(MACHINES.values()):
        raise WheelError(
            f"{name} does not say manylinux_X_Y for one CPython and one machine, as in "
            "mgn_fast-1.0-cp311-cp311-manylinux_2_17_x86_64.whl: was it repaired?"
        )
    floor = min((int(m[1]), int(m[2])) for m in platforms)
    return Tags(f"3.{found[1]}", machines.pop(), floor)


@dataclass(frozen=True)
class Checked:
    """A wheel that has all that was asked of it."""

    tags: Tags
    asked: tuple[int, ...]  # of the C library, by its symbols
    size: int


def check_wheel(path: Path) -> Checked:
    """A wheel's tags, floor and size, after all checks.

    Args:
        path: the repaired wheel.

    Raises:
        WheelError: everything that is wrong with it, a line each.
    """
    tags = read_tags(path.name)
    size = path.stat().st_size
    problems = []
    if size > MAX_BYTES:
        problems.append(f"{size:,} bytes, at most {MAX_BYTES:,} were wanted")
    if tags.floor > MAX_FLOOR:
        problems.append(f"asks for glibc {dotted(tags.floor)}, at most {dotted(MAX_FLOOR)} wanted")
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        libraries = {
            name: read_library(name, wheel.read(name))
            for name in names
            if re.search(r"\.so(\.|$)", name)
        }
    problems += [
        f"{name}: {problem}"
        for name, library in libraries.items()
        for problem in _library_problems(library, tags)
    ]
    problems += _content_problems(names, set(libraries), tags)
    if problems:
        raise WheelError("\n".join(f"{path.name}: {problem}" for problem in problems))
    asked = max(library.glibc for library in libraries.values())
    return Checked(tags, asked, size)


def _library_problems(library: Library, tags: Tags) -> list[str]:
    problems = []
    if library.machine != tags.machine:
        problems.append(f"is for {library.machine}, the wheel for {tags.machine}")
    if library.glibc > tags.floor:
        problems.append(
            f"asks for GLIBC_{dotted(library.glibc)}, the wheel says {dotted(tags.floor)}"
        )
    foreign = sorted(set(library.needed) - ALLOWED)
    if foreign:
        problems.append(f"needs {', '.join(foreign)}, which not every host has")
    if library.other_versions:
        problems.append(f"needs versions of C++ libraries: {', '.join(library.other_versions)}")
    if library.runpath:
        problems.append(f"looks for libraries in {library.runpath}")
    if library.has_symbols:
        problems.append("is not stripped")
    return problems


def _content_problems(names: list[str], libraries: set[str], tags: Tags) -> list[str]:
    modules = [found for name in names if (found := MODULE.fullmatch(name))]
    problems = []
    if [(f"{m[1]}.{m[2]}", m[3]) for m in modules] != [(tags.python, tags.machine)]:
        named = ", ".join(module[0] for module in modules) or "none"
        problems.append(f"has the module {named}, not one for {tags.python} on {tags.machine}")
    extra = libraries - {SIMULATOR} - {module[0] for module in modules}
    if SIMULATOR not in libraries:
        problems.append(f"lacks {SIMULATOR}")
    if extra:
        problems.append(f"brings other libraries: {', '.join(sorted(extra))}")
    inside = {name.partition(".dist-info/licenses/")[2] for name in names}
    if LICENCES - inside:
        problems.append(f"lacks the licences {', '.join(sorted(LICENCES - inside))}")
    return problems


def dotted(version: tuple[int, ...]) -> str:
    """A version as it is written: 2.17 of (2, 17)."""
    return ".".join(map(str, version))
