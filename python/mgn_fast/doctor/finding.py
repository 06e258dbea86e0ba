# SPDX-License-Identifier: Apache-2.0
"""What is told of one part of an installation, and how several that are missing become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

# What works on a machine without an NPU.
SIMULATE = "mgn-fast doctor --simulate"
# The parts that only an Ascend host has.
OF_ASCEND = ("ascend", "cann", "atc", "driver", "devices")


@dataclass(frozen=True)
class Finding:
    """One part of the installation: whether it works, and what to do if not.

    Attributes:
        what: the part.
        works: it was tried and does what it should.
        required: every command needs it.
        detail: versions, or what went wrong.
        remedy: the line that mends it; "" where nothing is wrong.
        facts: the detail's values by name, for programs; "absent" where nothing of a part is there.
    """

    what: str
    works: bool
    required: bool
    detail: str
    remedy: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def optional(
    what: str, detail: str, remedy: str = "", facts: dict[str, Any] | None = None
) -> Finding:
    """A finding about what not every command needs; it works where it needs no remedy."""
    return Finding(
        what, not remedy, required=False, detail=detail, remedy=remedy, facts=facts or {}
    )


def in_short(findings: Sequence[Finding]) -> list[Finding]:
    """The findings for people: where there is nothing of Ascend's at all, one line says so.

    Args:
        findings: of `examine`.

    Returns:
        The same ones, or with one in the place of those about an Ascend host.
    """
    absent = [finding for finding in findings if finding.facts.get("absent")]
    if {finding.what for finding in absent} != set(OF_ASCEND):
        return list(findings)
    told = optional(
        "ascend",
        "no Ascend here: no AscendCL, CANN, ATC, driver or NPU is found; only .om models need them",
        SIMULATE,
    )
    place = findings.index(absent[0])
    rest = [finding for finding in findings if finding not in absent]
    return [*rest[:place], told, *rest[place:]]
