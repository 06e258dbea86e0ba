# SPDX-License-Identifier: Apache-2.0
import ctypes

import pytest

from support.acl_models import Machine, library
from support.acl_settings import INVALID, U32, check_life, check_members, give, make

SIDES = ["Top", "Bottom", "Left", "Right"]
KINDS = {
    "Resize": ("resize_config", ["Interpolation"]),
    "Jpege": ("jpeg_config", ["Level"]),
    "Border": ("border_config", ["BorderType", *SIDES]),
}


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, (kind, _) in KINDS.items()])
def test_a_setting_lives_until_it_is_destroyed(name, kind):
    check_life(f"acldvppCreate{name}Config", f"acldvppDestroy{name}Config", kind)


def test_a_region_lives_until_it_is_destroyed():
    check_life("acldvppCreateRoiConfig", "acldvppDestroyRoiConfig", "picture_region", 0, 7, 0, 9)


@pytest.mark.parametrize(("name", "members"), [(name, own) for name, (_, own) in KINDS.items()])
def test_what_is_set_is_kept(name, members):
    with Machine() as machine:
        handle = make(machine, f"acldvppCreate{name}Config", f"acldvppDestroy{name}Config")
        check_members(machine, handle, [(U32, f"acldvpp*{name}Config{own}") for own in members])


def test_a_region_can_be_moved():
    with Machine() as machine:
        region = make(machine, "acldvppCreateRoiConfig", "acldvppDestroyRoiConfig", 0, 7, 0, 9)
        for side in SIDES:
            machine.call(f"acldvppSetRoiConfig{side}", region, 3)
            assert machine.code(f"acldvppSetRoiConfig{side}", None, 3) == INVALID
        machine.call("acldvppSetRoiConfig", region, 2, 5, 4, 11)
        assert machine.code("acldvppSetRoiConfig", None, 2, 5, 4, 11) == INVALID


def test_a_border_has_four_values():
    with Machine() as machine:
        border = make(machine, "acldvppCreateBorderConfig", "acldvppDestroyBorderConfig")
        setter = doubles("acldvppSetBorderConfigValue", ctypes.c_int32)
        getter = doubles("acldvppGetBorderConfigValue", ctypes.c_double)
        for index in range(4):
            assert setter(border, index, 0.5 + index) == 0
        assert [getter(border, index) for index in range(5)] == [0.5, 1.5, 2.5, 3.5, 0]
        assert setter(border, 4, 1.0) == setter(None, 0, 1.0) == INVALID
        assert getter(None, 0) == 0


def doubles(name, kind):
    """A function that takes an address, an index and perhaps a double."""
    function = library()[name]
    function.restype = kind
    value = [ctypes.c_double] if "Set" in name else []
    function.argtypes = [ctypes.c_void_p, ctypes.c_uint32, *value]
    return function


def test_a_destroyed_setting_is_a_violation():
    with Machine(violations=["destroyed handle used"]) as machine:
        handle = give(ctypes.c_void_p, "acldvppCreateResizeConfig")
        machine.call("acldvppDestroyResizeConfig", handle)
        assert machine.code("acldvppSetResizeConfigInterpolation", handle, 1) == INVALID
