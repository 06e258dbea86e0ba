# SPDX-License-Identifier: Apache-2.0
"""What the project file asks for and what constraints.txt pins, for each promised Python.

Used by `.ci/pythons` too, which runs where the package is not installed yet.
"""

import re

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10; pytest brings the same there
    import tomli as tomllib

from support.repository import ROOT

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
MACHINES = ("x86_64", "aarch64")
CONSTRAINTS = ROOT / "constraints.txt"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
# A run of the tests names in this variable the modules that it does without (left_out.py).
WITHOUT = "MGN_FAST_TESTS_WITHOUT"
# By the names of their modules, what may be left out: large, or a second runtime.
CAN_BE_LEFT_OUT = {"torch": "torch", "openvino": "openvino", "faiss": "faiss-cpu"}


def plain(name):
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(requirement):
    """The package that a requirement or a pin is about."""
    return plain(re.match(r"[\w.-]+", requirement)[0])


def requirements(*extras):
    """What the base and these extras ask for, without the package itself."""
    found = list(PROJECT["dependencies"])
    for extra in extras:
        for requirement in EXTRAS[extra]:
            own = re.fullmatch(r"mgn-fast\[(.*)\]", requirement)
            found += requirements(*own[1].split(",")) if own else [requirement]
    return list(dict.fromkeys(found))


def pins():
    """Lines of constraints.txt: (name, version, environment marker or "")."""
    lines = CONSTRAINTS.read_text().splitlines()
    pattern = re.compile(r"([\w.-]+)==([\w.]+)(?:; (.+))?")
    return [pattern.fullmatch(line).groups("") for line in lines if not line.startswith("#")]
