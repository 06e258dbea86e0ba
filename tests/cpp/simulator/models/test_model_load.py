# SPDX-License-Identifier: Apache-2.0
"""Query and load, from files and from memory."""

import ctypes

import pytest

from mgn_fast.simulator import write_om
from support.acl_models import Machine, library

INVALID, UNINITIALISED, NO_FILE = 100000, 100001, 145002


@pytest.fixture
def path(tmp_path):
    return write_om(tmp_path / "m.om", batch_sizes=(1, 8), weight_bytes=12345, work_bytes=678)


def test_query_answers_with_the_files_sizes(path):
    with Machine() as machine:
        content = path.read_bytes()
        for name, arguments in (
            ("aclmdlQuerySize", (path,)),
            ("aclmdlQuerySizeFromMem", (content, len(content))),
        ):
            work, weights = ctypes.c_size_t(), ctypes.c_size_t()
            machine.call(name, *arguments, ctypes.byref(work), ctypes.byref(weights))
            assert (work.value, weights.value) == (678, 12345)


def test_every_way_of_loading_gives_a_model(path):
    with Machine() as machine:
        content = path.read_bytes()
        identity = ctypes.c_uint32()
        ways = [
            ("aclmdlLoadFromFile", (path, identity)),
            ("aclmdlLoadFromMem", (content, len(content), identity)),
            ("aclmdlLoadFromFileWithMem", (path, identity, None, 0, None, 0)),
            ("aclmdlLoadFromMemWithMem", (content, len(content), identity, None, 0, None, 0)),
        ]
        for name, arguments in ways:
            passed = [ctypes.byref(a) if a is identity else a for a in arguments]
            machine.call(name, *passed)
            assert machine.raw("aclmdlGetNumInputs", machine.describe(identity.value)) == 2
            machine.later("aclmdlUnload", identity.value)


def test_bad_arguments_are_refused(path):
    with Machine() as machine:
        content = path.read_bytes()
        identity, size = ctypes.c_uint32(77), ctypes.c_size_t(77)
        one, two = ctypes.byref(identity), ctypes.byref(size)
        assert machine.code("aclmdlLoadFromFile", None, one) == INVALID
        assert machine.code("aclmdlLoadFromFile", path, None) == INVALID
        assert machine.code("aclmdlLoadFromFile", b"/nowhere/m.om", one) == NO_FILE
        assert machine.code("aclmdlLoadFromFile", b"", one) == NO_FILE
        assert machine.code("aclmdlLoadFromMem", None, 5, one) == INVALID
        assert machine.code("aclmdlLoadFromMem", content, 0, one) == INVALID
        assert machine.code("aclmdlLoadFromMem", content, len(content) - 1, one) == 145006
        assert machine.code("aclmdlQuerySize", path, None, two) == INVALID
        assert machine.code("aclmdlQuerySize", None, two, two) == INVALID
        assert (identity.value, size.value) == (77, 77)


def test_before_aclinit_nothing_is_loaded(path):
    identity, size = ctypes.c_uint32(), ctypes.c_size_t()
    name = str(path).encode()
    assert library().aclmdlLoadFromFile(name, ctypes.byref(identity)) == UNINITIALISED
    sizes = ctypes.byref(size), ctypes.byref(size)
    assert library().aclmdlQuerySize(name, *sizes) == UNINITIALISED
    library().aclGetRecentErrMsg()


def test_a_model_in_device_memory_is_readable_on_a_board_only(path):
    content = path.read_bytes()
    identity = ctypes.c_uint32()

    def load(machine):
        memory = machine.malloc(len(content))
        buffer = ctypes.create_string_buffer(content, len(content))
        size = len(content)
        machine.call("aclrtMemcpy", memory, size, ctypes.addressof(buffer), size, 1)
        code = machine.code("aclmdlLoadFromMem", memory, size, ctypes.byref(identity))
        machine.later("aclmdlUnload", identity.value)
        return code

    with Machine(run_mode="device") as machine:
        assert load(machine) == 0
    with Machine(violations=["host access to device memory"]) as machine:
        assert load(machine) == INVALID


def test_a_model_in_pinned_memory_is_readable(path):
    content = path.read_bytes()
    with Machine() as machine:
        pinned = machine.pinned(len(content))
        ctypes.memmove(pinned, content, len(content))
        identity = machine.out("aclmdlLoadFromMem", ctypes.c_uint32, pinned, len(content))
        machine.call("aclmdlUnload", identity)


def test_a_failure_on_demand_loads_nothing(path):
    with Machine() as machine:
        library().mgnsim_fail(b"aclmdlLoadFromFile", 2, 245000, b"now")
        machine.load(path)
        identity = ctypes.c_uint32(77)
        assert machine.code("aclmdlLoadFromFile", path, ctypes.byref(identity)) == 245000
        assert identity.value == 77
        assert "on demand" in machine.message()
