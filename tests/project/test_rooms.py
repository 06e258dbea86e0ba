# SPDX-License-Identifier: Apache-2.0
"""The package's rooms and floors: who may import whom, how full a room is, what its face offers."""

import ast
import importlib
import inspect
import json
import re
import shutil
import subprocess
import sys
from collections import Counter

import pytest

import mgn_fast
from support import rooms
from support.repository import PACKAGE, ROOT

ARCHITECTURE = ROOT / "ARCHITECTURE.md"
MAX_CHAIN = 15
MAX_AT_THE_TOP = 6
MAX_IN_A_ROOM = 16
MAX_LOADED = 25
ROOMS = sorted(path.parent for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE)


def test_imports_run_down():
    assert rooms.upward_imports(PACKAGE) == []


def test_only_the_command_line_prints():
    assert rooms.prints(PACKAGE) == []


def test_no_modules_import_each_other_and_chains_are_short():
    edges = rooms.graph(PACKAGE)
    assert rooms.circles(edges) == []
    chain = rooms.longest_chain(edges)
    assert len(chain) <= MAX_CHAIN, " -> ".join(chain)


def test_rooms_have_room():
    count = Counter(path.parent for path in PACKAGE.rglob("*.py"))
    assert count.pop(PACKAGE) <= MAX_AT_THE_TOP
    assert {str(room): n for room, n in count.items() if n > MAX_IN_A_ROOM} == {}


@pytest.fixture
def copied(tmp_path):
    """A copy of the package's sources, to break."""
    return shutil.copytree(PACKAGE, tmp_path / "mgn_fast", ignore=lambda *_: ["__pycache__"])


# Every room below `cli`.
BREAKABLE = [
    room
    for room, floor in rooms.FLOOR.items()
    if floor < rooms.FLOOR["cli"] and (PACKAGE / room).is_dir()
]


def break_module(copied, room, *lines):
    """Adds lines to a module of a room, inside a function; its name."""
    path = min(path for path in (copied / room).glob("*.py") if not path.name.startswith("__"))
    body = "".join(f"    {line}\n" for line in lines)
    path.write_text(f"{path.read_text()}\n\ndef _broken():\n{body}")
    return f"{room}/{path.name}"


@pytest.mark.parametrize(
    "line",
    [
        "from mgn_fast.cli import main",
        "from mgn_fast import cli",
        "import mgn_fast.cli.program",
        "from ..cli import main",
        "from .. import cli",
        "importlib.import_module('mgn_fast.cli.program')",
        "from mgn_fast import Embedder",
        "from mgn_fast.doctor import examine",
    ],
)
def test_an_upward_import_is_seen_in_every_room(copied, line):
    others = [room for room in BREAKABLE if f"mgn_fast.{room} " not in line]
    broken = [break_module(copied, room, line) for room in others]
    found = rooms.upward_imports(copied)
    assert [offender.partition(":")[0] for offender in found] == sorted(broken)


def test_an_import_for_types_alone_and_a_neighbour_are_seen(copied):
    name = break_module(copied, "models", "if TYPE_CHECKING:", "    from mgn_fast import datasets")
    assert [offender.partition(":")[0] for offender in rooms.upward_imports(copied)] == [name]


@pytest.mark.parametrize(
    "line",
    [
        "print(1)",
        "log = print",
        "sys.stderr.write('1')",
        "sys.__stdout__.write('1')",
        "from sys import stderr",
        "from sys import __stdout__ as stream",
        "os.write(1, b'1')",
        "open(2, 'w')",
        "from rich.console import Console",
        "import rich",
    ],
)
def test_a_print_is_seen_in_every_room(copied, line):
    broken = [break_module(copied, room, line) for room in BREAKABLE]
    assert [offender.partition(":")[0] for offender in rooms.prints(copied)] == sorted(broken)


def test_a_circle_and_a_chain_are_seen():
    edges = {"a": {"b": 1}, "b": {"c": 1}, "c": {"b": 1}, "d": {"a": 1}}
    assert rooms.circles(edges) == [["b", "c"]]
    edges["c"] = {}
    assert rooms.longest_chain(edges) == ["d", "a", "b", "c"]


