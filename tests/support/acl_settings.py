# SPDX-License-Identifier: Apache-2.0
"""Objects of the simulator that are nothing but what was set in them."""

import ctypes

from support.acl_models import Machine, as_c, ledger, library

INVALID = 100000
NOT_SUPPORTED = 200006
ADDRESS, U8, U32, U64 = ctypes.c_void_p, ctypes.c_uint8, ctypes.c_uint32, ctypes.c_uint64


def give(kind, name, *arguments):
    """What a function returns that returns a `kind`."""
    function = library()[name]
    function.restype = kind
    return function(*map(as_c, arguments))


def make(machine, name, destroy, *arguments):
    """An object, which is destroyed on leaving."""
    handle = give(ADDRESS, name, *arguments)
    assert handle is not None, machine.message()
    machine.later(destroy, handle)
    return handle


def check_members(machine, handle, members):
    """Each is kept apart from the others, 0 before it is set, and nothing of no object at all.

    `members` are (kind, what the setter and the getter are called with "*" for Set and Get).
    """
    for number, (kind, name) in enumerate(members):
        assert give(kind, name.replace("*", "Get"), handle) in (0, None), name
        machine.call(name.replace("*", "Set"), handle, 17 + number)
    for number, (kind, name) in enumerate(members):
        assert give(kind, name.replace("*", "Get"), handle) == 17 + number, name
        assert machine.code(name.replace("*", "Set"), None, 1) == INVALID
        assert give(kind, name.replace("*", "Get"), None) in (0, None)


def check_life(create, destroy, kind, *arguments, takes_null=True):
    """Counted while it lives, null where creation is to fail, gone even if destruction is."""
    with Machine(violations=["destroyed handle used"]) as machine:
        assert machine.code(destroy, None) == (0 if takes_null else INVALID)
        handle = give(ADDRESS, create, *arguments)
        assert ledger()["live"][kind] == 1
        machine.call(destroy, handle)
        assert ledger()["live"][kind] == 0
        assert machine.code(destroy, handle) == INVALID
        library().mgnsim_fail(create.encode(), 1, 200000, b"now")
        assert give(ADDRESS, create, *arguments) is None
        handle = give(ADDRESS, create, *arguments)
        library().mgnsim_fail(destroy.encode(), 1, 507899, b"now")
        assert machine.code(destroy, handle) == 507899
        assert ledger()["live"][kind] == 0


def check_parameters(machine, channel, prefix, sizes):
    """The numbered parameters of a channel: each as wide as it says, and no other numbers."""
    setter, getter = f"{prefix}SetChannelDescParam", f"{prefix}GetChannelDescParam"
    value, written = ctypes.c_uint64(), ctypes.c_size_t()
    for number, size in enumerate(sizes):
        given = ctypes.c_uint64(0x0102030405060708 + number)
        machine.call(setter, channel, number, size, ctypes.byref(given))
        value.value = 0
        found = (ctypes.byref(written), ctypes.byref(value))
        machine.call(getter, channel, number, size, *found)
        assert (written.value, value.value) == (size, given.value & (256**size - 1))
        assert machine.code(setter, channel, number, size + 1, ctypes.byref(given)) == INVALID
        assert machine.code(getter, channel, number, size - 1, *found) == INVALID
        assert f"{size} bytes" in machine.message()
        assert machine.code(setter, channel, number, size, None) == INVALID
    for number in (-1, len(sizes)):
        assert machine.code(setter, channel, number, 4, ctypes.byref(value)) == INVALID
        assert f"expected 0 to {len(sizes) - 1}" in machine.message()
        assert machine.code(getter, channel, number, 4, *found) == INVALID
