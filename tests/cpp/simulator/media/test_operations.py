# SPDX-License-Identifier: Apache-2.0
"""What needs the media unit: the answer, and that no other function of the header gives it."""

import pytest

from support.acl_models import Machine, ledger, library
from support.acl_names import MEDIA
from support.acl_settings import NOT_SUPPORTED

ACTIONS = ("CreateChannel", "DestroyChannel", "SendFrame", "SendSkippedFrame")
REFUSED = [
    name
    for name in MEDIA
    if name.endswith(("Async", *ACTIONS)) or "Predict" in name or "GetImageInfo" in name
]


def test_the_library_has_every_function_of_the_header():
    assert len(MEDIA) == len(set(MEDIA)) == 174
    assert [name for name in MEDIA if not hasattr(library(), name)] == []


def test_what_needs_the_media_unit_is_refused_and_told_what_to_do():
    with Machine(soc_version="Ascend310B4") as machine:
        for name in REFUSED:
            assert machine.code(name, *[None] * 10) == NOT_SUPPORTED
            text = machine.message()
            assert f"{name} returns {NOT_SUPPORTED}" in text
            assert "Ascend310B4 has no media unit" in text
            assert "on the host" in text
            assert "AIPP" in text
        calls = ledger()["calls"]
        assert {name: calls[name] for name in REFUSED} == dict.fromkeys(REFUSED, 1)


@pytest.mark.parametrize("code", [200000, 507899])
def test_a_failure_on_demand_comes_first(code):
    with Machine() as machine:
        library().mgnsim_fail(b"acldvppVpcResizeAsync", 1, code, b"now")
        assert machine.code("acldvppVpcResizeAsync", *[None] * 5) == code


def test_every_function_can_be_told_to_fail():
    """What returns a code returns that one; nothing else comes to harm, and nothing stays."""
    with Machine() as machine:
        for name in MEDIA:
            library().mgnsim_fail(name.encode(), 1, 507899, b"now")
            code = machine.code(name, *[None] * 10)
            assert code == (507899 if name in REFUSED or returns_code(name) else 0), name
        assert not any(
            count for kind, count in ledger()["live"].items() if kind.endswith("description")
        )


def returns_code(name):
    words = ("Set", "Destroy", "ClearHist", "GetChannelDescParam", "MapData", "HistData")
    return any(word in name for word in words)


def test_all_else_takes_null_without_harm():
    """Setters and destroyers answer 0 or that an argument is bad; no other answer, no crash."""
    with Machine() as machine:
        answers = {
            name: machine.code(name, *[None] * 6)
            for name in MEDIA
            if name not in REFUSED and ("Set" in name or "Destroy" in name)
        }
    assert set(answers.values()) == {0, 100000}
    assert {name for name, code in answers.items() if code == 0} == {
        name for name in answers if "Destroy" in name
    }
