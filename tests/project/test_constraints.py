# SPDX-License-Identifier: Apache-2.0
"""constraints.txt: one pin for each package and host, and all that is installed is pinned.

pip asks the package index for every promised Python on both machines, with all extras at once: as
all that comes out is pinned, any choice of extras gets a part of it.
"""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from packaging.markers import Marker
from packaging.version import Version

from support.pins import (
    CONSTRAINTS,
    EXTRAS,
    MACHINES,
    PROJECT,
    PYTHONS,
    name_of,
    pins,
    plain,
    requirements,
)
from support.repository import ROOT

PIP_FOR = ROOT / "tools" / "pip_for"
HOSTS = [(python, machine) for machine in MACHINES for python in PYTHONS]
# What torch brings where no CPU build of it is offered; not pinned, since nobody needs it.
OF_CUDA = re.compile(r"nvidia-|cuda-|triton$")
# The glibc that a host needs, and what needs a newer one there.
GLIBC = "2.28"
NEWER_GLIBC = {("aarch64", "openvino"): "2.35"}
AT_ONCE = 5  # they wait for the index most of the time


def pinned(python, machine):
    """Versions by package on one host; fails where one is pinned twice."""
    host = {"python_version": python, "platform_machine": machine}
    lines = [(plain(name), version) for name, version, marker in pins() if holds(marker, host)]
    twice = [name for name, count in Counter(name for name, _ in lines).items() if count > 1]
    assert twice == [], f"pinned twice on {python} {machine}"
    return dict(lines)


def holds(marker, host):
    return not marker or Marker(marker).evaluate(host)


@pytest.mark.parametrize(("python", "machine"), HOSTS)
def test_every_package_has_one_pin_on_every_host(python, machine):
    names = {plain(name) for name, _, _ in pins()}
    assert pinned(python, machine).keys() == names
    asked = {name_of(requirement) for requirement in requirements(*EXTRAS)}
    assert asked <= names


def test_pins_stand_in_order():
    names = [plain(name) for name, _, _ in pins()]
    assert names == sorted(names)


def test_promised_pythons_are_those_of_the_project_file():
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert tuple(named) == PYTHONS
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"


@pytest.fixture(scope="module")
def newest_pip(tmp_path_factory, own_process):
    """Its folder; skips where no package index answers. Older ones fetch whole wheels."""
    folder = tmp_path_factory.mktemp("pip")
    words = ["-m", "pip", "install", "-q", "--retries", "1", "--target", folder, "pip>=25"]
    done = python(words)
    if done.returncode:
        pytest.skip(f"no package index answers: {done.stderr.strip()[-200:]}")
    return folder


def python(words, **variables):
    command = [sys.executable, *map(str, words)]
    environment = os.environ | variables
    options = {"capture_output": True, "text": True, "timeout": 1200, "check": False}
    return subprocess.run(command, env=environment, **options)


def resolve(pip, folder, version, machine, glibc, wanted):
    """What pip would install there, versions by package; its words where it cannot."""
    report = folder / f"{version}-{machine}-{glibc}.json"
    # Where the index does not serve metadata alone, wheels are read in part, not fetched.
    words = ["--dry-run", "--ignore-installed", "--use-feature=fast-deps", "--target", folder / "x"]
    words += ["--report", report, "-c", CONSTRAINTS, *wanted]
    target = ["--glibc", glibc, version, machine]
    done = python([PIP_FOR, *target, "install", *words], PYTHONPATH=str(pip))
    if done.returncode:
        return done.stderr[-2000:]
    found = [item["metadata"] for item in json.loads(report.read_text())["install"]]
    return {plain(each["name"]): Version(each["version"]).public for each in found}


def questions(machine):
    """What is asked for one host: each time a glibc, and requirements."""
    by_glibc = {GLIBC: []}
    for requirement in requirements(*EXTRAS):
        glibc = NEWER_GLIBC.get((machine, name_of(requirement)), GLIBC)
        by_glibc.setdefault(glibc, []).append(requirement)
    return by_glibc.items()


@pytest.fixture(scope="module")
def resolved(tmp_path_factory, newest_pip):
    """By host, what pip says of all extras; waited for when asked."""
    folder = tmp_path_factory.mktemp("resolved")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            host: [
                pool.submit(resolve, newest_pip, folder, *host, *asked)
                for asked in questions(host[1])
            ]
            for host in HOSTS
        }


@pytest.mark.parametrize(("python", "machine"), HOSTS)
def test_everything_resolves_to_pins(resolved, python, machine):
    expected = pinned(python, machine)
    for asked in resolved[python, machine]:
        found = asked.result()
        assert isinstance(found, dict), found
        cuda = {name for name in found if OF_CUDA.match(name)}
        assert not (cuda and machine == "aarch64"), "torch's pin is a CUDA build"
        loose = [f"{n}=={v}" for n, v in found.items() if n not in cuda and expected.get(n) != v]
        assert loose == [], "installed, but not by a pin"
