# SPDX-License-Identifier: Apache-2.0
import ctypes

import pytest

from support.acl_models import Machine

INVALID = 100000
FLOAT16, NCHW, UNDEFINED = 1, 0, -1


@pytest.fixture
def machine():
    with Machine() as made:
        yield made


def make(machine, *sizes):
    dims = (ctypes.c_int64 * len(sizes))(*sizes)
    desc = machine.raw("aclCreateTensorDesc", FLOAT16, len(sizes), dims, NCHW)
    machine.later("aclDestroyTensorDesc", desc)
    return desc


def test_a_description_says_what_it_was_made_of(machine):
    desc = make(machine, 2, 3, 5)
    assert machine.raw("aclGetTensorDescType", desc) == FLOAT16
    assert machine.raw("aclGetTensorDescFormat", desc) == NCHW
    assert machine.raw("aclGetTensorDescNumDims", desc) == 3
    assert machine.raw("aclGetTensorDescElementCount", desc) == 30
    assert machine.raw("aclGetTensorDescSize", desc) == 60
    assert [machine.raw("aclGetTensorDescDim", desc, axis) for axis in range(4)] == [2, 3, 5, -1]
    assert machine.out("aclGetTensorDescDimV2", ctypes.c_int64, desc, 1) == 3


def test_unknown_sizes_count_nothing_and_a_scalar_counts_one(machine):
    assert machine.raw("aclGetTensorDescElementCount", make(machine, -1, 3)) == 0
    assert machine.raw("aclGetTensorDescElementCount", make(machine)) == 1


def test_names_are_kept(machine):
    desc = make(machine, 1)
    assert machine.raw("aclGetTensorDescName", desc) == b""
    machine.raw("aclSetTensorDescName", desc, b"image")
    assert machine.raw("aclGetTensorDescName", desc) == b"image"


def test_a_description_is_single_and_has_no_memory(machine):
    desc = make(machine, 1)
    assert machine.raw("aclGetTensorDescByIndex", desc, 0) == desc
    assert machine.raw("aclGetTensorDescByIndex", desc, 1) is None
    assert machine.raw("aclGetTensorDescAddress", desc) is None


def test_bad_arguments_are_refused(machine):
    assert machine.raw("aclCreateTensorDesc", 0, -1, None, 2) is None
    assert machine.raw("aclCreateTensorDesc", 0, 129, None, 2) is None
    assert machine.raw("aclCreateTensorDesc", 0, 1, None, 2) is None
    size = ctypes.c_int64(77)
    desc = make(machine, 1)
    assert machine.code("aclGetTensorDescDimV2", desc, 1, ctypes.byref(size)) == INVALID
    assert machine.code("aclGetTensorDescDimV2", desc, 0, None) == INVALID
    assert machine.code("aclGetTensorDescDimV2", None, 0, ctypes.byref(size)) == INVALID
    assert size.value == 77


def test_null_has_neutral_answers(machine):
    assert machine.raw("aclGetTensorDescType", None) == UNDEFINED
    assert machine.raw("aclGetTensorDescFormat", None) == UNDEFINED
    assert machine.raw("aclGetTensorDescSize", None) == 0
    assert machine.raw("aclGetTensorDescName", None) == b""
    machine.raw("aclDestroyTensorDesc", None)


def test_no_operator_is_known():
    with Machine() as machine:
        name = ctypes.create_string_buffer(64)
        inputs, outputs = ctypes.c_void_p(), ctypes.c_void_p()
        counts = ctypes.c_size_t(), ctypes.c_size_t()
        refs = [ctypes.byref(x) for x in (inputs, counts[0], outputs, counts[1])]
        assert machine.code("aclmdlCreateAndGetOpDesc", 0, 1, 2, name, 64, *refs) == 500002
        assert "no operator" in machine.message()
        assert machine.code("aclmdlCreateAndGetOpDesc", 0, 1, 2, None, 64, *refs) == INVALID
