# SPDX-License-Identifier: Apache-2.0
"""Sizes, shapes, types and names of a static model, one with gears and one with static AIPP."""

import ctypes

import pytest

from mgn_fast.simulator import StaticAipp, TensorSpec, write_om
from support.acl_models import IODims, Machine

INVALID = 100000
FLOAT, FLOAT16, UINT8, INT64 = 0, 1, 4, 9
NCHW, NHWC, ND = 0, 1, 2


@pytest.fixture
def machine():
    with Machine() as made:
        yield made


def test_a_static_model(machine, tmp_path):
    outputs = [TensorSpec("features", "float16", (2048,)), TensorSpec("extra:0", "int32", (2, 3))]
    path = write_om(tmp_path / "m.om", batch_sizes=(4,), outputs=outputs)
    desc = machine.describe(machine.load(path))
    assert machine.raw("aclmdlGetNumInputs", desc) == 1
    assert machine.raw("aclmdlGetNumOutputs", desc) == 2
    assert machine.raw("aclmdlGetInputSizeByIndex", desc, 0) == 4 * 3 * 384 * 128 * 4
    assert [machine.raw("aclmdlGetOutputSizeByIndex", desc, i) for i in (0, 1)] == [16384, 96]
    assert machine.raw("aclmdlGetInputDataType", desc, 0) == FLOAT
    assert machine.raw("aclmdlGetInputFormat", desc, 0) == NCHW
    assert machine.raw("aclmdlGetOutputDataType", desc, 0) == FLOAT16
    assert machine.raw("aclmdlGetOutputFormat", desc, 0) == ND
    for name in ("aclmdlGetInputDims", "aclmdlGetInputDimsV2"):
        dims = machine.dims(name, desc, 0)
        assert (dims.name, dims.sizes()) == (b"image", [4, 3, 384, 128])
    for name in ("aclmdlGetOutputDims", "aclmdlGetCurOutputDims"):
        assert machine.dims(name, desc, 1).sizes() == [4, 2, 3]
    assert machine.raw("aclmdlGetOutputNameByIndex", desc, 1) == b"extra:0"
    assert machine.out("aclmdlGetOutputIndexByName", ctypes.c_size_t, desc, b"extra:0") == 1
    assert machine.out("aclmdlGetInputIndexByName", ctypes.c_size_t, desc, b"image") == 0


def test_a_model_with_gears(machine, tmp_path):
    path = write_om(tmp_path / "m.om", batch_sizes=(8, 1, 4))
    desc = machine.describe(machine.load(path))
    assert machine.raw("aclmdlGetNumInputs", desc) == 2
    assert machine.dims("aclmdlGetInputDims", desc, 0).sizes() == [-1, 3, 384, 128]
    assert machine.raw("aclmdlGetInputSizeByIndex", desc, 0) == 8 * 3 * 384 * 128 * 4
    gear = machine.out(
        "aclmdlGetInputIndexByName", ctypes.c_size_t, desc, b"ascend_mbatch_shape_data"
    )
    assert gear == 1
    assert machine.raw("aclmdlGetInputDataType", desc, gear) == INT64
    assert machine.raw("aclmdlGetInputFormat", desc, gear) == ND
    assert machine.raw("aclmdlGetInputSizeByIndex", desc, gear) == 8
    assert machine.dims("aclmdlGetInputDims", desc, gear).sizes() == [1]
    assert machine.dims("aclmdlGetOutputDims", desc, 0).sizes() == [8, 2048]
    assert machine.raw("aclmdlGetOutputSizeByIndex", desc, 0) == 8 * 2048 * 4


@pytest.mark.parametrize("batch_sizes", [(4,), (1, 4)])
def test_a_model_with_static_aipp(machine, tmp_path, batch_sizes):
    path = write_om(tmp_path / "m.om", batch_sizes=batch_sizes, aipp=StaticAipp())
    desc = machine.describe_file(path)
    batch = 4 if batch_sizes == (4,) else -1
    assert machine.dims("aclmdlGetInputDims", desc, 0).sizes() == [batch, 3, 384, 128]
    assert machine.dims("aclmdlGetInputDimsV2", desc, 0).sizes() == [batch, 384, 128, 3]
    assert machine.raw("aclmdlGetInputSizeByIndex", desc, 0) == 4 * 384 * 128 * 3
    assert machine.raw("aclmdlGetInputDataType", desc, 0) == UINT8
    assert machine.raw("aclmdlGetInputFormat", desc, 0) == NHWC


def test_an_index_out_of_range_has_the_documented_answers(machine, tmp_path):
    desc = machine.describe_file(write_om(tmp_path / "m.om"))
    for side in ("Input", "Output"):
        assert machine.raw(f"aclmdlGet{side}SizeByIndex", desc, 1) == 0
        assert machine.raw(f"aclmdlGet{side}NameByIndex", desc, 1) == b""
        assert machine.raw(f"aclmdlGet{side}DataType", desc, 1) == -1
        assert machine.raw(f"aclmdlGet{side}Format", desc, 1) == -1
    dims = IODims()
    for name in ("InputDims", "InputDimsV2", "OutputDims", "CurOutputDims"):
        assert machine.code(f"aclmdlGet{name}", desc, 1, ctypes.byref(dims)) == INVALID
        assert machine.code(f"aclmdlGet{name}", desc, 0, None) == INVALID


def test_null_has_the_documented_answers(machine):
    for side in ("Input", "Output"):
        assert machine.raw(f"aclmdlGetNum{side}s", None) == 0
        assert machine.raw(f"aclmdlGet{side}SizeByIndex", None, 0) == 0
        assert machine.raw(f"aclmdlGet{side}NameByIndex", None, 0) == b""
        assert machine.raw(f"aclmdlGet{side}DataType", None, 0) == -1
        assert machine.raw(f"aclmdlGet{side}Format", None, 0) == -1
        index = ctypes.c_size_t(7)
        assert (
            machine.code(f"aclmdlGet{side}IndexByName", None, b"x", ctypes.byref(index)) == INVALID
        )
    assert machine.raw("aclmdlGetTensorRealName", None, b"x") is None


def test_an_unknown_name_leaves_the_index_alone(machine, tmp_path):
    desc = machine.describe_file(write_om(tmp_path / "m.om"))
    index = ctypes.c_size_t(7)
    for name in (b"nothing", None):
        found = machine.code("aclmdlGetInputIndexByName", desc, name, ctypes.byref(index))
        assert (found, index.value) == (INVALID, 7)
    assert machine.raw("aclmdlGetTensorRealName", desc, b"nothing") is None
    assert machine.raw("aclmdlGetTensorRealName", desc, b"features") == b"features"


def test_current_dims_need_the_model_while_it_is_loaded(machine, tmp_path):
    path = write_om(tmp_path / "m.om", batch_sizes=(1, 4))
    assert machine.dims("aclmdlGetCurOutputDims", machine.describe_file(path), 0).sizes()[0] == 4
    identity = machine.load(path)
    desc = machine.describe(identity)
    assert machine.dims("aclmdlGetCurOutputDims", desc, 0).sizes() == [4, 2048]
    machine.call("aclmdlUnload", identity)
    assert machine.code("aclmdlGetCurOutputDims", desc, 0, ctypes.byref(IODims())) == 145003
