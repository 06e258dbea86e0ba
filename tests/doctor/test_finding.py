# SPDX-License-Identifier: Apache-2.0
import pytest

from mgn_fast.doctor.finding import OF_ASCEND, SIMULATE, Finding, in_short, optional

CORE = Finding("core", works=True, required=True, detail="mgn_fast 1")
SIMULATOR = optional("simulator", "a path")


def findings(present=()):
    absent = [
        optional(what, "x") if what in present else optional(what, "x", "y", {"absent": True})
        for what in OF_ASCEND
    ]
    return [CORE, *absent, SIMULATOR]


def test_a_finding_without_a_remedy_works():
    assert optional("a", "b").works
    assert not optional("a", "b", "c").works
    assert not optional("a", "b", "c").required


def test_where_nothing_of_ascend_s_is_there_one_line_says_so():
    core, told, last = in_short(findings())
    assert (core, last) == (CORE, SIMULATOR)
    assert told.what == "ascend"
    assert told.detail.startswith("no Ascend here")
    assert (told.works, told.required, told.remedy) == (False, False, SIMULATE)


@pytest.mark.parametrize("part", OF_ASCEND)
def test_where_one_part_is_there_each_is_told(part):
    whole = findings(present=(part,))
    assert in_short(whole) == whole
