# SPDX-License-Identifier: Apache-2.0
import sys

import numpy as np
import pytest

from mgn_fast import _core, doctor


def by_name():
    return {finding.what: finding for finding in doctor.examine()}


def test_everything_works_here():
    findings = by_name()
    assert all(finding.works for finding in findings.values()), findings
    assert {"core", "jpeg", "onnxruntime", "extra export", "extra report"} <= set(findings)
    assert all(finding.remedy == "" for finding in findings.values())


@pytest.mark.parametrize(
    ("module", "what", "required", "remedy"),
    [
        ("torch", "extra export", False, "pip install 'mgn-fast[export]'"),
        ("jinja2", "extra report", False, "pip install 'mgn-fast[report]'"),
        ("simplejpeg", "jpeg", True, "pip install --force-reinstall mgn-fast"),
        ("onnxruntime", "onnxruntime", True, "pip install --force-reinstall mgn-fast"),
    ],
)
def test_what_is_missing_is_named_with_its_remedy(monkeypatch, module, what, required, remedy):
    monkeypatch.setitem(sys.modules, module, None)
    finding = by_name()[what]
    assert not finding.works
    assert finding.required is required
    assert finding.remedy == remedy
    assert module in finding.detail


def test_a_core_that_computes_wrongly_is_found_out(monkeypatch):
    def wrong(pixels, out):
        out[...] = np.arange(out.size, dtype=np.uint8).reshape(out.shape)

    monkeypatch.setattr(_core, "resize", wrong)
    finding = by_name()["core"]
    assert not finding.works
    assert "resize turned 77 into" in finding.detail
