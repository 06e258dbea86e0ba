# SPDX-License-Identifier: Apache-2.0
import ctypes

import pytest

from support.acl_models import Machine
from support.acl_settings import INVALID

FLOAT16, ND = 1, 2


@pytest.fixture
def machine():
    with Machine() as made:
        yield made


@pytest.fixture
def desc(machine):
    dims = (ctypes.c_int64 * 2)(16, -1)
    made = machine.raw("aclCreateTensorDesc", FLOAT16, 2, dims, ND)
    machine.later("aclDestroyTensorDesc", made)
    return made


@pytest.mark.parametrize("which", ["", "Origin", "Storage"])
def test_formats_and_shapes_are_taken_and_change_no_dimension(machine, desc, which):
    dims = (ctypes.c_int64 * 3)(1, 2, 3)
    machine.call(f"aclSetTensor{which}Format", desc, 3)
    machine.call(f"aclSetTensor{which}Shape", desc, 3, dims)
    machine.call(f"aclSetTensor{which}Shape", desc, 0, None)
    assert machine.raw("aclGetTensorDescNumDims", desc) == 2
    for count in (-1, 129):
        assert machine.code(f"aclSetTensor{which}Shape", desc, count, dims) == INVALID
        assert f"numDims is {count}" in machine.message()
    assert machine.code(f"aclSetTensor{which}Shape", desc, 1, None) == INVALID
    assert machine.code(f"aclSetTensor{which}Shape", None, 0, None) == INVALID
    assert machine.code(f"aclSetTensor{which}Format", None, 3) == INVALID


def test_ranges_of_dimensions_are_kept(machine, desc):
    ranges = (ctypes.c_int64 * 4)(16, 16, 1, 128)
    found = (ctypes.c_int64 * 2)()
    assert machine.code("aclGetTensorDescDimRange", desc, 0, 2, found) == INVALID
    machine.call("aclSetTensorShapeRange", desc, 2, ranges)
    machine.call("aclGetTensorDescDimRange", desc, 1, 2, found)
    assert list(found) == [1, 128]
    for arguments in ((2, 2, found), (1, 1, found), (1, 2, None)):
        assert machine.code("aclGetTensorDescDimRange", desc, *arguments) == INVALID
    assert machine.code("aclSetTensorShapeRange", desc, 2, None) == INVALID
    assert machine.code("aclSetTensorShapeRange", desc, 129, ranges) == INVALID
    assert "dimsCount is 129" in machine.message()
    assert machine.code("aclSetTensorShapeRange", None, 2, ranges) == INVALID


def test_what_only_an_operator_would_read_is_checked(machine, desc):
    bits = ctypes.create_string_buffer(8)
    machine.call("aclSetTensorConst", desc, bits, 8)
    assert machine.code("aclSetTensorConst", desc, None, 8) == INVALID
    assert machine.code("aclSetTensorConst", desc, bits, 0) == INVALID
    assert machine.code("aclSetTensorConst", None, bits, 8) == INVALID
    machine.call("aclSetTensorDynamicInput", desc, b"x")
    assert machine.code("aclSetTensorDynamicInput", desc, None) == INVALID
    machine.call("aclSetTensorValueRange", desc, 0, None)
    assert machine.code("aclSetTensorValueRange", desc, 1, None) == INVALID
    machine.call("aclSetTensorPlaceMent", desc, 2)
    assert machine.code("aclSetTensorPlaceMent", desc, 3) == INVALID
    assert "memType is 3, expected 0, 1 or 2" in machine.message()
