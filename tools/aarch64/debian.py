# SPDX-License-Identifier: Apache-2.0
"""Packages of a Debian archive, verified and unpacked, with Python's library and gpgv alone.

The release's signature vouches for the index, the index for every package. No package's script is
run, so neither root's rights nor the packages' machine are needed.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import http.client
import lzma
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

APT = Path("/etc/apt")
# Machines as Debian calls them.
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
KEYRINGS = tuple(
    Path("/usr/share/keyrings", f"debian-archive-keyring.{ending}") for ending in ("gpg", "pgp")
)
# A host on which something cannot be had: its caller may go on without it. As automake has it.
NOT_HERE = 77

Package = dict[str, str]


class NotHereError(Exception):
    """What this host lacks, and what to do about it. Everything else that fails is a failure."""


def main_with_reason(program: str, run: Any) -> None:
    """Runs a program's main; a `NotHereError` becomes a sentence and the exit code `NOT_HERE`."""
    try:
        run()
    except NotHereError as reason:
        sys.stderr.write(f"{program}: {reason}\n")
        sys.exit(NOT_HERE)


class Archive:
    """One release of Debian for one machine: its index, read once."""

    def __init__(self, suite: str, machine: str, mirror: str | None = None) -> None:
        mirror = mirror or mirror_of(APT)
        self.mirror, self.suite, self.machine = mirror.rstrip("/"), suite, machine
        name = f"main/binary-{machine}/Packages.xz"
        release = verified_release(self.fetch(f"dists/{suite}/InRelease"))
        sums = release.partition("\nSHA256:\n")[2]
        found = re.search(rf"^ ([0-9a-f]{{64}}) +\d+ {re.escape(name)}$", sums, re.MULTILINE)
        if found is None:
            raise ValueError(f"{suite}'s release at {self.mirror} lists no {name}")
        index = self.fetch(f"dists/{suite}/{name}")
        check_sum(index, found[1], name)
        self.packages = read_index(lzma.decompress(index).decode())
        self.provided = find_provided(self.packages)

    def fetch(self, path: str) -> bytes:
        """A file of the archive; one that cannot be reached is no fault of ours."""
        url = f"{self.mirror}/{path}"
        for _ in range(3):
            try:
                with urllib.request.urlopen(url, timeout=60) as answer:
                    return bytes(answer.read())
            except urllib.error.HTTPError as error:
                if error.code < 500 and error.code != 429:
                    raise ValueError(f"{url} answers {error.code} {error.reason}") from error
                last: Exception = error
            except (OSError, http.client.HTTPException) as error:
                last = error
        raise NotHereError(f"{url} cannot be reached ({last}): needs a network")

    def closure(self, names: list[str]) -> list[Package]:
        """The packages, the essential ones, and what they depend on, by name."""
        wanted = [*names, *(p["Package"] for p in self.packages.values() if "Essential" in p)]
        found: dict[str, Package] = {}
        while wanted:
            name = wanted.pop()
            if name in found:
                continue
            package = self.packages.get(name)
            if package is None:
                raise ValueError(f"{self.suite} has no package {name} for {self.machine}")
            found[name] = package
            for field in ("Pre-Depends", "Depends"):
                needs = filter(None, package.get(field, "").split(","))
                wanted += [self._first_there(alternatives) for alternatives in needs]
        return [found[name] for name in sorted(found)]

    def _first_there(self, alternatives: str) -> str:
        """Of "a (>= 1) | b:any", the first that is a package, or what provides the first."""
        names = [re.split(r"[ (:]", one.strip())[0] for one in alternatives.split("|")]
        return next(
            (name for name in names if name in self.packages),
            self.provided.get(names[0], names[0]),
        )

    def unpack(self, packages: list[Package], into: Path) -> None:
        """Downloads and unpacks packages as one tree of /usr, to which old directories link."""
        for name in ("bin", "sbin", "lib", "lib64"):
            (into / "usr" / name).mkdir(parents=True, exist_ok=True)
            (into / name).symlink_to(f"usr/{name}")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            # One at a time is unpacked, in the order of names, whichever comes first.
            for package, data in zip(packages, pool.map(self.checked, packages), strict=True):
                unpack_data(data, into, package["Package"])

    def checked(self, package: Package) -> bytes:
        """A package as its index says it is."""
        data = self.fetch(package["Filename"])
        check_sum(data, package["SHA256"], package["Filename"])
        return data


