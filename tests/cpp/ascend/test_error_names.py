# SPDX-License-Identifier: Apache-2.0
import pytest

from mgn_fast import DeviceError, DeviceMemoryError, _core, simulator


def failure(tiny_om, code):
    path = str(tiny_om())
    simulator.fail("aclrtCreateContext", 1, code)
    with pytest.raises(DeviceError) as error:
        _core.AscendEngine(path, 0, 1)
    return error.value


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (100000, "ACL_ERROR_INVALID_PARAM"),
        (107002, "ACL_ERROR_RT_CONTEXT_NULL"),
        (145013, "ACL_ERROR_GE_DYNAMIC_BATCH_SIZE_INVALID"),
        (500005, "ACL_ERROR_PROFILING_FAILURE"),
        (507916, "ACL_ERROR_RT_CCU_EXCEPTION"),
        (545602, "ACL_ERROR_GE_REDEPLOYING"),
    ],
)
def test_a_code_has_its_name(tiny_om, code, name):
    error = failure(tiny_om, code)
    assert error.code == code
    assert str(error).startswith(f"aclrtCreateContext failed with {code} ({name})")


@pytest.mark.parametrize("code", [1, 100046, 999999, -5])
def test_a_code_nobody_knows_is_shown_as_it_is(tiny_om, code):
    assert str(failure(tiny_om, code)).startswith(f"aclrtCreateContext failed with {code}\n")


def test_the_vendors_own_text_is_kept(tiny_om):
    error = failure(tiny_om, 507033)
    assert error.detail
    assert str(error).endswith(error.detail)
    assert "no permission for /dev/davinci*" in str(error)


@pytest.mark.parametrize("code", [200000, 207001, 207018, 245000, 245001, 245002])
def test_lacking_memory_is_its_own_class(tiny_om, code):
    assert isinstance(failure(tiny_om, code), DeviceMemoryError)


@pytest.mark.parametrize("code", [200001, 207002, 245003, 507899])
def test_anything_else_is_not(tiny_om, code):
    assert not isinstance(failure(tiny_om, code), MemoryError)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (500002, ["another chip", "newer CANN", "compile"]),
        (507008, ["driver is not mounted", "/dev/davinci", "other"]),
        (507009, ["driver is older than CANN", "vNPU"]),
        (507011, ["first error in the vendor's log"]),
        (507014, ["driver is older than CANN", "close the session"]),
        (507015, ["driver is older than CANN", "close the session"]),
        (507017, ["driver is older than CANN", "close the session"]),
        (507018, ["driver is older than CANN", "close the session"]),
        (507033, ["permission", "driver and CANN", "container", "system on the device hangs"]),
        (507035, ["close the session"]),
        (507899, ["driver and CANN", "container"]),
        (545002, ["damaged", "another generation of CANN"]),
    ],
)
def test_a_frequent_code_has_its_remedy(tiny_om, code, words):
    message = str(failure(tiny_om, code)).splitlines()[0]
    assert [word for word in words if word not in message] == []
