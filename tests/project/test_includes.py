# SPDX-License-Identifier: Apache-2.0
"""Includes run one way: between the folders of cpp/, and between the simulator's own."""

import re

from support.repository import CPP

# A folder includes its own files and those of these.
MAY_INCLUDE = {
    "common": set(),
    "image": {"common"},
    "eval": {"common"},
    "acl": {"common"},
    "ascend": {"common", "acl"},
    # Of the backend only what it shares with the vendor: types and codes.
    "simulator": {"common", "acl"},
    "bindings": {"common", "image", "eval", "acl", "ascend"},
}

# Lowest first: each includes its own files and those of lower floors.
SIMULATOR_FLOORS = [
    "core",
    "devices",
    "memory",
    "media",
    "streams",
    "models",
    "operators",
    "execution",
    "process",
]
MOST_UNITS = 16


def sources():
    return sorted([*CPP.rglob("*.cpp"), *CPP.rglob("*.h")])


def included(path):
    """The files of ours that `path` includes, each as written from cpp/."""
    return re.findall(r'#include "([^"]+)"', path.read_text())


def test_folders_include_lower_ones_only():
    offenders = []
    for path in sources():
        room = path.relative_to(CPP).parts[0]
        allowed = MAY_INCLUDE[room] | {room}
        for name in included(path):
            if name.split("/")[0] not in allowed or not (CPP / name).is_file():
                offenders.append(f"{path.relative_to(CPP)} -> {name}")
    assert offenders == []


def test_the_simulators_floors_include_lower_ones_only():
    floors = {room: floor for floor, room in enumerate(SIMULATOR_FLOORS)}
    offenders = []
    for path in (CPP / "simulator").rglob("*.*"):
        parts = path.relative_to(CPP).parts
        if parts == ("simulator", "exports.map"):
            continue
        if len(parts) != 3:
            offenders.append(f"{path.relative_to(CPP)} is in no room")
            continue
        for name in included(path):
            target = name.split("/")
            if target[0] == "simulator" and floors[target[1]] > floors[parts[1]]:
                offenders.append(f"{path.relative_to(CPP)} -> {name}")
    assert offenders == []


def test_the_simulators_rooms_are_small_enough_to_look_over():
    fullness = {
        room: len({path.stem for path in (CPP / "simulator" / room).iterdir()})
        for room in SIMULATOR_FLOORS
    }
    assert {room: units for room, units in fullness.items() if units > MOST_UNITS} == {}


def test_only_the_bindings_see_python():
    offenders = [
        str(path.relative_to(CPP))
        for path in sources()
        if path.relative_to(CPP).parts[0] != "bindings"
        and re.search(r"pybind11|Python\.h", path.read_text())
    ]
    assert offenders == []
