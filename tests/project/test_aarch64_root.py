# SPDX-License-Identifier: Apache-2.0
"""tools/aarch64: what makes the root, what is made again, and what is refused with its reason."""

import hashlib
import io
import json
import lzma
import os
import re
import struct
import subprocess
import sys
import tarfile

import pytest

from support import emulated
from support.programs import load_program
from support.repository import ROOT

TOOLS = ROOT / "tools" / "aarch64"
NOT_HERE = 77


@pytest.fixture(scope="module")
def debian():
    return load_program(TOOLS / "debian.py")


@pytest.fixture(scope="module")
def make_root(debian):
    sys.modules["debian"] = debian
    try:
        return load_program(TOOLS / "make_root")
    finally:
        del sys.modules["debian"]


def package(files, kind="data.tar.xz"):
    """A .deb with these files."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    data = lzma.compress(tar.getvalue()) if kind.endswith("xz") else tar.getvalue()
    out = b"!<arch>\n"
    for name, body in (("debian-binary", b"2.0"), (kind, data)):
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(body):<10}`\n".encode()
        out += body + b"\n" * (len(body) % 2)
    return out


def test_a_package_is_unpacked_and_links_to_directories_stay(debian, tmp_path):
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    debian.unpack_data(package({"lib/a": b"1", "usr/lib/b": b"2"}), tmp_path, "p")
    assert (tmp_path / "lib").is_symlink()
    assert [(tmp_path / "usr/lib" / name).read_bytes() for name in "ab"] == [b"1", b"2"]
    assert debian.one_file(package({"usr/bin/x": b"3"}, "data.tar"), "usr/bin/x") == b"3"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no package", "no Debian package"),
        (b"!<arch>\n", "holds no data.tar"),
        (package({}, "data.tar.zst"), "data.tar.zst is compressed in a way"),
    ],
)
def test_what_is_no_package_is_refused(debian, data, message):
    with pytest.raises(ValueError, match=message):
        debian.data_of(data)


INDEX = """Package: a
Essential: yes
Depends: b (>= 1), c | d:any
Description: text
 Depends: nothing

Package: b
Pre-Depends: virtual

Package: d

Package: e
Provides: virtual (= 2), other

