# SPDX-License-Identifier: Apache-2.0
"""Libraries that a run does without skip tests; what is missing unasked does not."""

import pytest

from support.left_out import LeftOut, finders
from support.pins import WITHOUT


def test_what_is_left_out_skips_past_those_who_catch_errors():
    def imports():
        try:
            LeftOut({"torch"}).find_spec("torch.nn")
        except Exception:
            return "caught"

    with pytest.raises(pytest.skip.Exception, match="needs torch, which this run does without"):
        imports()
    assert LeftOut({"torch"}).find_spec("torchvision") is None


def test_nothing_is_left_out_unasked(monkeypatch):
    monkeypatch.delenv(WITHOUT, raising=False)
    assert finders() == []
    monkeypatch.setenv(WITHOUT, "torch, faiss")
    assert [each.names for each in finders()] == [{"torch", "faiss"}]


def test_a_library_that_cannot_be_left_out_is_refused(monkeypatch):
    monkeypatch.setenv(WITHOUT, "numpy")
    with pytest.raises(pytest.UsageError, match=r"names .'numpy'., expected some of"):
        finders()
