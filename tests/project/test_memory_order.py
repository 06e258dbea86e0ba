# SPDX-License-Identifier: Apache-2.0
"""docs/memory-order.md names every atomic of cpp/, and no other."""

import re

from support.repository import CPP, ROOT

PAGE = ROOT / "docs" / "memory-order.md"
# `std::atomic<T> name`, also of pointers, references, arrays and templates.
DECLARED = re.compile(r"std::atomic<.+>[*&]*(?: const)? (\w+)(?:[{;(=]| =)")
BUILT_IN = re.compile(r"\b(__atomic_\w+|__sync_\w+)\(")


def atomics():
    """(name, file without ending) of what is declared or called."""
    found = set()
    for path in [*CPP.rglob("*.h"), *CPP.rglob("*.cpp")]:
        text = path.read_text()
        for name in [*DECLARED.findall(text), *BUILT_IN.findall(text)]:
            found.add((name, str(path.relative_to(CPP).with_suffix(""))))
    return found


def described():
    """The names of the tables' first column, each with its file without ending."""
    found = set()
    for row in re.findall(r"^\| (`.+?) \|", PAGE.read_text(), re.MULTILINE):
        for part in re.findall(r"((?:`\w+`(?:, )?)+) in `cpp/([\w/]+)\.\w+`", row):
            found |= {(name, part[1]) for name in re.findall(r"`(\w+)`", part[0])}
    return found


# Parameters and locals that only pass on what stands elsewhere.
PASSED_ON = {
    ("used", "simulator/models/loaded_model"),
    ("states", "simulator/memory/arena"),
}


def test_every_atomic_is_described_and_nothing_else():
    assert atomics() >= PASSED_ON
    assert described() == atomics() - PASSED_ON


def test_volatile_is_no_hand_over():
    offenders = [path.name for path in CPP.rglob("*.[hc]*") if "volatile" in path.read_text()]
    assert offenders == []