def in_room(path):
    """Names of a room's modules and sub-rooms."""
    modules = {file.stem for file in path.glob("*.py")} - {"__init__", "__main__"}
    return modules | {file.parent.name for file in path.glob("*/__init__.py")}


def test_every_room_has_a_face():
    """Names that are there and hide no module of the room, and a word on each of its modules."""
    offenders = []
    for path in ROOMS:
        dotted = ".".join(path.relative_to(PACKAGE.parent).parts)
        face = importlib.import_module(dotted)
        unsaid = in_room(path) - set(re.findall(r"\w+", face.__doc__ or ""))
        offenders += [f"{dotted} does not say what {name} is" for name in sorted(unsaid)]
        for name in face.__all__:
            value = getattr(face, name, None)
            if value is None:
                offenders.append(f"{dotted} has no {name}")
            if name in in_room(path) and not inspect.ismodule(value):
                offenders.append(f"{dotted}.{name} is a module and something else")
    assert offenders == []


def test_no_module_has_the_name_of_its_own_function():
    """Commands' modules are named after the commands."""
    offenders = [
        name
        for name, path in rooms.sources(PACKAGE)
        if any(
            isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == path.stem
            for node in ast.parse(path.read_text()).body
        )
    ]
    assert offenders == []


def test_the_architecture_page_says_what_rooms_use():
    said = {
        room: set(re.findall(r"`(\w+)`", uses))
        for room, uses in re.findall(
            r"^\| `(\w+)/?` \| .* \| ([^|]*) \|$", ARCHITECTURE.read_text(), re.MULTILINE
        )
    }
    used = {room: set() for room in said}
    for name, targets in rooms.graph(PACKAGE).items():
        room = name.split(".")[0]
        if room in used:
            allowed = {other for file, other in rooms.ALLOWED if file.startswith(f"{room}/")}
            used[room] |= {target.split(".")[0] for target in targets} - allowed
    everywhere = {room for room in rooms.FLOOR if rooms.FLOOR[room] <= rooms.FLOOR["common"]}
    shown = {room: uses - everywhere - {room} for room, uses in used.items() if room != "cli"}
    assert shown == {room: uses for room, uses in said.items() if room != "cli"}
    assert set(said) | everywhere | {"__init__", "__main__"} == set(rooms.FLOOR)


def test_no_public_name_hides_a_room():
    modules = {path.stem for path in PACKAGE.iterdir()}
    public = [name for name in mgn_fast.__all__ if not inspect.ismodule(getattr(mgn_fast, name))]
    assert [name for name in public if name in modules] == []


@pytest.mark.usefixtures("own_process")
def test_the_package_lists_what_it_offers():
    code = "import mgn_fast; print(dir(mgn_fast) == sorted(mgn_fast.__all__))"
    assert run(code) == "True"


@pytest.mark.usefixtures("own_process")
def test_a_bare_import_loads_little():
    code = "import sys, json, mgn_fast; print(json.dumps(sorted(sys.modules)))"
    own = [name for name in json.loads(run(code)) if name.split(".")[0] == "mgn_fast"]
    assert len(own) <= MAX_LOADED
    assert [name for name in own if {"simulator", "cann"} & set(name.split("."))] == []


def test_a_room_is_an_attribute_whatever_ran_before(own_process):
    names = sorted(path.name for path in ROOMS if path.parent == PACKAGE and path.name != "cli")
    for name in [*names, "doctor"]:
        assert run(f"import mgn_fast; print(mgn_fast.{name}.__name__)") == f"mgn_fast.{name}"


@pytest.mark.parametrize("name", ["evaluate", "rerank", "compile_om", "open_session"])
def test_a_function_is_no_module(name):
    with pytest.raises(ModuleNotFoundError, match=f"mgn_fast.{name}"):
        importlib.import_module(f"mgn_fast.{name}")


def run(code):
    return subprocess.check_output([sys.executable, "-c", code], text=True).strip()
