# SPDX-License-Identifier: Apache-2.0
"""aclmdlLoadWithConfig: attributes arrive as the address of the value and its size."""

import ctypes

import pytest

from mgn_fast.simulator import write_om
from support.acl_models import Machine

INVALID, UNSUPPORTED = 100000, 200006
PRIORITY, LOAD_TYPE, PATH, MEM, MEM_SIZE = 0, 1, 2, 3, 4
WEIGHT, WEIGHT_SIZE, WORK, WORK_SIZE = 5, 6, 7, 8
FROM_FILE, FROM_FILE_WITH_MEM, FROM_MEM, FROM_MEM_WITH_MEM = 1, 2, 3, 4


class Config:
    def __init__(self, machine):
        self.machine = machine
        self.handle = machine.raw("aclmdlCreateConfigHandle")
        machine.later("aclmdlDestroyConfigHandle", self.handle)

    def set(self, attribute, value):
        size = ctypes.sizeof(value)
        pointer = ctypes.byref(value)
        return self.machine.code("aclmdlSetConfigOpt", self.handle, attribute, pointer, size)

    def load(self):
        identity = ctypes.c_uint32()
        code = self.machine.code("aclmdlLoadWithConfig", self.handle, ctypes.byref(identity))
        if code == 0:
            self.machine.later("aclmdlUnload", identity.value)
        return code


@pytest.fixture
def path(tmp_path):
    return write_om(tmp_path / "m.om", weight_bytes=4096, work_bytes=512)


def from_file(config, path, kind=FROM_FILE):
    assert config.set(LOAD_TYPE, ctypes.c_size_t(kind)) == 0
    assert config.set(PATH, ctypes.c_char_p(str(path).encode())) == 0


def test_the_four_load_types(path):
    with Machine() as machine:
        config = Config(machine)
        from_file(config, path)
        assert config.load() == 0
        weights, work = machine.malloc(4096), machine.malloc(512)
        assert config.set(LOAD_TYPE, ctypes.c_size_t(FROM_FILE_WITH_MEM)) == 0
        assert config.set(WEIGHT, ctypes.c_void_p(weights)) == 0
        assert config.set(WEIGHT_SIZE, ctypes.c_size_t(4096)) == 0
        assert config.set(WORK, ctypes.c_void_p(work)) == 0
        assert config.set(WORK_SIZE, ctypes.c_size_t(511)) == 0
        assert config.load() == 145000
        assert config.set(WORK_SIZE, ctypes.c_size_t(512)) == 0
        assert config.load() == 0
        content = ctypes.create_string_buffer(path.read_bytes(), path.stat().st_size)
        for kind in (FROM_MEM, FROM_MEM_WITH_MEM):
            assert config.set(LOAD_TYPE, ctypes.c_size_t(kind)) == 0
            assert config.set(MEM, ctypes.c_void_p(ctypes.addressof(content))) == 0
            assert config.set(MEM_SIZE, ctypes.c_size_t(len(content))) == 0
            assert config.load() == 0


def test_the_path_is_copied(path):
    with Machine() as machine:
        config = Config(machine)
        text = ctypes.create_string_buffer(str(path).encode())
        pointer = ctypes.c_void_p(ctypes.addressof(text))
        config.set(LOAD_TYPE, ctypes.c_size_t(FROM_FILE))
        assert config.set(PATH, pointer) == 0
        ctypes.memset(text, ord("x"), len(text) - 1)
        assert config.load() == 0


@pytest.mark.parametrize("kind", [0, FROM_FILE, FROM_MEM, 7])
def test_what_is_missing_is_found_at_load(kind):
    with Machine() as machine:
        config = Config(machine)
        config.set(LOAD_TYPE, ctypes.c_size_t(kind))
        assert config.load() == INVALID


def test_queues_are_not_simulated(path):
    with Machine() as machine:
        config = Config(machine)
        from_file(config, path, kind=5)
        assert config.load() == UNSUPPORTED
        assert config.set(9, ctypes.c_size_t(1)) == UNSUPPORTED


@pytest.mark.parametrize(
    ("attribute", "value", "code"),
    [
        (PRIORITY, ctypes.c_int32(7), 0),
        (PRIORITY, ctypes.c_int32(8), INVALID),
        (PRIORITY, ctypes.c_int32(-1), INVALID),
        (PRIORITY, ctypes.c_int64(1), INVALID),
        (LOAD_TYPE, ctypes.c_int32(1), INVALID),
        (PATH, ctypes.c_void_p(None), INVALID),
        (13, ctypes.c_size_t(1), 0),
        (25, ctypes.c_size_t(0), 0),
        (500, ctypes.c_size_t(0), INVALID),
    ],
)
def test_values_are_checked(attribute, value, code):
    with Machine() as machine:
        assert Config(machine).set(attribute, value) == code


def test_null_is_refused():
    with Machine() as machine:
        config = Config(machine)
        assert machine.code("aclmdlSetConfigOpt", config.handle, LOAD_TYPE, None, 8) == INVALID
        assert machine.code("aclmdlSetConfigOpt", None, LOAD_TYPE, b"12345678", 8) == INVALID
        assert machine.code("aclmdlLoadWithConfig", None, None) == INVALID
        assert machine.code("aclmdlDestroyConfigHandle", None) == INVALID
