# SPDX-License-Identifier: Apache-2.0
import pytest

from mgn_fast import errors

BASES = {
    "InvalidInputError": ValueError,
    "RuntimeUnavailableError": OSError,
    "DeviceError": RuntimeError,
    "DeviceMemoryError": MemoryError,
    "ModelError": ValueError,
    "CompileError": RuntimeError,
    "ExportError": ValueError,
    "DatasetError": ValueError,
    "DecodeError": ValueError,
}


@pytest.mark.parametrize(("name", "base"), BASES.items())
def test_each_is_an_mgn_error_and_the_builtin_that_people_catch(name, base):
    kind = getattr(errors, name)
    assert issubclass(kind, errors.MgnError)
    assert issubclass(kind, base)


def test_a_device_error_carries_call_code_and_detail():
    error = errors.DeviceMemoryError("no", call="aclrtMalloc", code=207001, detail="text")
    assert isinstance(error, errors.DeviceError)
    assert (error.call, error.code, error.detail) == ("aclrtMalloc", 207001, "text")
    assert str(error) == "no"
