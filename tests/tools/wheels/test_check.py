# SPDX-License-Identifier: Apache-2.0
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import _core
from wheels import WheelError
from wheels.check import LICENCES, MAX_BYTES, SIMULATOR, Tags, check_wheel, dotted, read_library
from wheels.check import read_tags as tags_of

MACHINE = platform.machine()
PYTHON = f"3{sys.version_info.minor}"
MODULE = f"mgn_fast/_core.cpython-{PYTHON}-{MACHINE}-linux-gnu.so"
NAME = f"mgn_fast-1.0-cp{PYTHON}-cp{PYTHON}-manylinux_2_17_{MACHINE}.whl"


@pytest.mark.parametrize(
    ("platforms", "expected"),
    [
        ("manylinux_2_17_x86_64", ("x86_64", (2, 17))),
        ("manylinux2014_aarch64.manylinux_2_17_aarch64", ("aarch64", (2, 17))),
        ("manylinux_2_28_aarch64.manylinux_2_27_aarch64", ("aarch64", (2, 27))),
    ],
)
def test_tags_are_read(platforms, expected):
    assert tags_of(f"mgn_fast-1.0-cp310-cp310-{platforms}.whl") == Tags("3.10", *expected)


@pytest.mark.parametrize(
    "name",
    [
        "mgn_fast-1.0-cp311-cp311-linux_x86_64.whl",
        "mgn_fast-1.0-cp311-cp312-manylinux_2_17_x86_64.whl",
        "mgn_fast-1.0-cp311-cp311-musllinux_1_2_x86_64.whl",
        "mgn_fast-1.0-cp311-cp311-manylinux_2_17_riscv64.whl",
        "mgn_fast-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux_2_17_aarch64.whl",
        "mgn_fast-1.0-py3-none-any.whl",
        "mgn_fast-1.0-cp313-cp313t-manylinux_2_17_x86_64.whl",
        "numpy-1.0-cp311-cp311-manylinux_2_17_x86_64.whl",
        "mgn_fast-1.0.tar.gz",
    ],
)
def test_other_names_are_refused(name):
    with pytest.raises(WheelError, match="was it repaired"):
        tags_of(name)


@pytest.fixture(scope="module")
def core():
    return Path(_core.__file__).read_bytes()


def test_a_library_says_what_it_needs(core):
    library = read_library("_core", core)
    assert library.machine == MACHINE
    assert "libc.so.6" in library.needed
    assert (2, 2) < library.glibc < (3, 0)
    assert library.runpath == ""


@pytest.mark.parametrize("size", [0, 1, 16, 63, 64, 100, 4096])
def test_the_head_of_a_library_is_none(core, size):
    with pytest.raises(WheelError, match=f"_core .{size:,} bytes. is no shared library"):
        read_library("_core", core[:size])


@pytest.mark.usefixtures("many_examples")
def test_a_damaged_library_is_refused_or_read(core):
    """Whatever byte is wrong: no other error, and no endless reading."""
    random = np.random.default_rng(0)
    # Where the tables are: the header at the front, the sections' at the back.
    places = [*range(64), *random.integers(len(core) - 2500, len(core), 100)]
    for place in places:
        broken = bytearray(core)
        broken[place] ^= 0xFF
        try:
            read_library("_core", bytes(broken))
        except WheelError:
            continue


@pytest.fixture(scope="module")
def linked(compiler, tmp_path_factory):
    """Makes a shared library that needs nothing, with options of the linker."""
    folder = tmp_path_factory.mktemp("linked")
    source = folder / "source.cpp"
    source.write_text('extern "C" int answer() { return 42; }\n')

    def link(*options):
        out = folder / f"{len(list(folder.iterdir()))}.so"
        words = [compiler, "-shared", "-fPIC", "-nostdlib", str(source), "-o", str(out)]
        subprocess.run([*words, *options], check=True)
        return out.read_bytes()

    return link


@pytest.fixture
def wheel(linked, tmp_path):
    """Writes a wheel as it should be, but for what is said."""
    good = linked("-s")

    def write(name=NAME, left_out=(), **files):
        holds = {MODULE: good, SIMULATOR: good}
        holds |= {f"mgn_fast-1.0.dist-info/licenses/{licence}": b"" for licence in LICENCES}
        holds |= {place.replace("__", "/").replace("_so", ".so"): f for place, f in files.items()}
        with zipfile.ZipFile(tmp_path / name, "w") as out:
            for place, data in holds.items():
                if place not in left_out:
                    out.writestr(place, data)
        return tmp_path / name

    return write


def test_a_wheel_with_all_that_is_asked_passes(wheel):
    checked = check_wheel(wheel())
    assert checked.tags.floor == (2, 17)
    assert checked.asked <= checked.tags.floor
    assert 0 < checked.size < MAX_BYTES


def problem_of(path):
    with pytest.raises(WheelError) as caught:
        check_wheel(path)
    return str(caught.value)


def test_what_the_libraries_may_not(wheel, linked, core):
    assert "looks for libraries in /opt/x" in problem_of(
        wheel(mgn_fast__simulator__libascendcl_so=linked("-s", "-Wl,-rpath,/opt/x"))
    )
    assert "is not stripped" in problem_of(wheel(mgn_fast__simulator__libascendcl_so=linked()))
    # This very core, built by this host's compiler for this host.
    problem = problem_of(wheel(mgn_fast__simulator__libascendcl_so=core))
    assert "needs libgcc_s.so.1, libstdc++.so.6" in problem
    assert "GLIBCXX_3.4" in problem
    asked = dotted(read_library("_core", core).glibc)
    assert f"asks for GLIBC_{asked}, the wheel says 2.17" in problem


def test_what_has_to_be_inside(wheel):
    assert "lacks the licences licenses/libcxx.txt" in problem_of(
        wheel(left_out=["mgn_fast-1.0.dist-info/licenses/licenses/libcxx.txt"])
    )
    assert f"lacks {SIMULATOR}" in problem_of(wheel(left_out=[SIMULATOR]))
    assert "has the module none" in problem_of(wheel(left_out=[MODULE]))


def test_what_may_not_be_inside(wheel, linked):
    assert "brings other libraries: mgn_fast.libs/libz.so.1" in problem_of(
        wheel(**{"mgn_fast.libs__libz_so.1": linked("-s")})
    )
    assert "is no shared library" in problem_of(wheel(mgn_fast__other_so=b"\x7fELF"))
    large = np.random.default_rng(0).bytes(MAX_BYTES)
    assert f"at most {MAX_BYTES:,} were wanted" in problem_of(wheel(mgn_fast__large=large))


def test_the_name_has_to_fit_what_is_inside(wheel):
    other = {"x86_64": "aarch64", "aarch64": "x86_64"}[MACHINE]
    problem = problem_of(wheel(NAME.replace(MACHINE, other)))
    assert f"is for {MACHINE}, the wheel for {other}" in problem
    assert f"not one for 3.{sys.version_info.minor} on {other}" in problem
    assert "not one for 3.9 on" in problem_of(wheel(NAME.replace(f"cp{PYTHON}", "cp39")))
    newer = NAME.replace("2_17", "2_31")
    assert "asks for glibc 2.31, at most 2.28 wanted" in problem_of(wheel(newer))
