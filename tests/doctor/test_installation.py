# SPDX-License-Identifier: Apache-2.0
import sys
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import InvalidInputError, _core
from mgn_fast.doctor import examine, installation
from mgn_fast.doctor.finding import OF_ASCEND
from mgn_fast.models.contract import Contract
from support.tiny_model import write_tiny_model


def by_name():
    return {finding.what: finding for finding in examine()}


def test_everything_works_here():
    findings = by_name()
    for what in OF_ASCEND:
        assert not findings.pop(what).required
    assert all(finding.works for finding in findings.values()), findings
    assert {"core", "jpeg", "onnxruntime", "simulator", "extra export", "extra report"} <= set(
        findings
    )
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


def test_a_wrong_setting_is_corrected_and_not_installed_again(monkeypatch):
    def refuse():
        raise InvalidInputError("MGN_FAST_SIMD is 'neon', expected one of this CPU's: scalar, avx2")

    monkeypatch.setattr(_core, "simd_level", refuse)
    finding = by_name()["core"]
    assert "MGN_FAST_SIMD is 'neon'" in finding.detail
    assert finding.remedy == "correct or unset the variable that is named"


def test_a_core_that_computes_wrongly_is_found_out(monkeypatch):
    def wrong(pixels, out, interpolation):
        out[...] = np.arange(out.size, dtype=np.uint8).reshape(out.shape)

    monkeypatch.setattr(_core, "resize", wrong)
    finding = by_name()["core"]
    assert not finding.works
    assert "resize turned 77 into" in finding.detail


def test_a_missing_simulator_has_a_remedy(monkeypatch):
    monkeypatch.setattr(installation, "library_path", lambda: Path("/nowhere/libascendcl.so"))
    finding = by_name()["simulator"]
    assert "/nowhere/libascendcl.so" in finding.detail
    assert finding.remedy == "pip install --force-reinstall mgn-fast"


def test_a_models_contract_is_told_with_where_it_stands(tmp_path):
    said = write_tiny_model(tmp_path / "said.onnx", contract=Contract(height=64, width=32))
    bare = write_tiny_model(tmp_path / "bare.onnx", contract=None)
    told, untold, absent = examine([said, bare, tmp_path / "absent.om"])[-3:]
    assert (told.what, told.works, told.required) == ("model said.onnx", True, False)
    assert told.detail.startswith("64x32 RGB, pillow-bicubic")
    assert told.detail.endswith(f"says the metadata of '{said}'")
    assert told.facts["contract"]["height"] == 64
    assert not untold.works
    assert f"mgn-fast adopt {bare} --contract NAME|FILE" in untold.remedy
    assert not absent.works
    assert "cannot be read" in absent.detail
