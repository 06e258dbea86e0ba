# SPDX-License-Identifier: Apache-2.0
import ctypes

import pytest

from support.acl_models import Machine, ledger, library
from support.acl_settings import ADDRESS, INVALID, give

LISTS = ["Bool", "DataType", "Float", "Int", "String"]


@pytest.fixture
def machine():
    with Machine() as made:
        yield made


@pytest.fixture
def attr(machine):
    made = give(ADDRESS, "aclopCreateAttr")
    machine.cleanup.append(lambda: give(None, "aclopDestroyAttr", made))
    return made


def test_attributes_live_until_they_are_destroyed():
    with Machine(violations=["destroyed handle used"]) as machine:
        attr = give(ADDRESS, "aclopCreateAttr")
        assert ledger()["live"]["operator_attributes"] == 1
        give(None, "aclopDestroyAttr", attr)
        assert ledger()["live"]["operator_attributes"] == 0
        assert machine.code("aclopSetAttrInt", attr, b"axis", 1) == INVALID
        give(None, "aclopDestroyAttr", None)
        library().mgnsim_fail(b"aclopCreateAttr", 1, 200000, b"now")
        assert give(ADDRESS, "aclopCreateAttr") is None


@pytest.mark.parametrize("kind", ["Bool", "DataType", "Int"])
def test_values_are_taken(machine, attr, kind):
    machine.call(f"aclopSetAttr{kind}", attr, b"axis", 1)
    assert machine.code(f"aclopSetAttr{kind}", attr, None, 1) == INVALID
    assert "attrName is null" in machine.message()
    assert machine.code(f"aclopSetAttr{kind}", None, b"axis", 1) == INVALID


def test_floats_and_texts_are_taken(machine, attr):
    machine.call("aclopSetAttrFloat", attr, b"eps", 1e-5)
    machine.call("aclopSetAttrString", attr, b"mode", b"max")
    assert machine.code("aclopSetAttrString", attr, b"mode", None) == INVALID
    assert "the value is null" in machine.message()


@pytest.mark.parametrize("kind", LISTS)
def test_lists_are_taken(machine, attr, kind):
    name = f"aclopSetAttrList{kind}"
    machine.call(name, attr, b"pads", 2, (ctypes.c_int64 * 2)())
    machine.call(name, attr, b"pads", 0, None)
    assert machine.code(name, attr, b"pads", 2, None) == INVALID
    assert machine.code(name, attr, b"pads", -1, (ctypes.c_int64 * 2)()) == INVALID
    assert "a list of -1, expected 0 or more" in machine.message()
    assert machine.code(name, None, b"pads", 0, None) == INVALID


def test_lists_of_lists_are_taken(machine, attr):
    name = "aclopSetAttrListListInt"
    values = (ctypes.c_int64 * 2)(1, 2)
    lists = (ctypes.c_void_p * 2)(ctypes.addressof(values), None)
    machine.call(name, attr, b"axes", 2, (ctypes.c_int32 * 2)(2, 0), lists)
    assert machine.code(name, attr, b"axes", 2, (ctypes.c_int32 * 2)(2, 1), lists) == INVALID
    assert "list 1 has 1 values, or its address is null" in machine.message()
    assert machine.code(name, attr, b"axes", 2, (ctypes.c_int32 * 2)(-1, 0), lists) == INVALID
    assert machine.code(name, attr, b"axes", 1, None, lists) == INVALID