Package: f
Depends: gone
"""


@pytest.fixture
def archive(debian):
    made = debian.Archive.__new__(debian.Archive)
    made.suite, made.machine = "suite", "arm64"
    made.packages = debian.read_index(INDEX)
    made.provided = debian.find_provided(made.packages)
    return made


def test_what_a_package_needs_comes_with_it(archive):
    assert [found["Package"] for found in archive.closure(["d"])] == ["a", "b", "d", "e"]
    with pytest.raises(ValueError, match="suite has no package gone for arm64"):
        archive.closure(["f"])


def test_a_sum_that_differs_is_refused(debian):
    debian.check_sum(b"x", hashlib.sha256(b"x").hexdigest(), "x.deb")
    with pytest.raises(ValueError, match=r"x.deb has the SHA256 .*, expected 00"):
        debian.check_sum(b"x", "00", "x.deb")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("sources.list", "deb [arch=amd64] http://here.example/debian bookworm main"),
        ("sources.list.d/debian.sources", "URIs: http://here.example/debian/"),
    ],
)
def test_packages_come_from_where_the_hosts_do(debian, tmp_path, name, line):
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "a.list").write_text("deb http://here.example/ubuntu noble main")
    (tmp_path / name).write_text(f"# deb http://other.example/debian x\n{line}\n")
    assert debian.mirror_of(tmp_path) == "http://here.example/debian"


def test_a_host_without_debians_packages_is_asked_for_an_archive(debian, tmp_path):
    with pytest.raises(debian.NotHereError, match="give the address of one by --mirror"):
        debian.mirror_of(tmp_path)


def test_a_release_that_debian_has_not_signed_is_refused(debian):
    try:
        with pytest.raises(ValueError, match="signature is not Debian's"):
            debian.verified_release(b"Suite: stable\n")
    except debian.NotHereError as reason:
        pytest.skip(str(reason))


def test_a_host_without_gpgv_is_told_so(debian, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(debian.NotHereError, match="apt-get install gpgv"):
        debian.verified_release(b"")


class Made:
    """Writes a file for each part, and notes which were made."""

    def __init__(self):
        self.parts = []

    def part(self, name, fails=False):
        def make(root):
            self.parts.append(name)
            (root / name).write_text("half")
            if fails:
                raise KeyboardInterrupt
            (root / name).write_text("whole")

        return make


def make_all(make_root, path, versions, fails=()):
    """The parts that were made, where the first is what the others stand on."""
    made, root = Made(), make_root.Root(path)
    try:
        for name, version in versions.items():
            places = () if name == "system" else (name,)
            root.part(name, version, made.part(name, name in fails), *places)
    except KeyboardInterrupt:
        made.parts.append("stopped")
    finally:
        os.close(root.lock)
    return made.parts


VERSIONS = {"system": ["a", 1], "wheels": "b", "emulator": "c"}


def test_what_is_made_is_made_once(make_root, tmp_path):
    path = tmp_path / "new" / "root"
    assert make_all(make_root, path, VERSIONS) == list(VERSIONS)
    assert make_all(make_root, path, VERSIONS) == []


def test_a_part_that_is_of_something_else_is_made_again(make_root, tmp_path):
    make_all(make_root, tmp_path, VERSIONS)
    (tmp_path / "wheels").write_text("old")
    assert make_all(make_root, tmp_path, VERSIONS | {"wheels": "new"}) == ["wheels"]
    assert make_all(make_root, tmp_path, VERSIONS | {"wheels": "new"}) == []


def test_a_new_system_takes_everything_with_it(make_root, tmp_path):
    make_all(make_root, tmp_path, VERSIONS)
    (tmp_path / "left").mkdir()
    assert make_all(make_root, tmp_path, VERSIONS | {"system": 2}) == list(VERSIONS)
    assert not (tmp_path / "left").exists()


def test_a_part_that_was_not_finished_is_made_again(make_root, tmp_path):
    make_all(make_root, tmp_path, VERSIONS)
    new = VERSIONS | {"wheels": "new"}
    assert make_all(make_root, tmp_path, new, ["wheels"]) == ["wheels", "stopped"]
    assert (tmp_path / "wheels").read_text() == "half"
    # Even where it shall be what it was before.
    assert make_all(make_root, tmp_path, VERSIONS) == ["wheels"]
    assert (tmp_path / "wheels").read_text() == "whole"


def test_the_note_says_what_parts_are_made_of(make_root, tmp_path):
    make_all(make_root, tmp_path, VERSIONS)
    assert json.loads((tmp_path / make_root.NOTE).read_text()) == VERSIONS


def test_a_directory_with_other_things_is_left_alone(make_root, tmp_path):
    (tmp_path / "letters").write_text("dear")
    with pytest.raises(SystemExit, match="with other things in it"):
        make_root.Root(tmp_path)
    assert (tmp_path / "letters").read_text() == "dear"


def test_an_index_that_cannot_be_reached_is_a_reason_and_a_missing_wheel_is_not(
    make_root, debian, tmp_path, monkeypatch
):
    said = "WARNING: Retrying (Retry(total=0)) after connection broken\nERROR: No matching"
    failed = subprocess.CompletedProcess([], 1, "", said)
    monkeypatch.setattr(make_root.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(debian.NotHereError, match="index cannot be reached"):
        make_root.install_wheels(tmp_path)
    failed.stderr = "ERROR: No matching distribution found for numpy==9"
    with pytest.raises(SystemExit, match="No matching distribution"):
        make_root.install_wheels(tmp_path)


def run(program, *arguments):
    command = [sys.executable, str(TOOLS / program), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize(
    ("program", "arguments", "message"),
    [
        ("make_root", [], "the following arguments are required: ROOT"),
        ("make_root", ["--qemu", "8", "root"], "invalid choice: '8'"),
        ("run", ["root"], "needs a command after the root"),
        ("run", ["root", "true"], "root is no root with Python: run make_root root"),
        ("run", ["--bind", "/nonexistent", "root", "true"], "/nonexistent is not a directory"),
    ],
)
def test_wrong_arguments_are_refused(program, arguments, message):
    done = run(program, *arguments)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.usefixtures("own_process")
def test_a_host_without_a_network_is_told_so(tmp_path):
    done = run("make_root", "--mirror", "http://127.0.0.1:9/debian", tmp_path / "root")
    assert done.returncode == NOT_HERE, done.stderr
    assert "127.0.0.1:9/debian/dists/bookworm/InRelease cannot be reached" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.usefixtures("own_process")
def test_a_host_that_refuses_namespaces_is_told_so(tmp_path):
    """A filter (seccomp) that answers unshare with EPERM, as containers have it."""
    if os.uname().machine != "x86_64":
        pytest.skip("the number of the call is x86_64's")
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/python3").touch()
    words = [(0x20, 0, 0, 0), (0x15, 0, 1, 272), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7FFF0000)]
    filters = b"".join(struct.pack("HBBI", *word) for word in words)
    code = f"""
import ctypes, os, struct, sys
kept = ctypes.create_string_buffer({filters!r})
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 4, ctypes.addressof(kept)))
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
os.execv(sys.executable, [sys.executable, {str(TOOLS / "run")!r}, {str(tmp_path)!r}, "true"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == NOT_HERE, done.stderr
    assert (
        "namespaces are refused ([Errno 1] unshare: Operation not permitted): needs" in done.stderr
    )


def test_the_root_has_what_the_package_needs():
    asked = set((TOOLS / "requirements.txt").read_text().split("\n"))
    block = re.search(
        r"^dependencies = \[(.*?)\]", (ROOT / "pyproject.toml").read_text(), re.M | re.S
    )
    assert set(re.findall(r'"([\w-]+)', block[1])) <= asked


def test_tests_left_out_are_tests_that_are_there():
    gone = []
    for name in emulated.TESTS:
        file, _, function = name.partition("::")
        path = ROOT / "tests" / file
        wanted = f"def {function.partition('[')[0]}("
        if not path.is_file() or (function and wanted not in path.read_text()):
            gone.append(name)
    assert gone == []
    fixtures = "".join(path.read_text() for path in (ROOT / "tests").rglob("conftest.py"))
    assert [name for name in emulated.FIXTURES if f"def {name}(" not in fixtures] == []


def test_a_test_is_left_out_by_its_fixture_its_file_its_function_or_itself(monkeypatch):
    listed = {
        "a/test_a.py": "file",
        "b/test_b.py::test_f": "function",
        "c/test_c.py::test_g[1]": "one",
    }
    monkeypatch.setattr(emulated, "TESTS", listed)
    reason = emulated.reason_of
    assert reason("tests/a/test_a.py::test_x", []) == "file"
    assert reason("tests/b/test_b.py::test_f[2]", []) == "function"
    assert reason("tests/c/test_c.py::test_g[1]", []) == "one"
    assert reason("tests/c/test_c.py::test_g[2]", []) is None
    assert reason("tests/d/test_d.py::test_h", ["simulated_time"]) == emulated.CLOCK