def mirror_of(apt: Path) -> str:
    """The Debian archive that this host's own packages come from, by apt's lists of sources."""
    lists = [apt / "sources.list", *sorted(apt.glob("sources.list.d/*.[ls]*"))]
    for path in filter(Path.is_file, lists):
        for line in path.read_text().splitlines():
            found = re.match(r"(?:URIs:|deb ).*?(https?://\S+/debian)/?(?:\s|$)", line)
            if found is not None:
                return found[1]
    raise NotHereError(f"{apt} names no Debian archive: give the address of one by --mirror")


def verified_release(signed: bytes) -> str:
    """The text that Debian's keys have signed."""
    gpgv = shutil.which("gpgv")
    keyring = next((path for path in KEYRINGS if path.is_file()), None)
    if gpgv is None or keyring is None:
        raise NotHereError(
            "Debian's signature cannot be checked: needs gpgv and "
            f"{KEYRINGS[0]} (apt-get install gpgv debian-archive-keyring)"
        )
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "Release")
        command = [gpgv, "--keyring", str(keyring), "--output", str(text), "-"]
        done = subprocess.run(command, input=signed, capture_output=True, check=False)
        if done.returncode != 0:
            raise ValueError(f"the release's signature is not Debian's: {done.stderr.decode()}")
        return text.read_text()


def read_index(text: str) -> dict[str, Package]:
    """Packages by name; lines that go on a field above are of no use here."""
    found = {}
    for paragraph in text.split("\n\n"):
        lines = [line.partition(": ") for line in paragraph.splitlines() if line[:1] != " "]
        package = {name: value for name, _, value in lines}
        if "Package" in package:
            found[package["Package"]] = package
    return found


def find_provided(packages: dict[str, Package]) -> dict[str, str]:
    """The first package, by name, that provides each virtual one."""
    found: dict[str, str] = {}
    for name in sorted(packages):
        for virtual in packages[name].get("Provides", "").split(","):
            found.setdefault(virtual.split("(")[0].strip(), name)
    return found


def check_sum(data: bytes, expected: str, name: str) -> None:
    """Refuses a file that is not what its index says."""
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise ValueError(f"{name} has the SHA256 {found}, expected {expected}: try again")


def data_of(package: bytes) -> bytes:
    """The tar archive of files within a .deb, which is an archive of ar."""
    if package[:8] != b"!<arch>\n":
        raise ValueError(f"no Debian package: begins with {package[:8]!r}")
    at = 8
    while at + 60 <= len(package):
        name = package[at : at + 16].decode().strip().rstrip("/")
        size = int(package[at + 48 : at + 58])
        if name.startswith("data.tar"):
            data = package[at + 60 : at + 60 + size]
            if name == "data.tar":
                return data
            if name == "data.tar.xz":
                return lzma.decompress(data)
            raise ValueError(f"a package's {name} is compressed in a way not known here")
        at += 60 + size + size % 2
    raise ValueError("a Debian package holds no data.tar")


def unpack_data(package: bytes, into: Path, name: str) -> None:
    """Unpacks one .deb."""
    command = ["tar", "-x", "--no-same-owner", "--keep-directory-symlink", "-C", str(into)]
    done = subprocess.run(command, input=data_of(package), capture_output=True, check=False)
    if done.returncode != 0:
        raise ValueError(f"tar cannot unpack {name}: {done.stderr.decode()}")


def one_file(package: bytes, path: str) -> bytes:
    """One file out of a .deb."""
    command = ["tar", "-x", "-O", f"./{path}"]
    done = subprocess.run(command, input=data_of(package), capture_output=True, check=False)
    if done.returncode != 0:
        raise ValueError(f"the package holds no {path}: {done.stderr.decode()}")
    return done.stdout
