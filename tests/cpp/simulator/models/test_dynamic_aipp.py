# SPDX-License-Identifier: Apache-2.0
"""Parameters of dynamic AIPP are checked; no simulated model takes them."""

import pytest

from mgn_fast.simulator import write_om
from support.acl_models import Machine

INVALID, NO_AIPP, UNKNOWN_ID = 100000, 145015, 145003
RGB = 3


@pytest.fixture
def machine():
    with Machine() as made:
        yield made


def make(machine, batch=2):
    aipp = machine.raw("aclmdlCreateAIPP", batch)
    machine.later("aclmdlDestroyAIPP", aipp)
    return aipp


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("InputFormat", (RGB,), 0),
        ("InputFormat", (14,), 0),
        ("InputFormat", (0,), INVALID),
        ("InputFormat", (15,), INVALID),
        ("SrcImageSize", (128, 384), 0),
        ("SrcImageSize", (1, 384), INVALID),
        ("SrcImageSize", (128, 4097), INVALID),
        ("CscParams", (1, *range(9), *range(6)), 0),
        ("CscParams", (2, *range(9), *range(6)), INVALID),
        ("RbuvSwapSwitch", (1,), 0),
        ("RbuvSwapSwitch", (-1,), INVALID),
        ("AxSwapSwitch", (0,), 0),
        ("AxSwapSwitch", (7,), INVALID),
        ("ScfParams", (1, 128, 384, 64, 64, 1), 0),
        ("ScfParams", (1, 128, 384, 64, 64, 2), INVALID),
        ("ScfParams", (3, 128, 384, 64, 64, 0), INVALID),
        ("CropParams", (1, 0, 0, 64, 64, 0), 0),
        ("CropParams", (1, -1, 0, 64, 64, 0), INVALID),
        ("CropParams", (0, -1, 0, 64, 64, 0), 0),
        ("PaddingParams", (1, 1, 2, 3, 4, 0), 0),
        ("PaddingParams", (1, 1, 2, 3, -4, 0), INVALID),
        ("DtcPixelMean", (1, 2, 3, 4, 1), 0),
        ("DtcPixelMean", (1, 2, 3, 4, 2), INVALID),
        ("DtcPixelMin", (123.675, 116.28, 103.53, 0.0, 0), 0),
        ("DtcPixelMin", (70000.0, 0.0, 0.0, 0.0, 0), INVALID),
        ("DtcPixelMin", (float("nan"), 0.0, 0.0, 0.0, 0), INVALID),
        ("PixelVarReci", (0.017, 0.0175, 0.0174, 1.0, 1), 0),
        ("PixelVarReci", (0.017, 0.0175, 0.0174, 1.0, 9), INVALID),
    ],
)
def test_parameters_are_checked(machine, name, arguments, code):
    function = {"PixelVarReci": "aclmdlSetAIPPPixelVarReci"}.get(name, f"aclmdlSetAIPP{name}")
    assert machine.code(function, make(machine), *arguments) == code
    assert machine.code(function, None, *arguments) == INVALID


def test_a_batch_of_none_is_refused(machine):
    assert machine.raw("aclmdlCreateAIPP", 0) is None
    assert machine.code("aclmdlDestroyAIPP", None) == INVALID


def test_no_model_takes_them(machine, tmp_path):
    identity = machine.load(write_om(tmp_path / "m.om"))
    dataset = machine.dataset((machine.malloc(64), 64))
    aipp = make(machine)
    for name in ("aclmdlSetInputAIPP", "aclmdlSetAIPPByInputIndex"):
        assert machine.code(name, identity, dataset, 0, aipp) == INVALID
        assert "never set" in machine.message()
    machine.call("aclmdlSetAIPPInputFormat", aipp, RGB)
    machine.call("aclmdlSetAIPPSrcImageSize", aipp, 128, 384)
    for name in ("aclmdlSetInputAIPP", "aclmdlSetAIPPByInputIndex"):
        assert machine.code(name, identity, dataset, 0, aipp) == NO_AIPP
        assert machine.code(name, identity, dataset, 1, aipp) == INVALID
        assert machine.code(name, identity, None, 0, aipp) == INVALID
        assert machine.code(name, 999, dataset, 0, aipp) == UNKNOWN_ID
