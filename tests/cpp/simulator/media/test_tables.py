# SPDX-License-Identifier: Apache-2.0
import ctypes

import pytest

from support.acl_models import Machine
from support.acl_settings import INVALID, U32, check_life, give, make

KINDS = {
    "LutMap": ("lookup_table", ctypes.c_uint8, ctypes.c_uint32),
    "Hist": ("histogram", ctypes.c_uint32, ctypes.c_uint16),
}


@pytest.mark.parametrize("name", KINDS)
def test_tables_live_until_they_are_destroyed(name):
    check_life(f"acldvppCreate{name}", f"acldvppDestroy{name}", KINDS[name][0])


@pytest.mark.parametrize("name", KINDS)
def test_there_are_three_tables_of_256_entries_to_write_to(name):
    _, entry, count = KINDS[name]
    with Machine() as machine:
        handle = make(machine, f"acldvppCreate{name}", f"acldvppDestroy{name}")
        assert give(U32, f"acldvppGet{name}Dims", handle) == 3
        table, length = ctypes.POINTER(entry)(), count()
        found = ctypes.byref(table), ctypes.byref(length)
        for dim in (2, 0):
            machine.call(f"acldvppGet{name}Data", handle, dim, *found)
            assert length.value == 256
            assert table[:256] == [0] * 256
            table[255] = 9
        assert machine.code(f"acldvppGet{name}Data", handle, 3, *found) == INVALID
        assert machine.code(f"acldvppGet{name}Data", handle, 0, None, None) == INVALID
        assert machine.code(f"acldvppGet{name}Data", None, 0, *found) == INVALID
        assert give(U32, f"acldvppGet{name}Dims", None) == 0


def test_a_histogram_is_cleared():
    with Machine() as machine:
        hist = make(machine, "acldvppCreateHist", "acldvppDestroyHist")
        table, length = ctypes.POINTER(ctypes.c_uint32)(), ctypes.c_uint16()
        found = ctypes.byref(table), ctypes.byref(length)
        machine.call("acldvppGetHistData", hist, 1, *found)
        table[7] = 5
        machine.call("acldvppClearHist", hist)
        assert table[7] == give(U32, "acldvppGetHistRetCode", hist) == 0
        assert machine.code("acldvppClearHist", None) == INVALID
        assert give(U32, "acldvppGetHistRetCode", None) == 0
