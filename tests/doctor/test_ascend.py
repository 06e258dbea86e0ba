# SPDX-License-Identifier: Apache-2.0
import subprocess
from pathlib import Path

import pytest

from mgn_fast import DeviceError, InvalidInputError, RuntimeUnavailableError, _core, simulator
from mgn_fast.cann.host import HostDevice
from mgn_fast.cann.smi import NpuSmiError
from mgn_fast.doctor import ascend
from mgn_fast.doctor.finding import OF_ASCEND

DEVICES = [
    HostDevice(0, 0, "310P3", "OK", 1074, 21534),
    HostDevice(6, 0, "310P3", "Alarm", None, None),
]


def by_name():
    return {finding.what: finding for finding in ascend.ascend_findings()}


@pytest.fixture
def host(monkeypatch):
    """A host whose parts are set one by one; with everything in order until a test breaks it."""
    known = {
        "info": {
            "version": "1.13.0",
            "soc_name": "Ascend310P3",
            "libraries": ["libascendcl.so"],
            "num_devices": 2,
        },
        "cann_root": Path("/opt/cann"),
        "cann_version": "8.0.RC3",
        "find_atc": Path("/opt/cann/bin/atc"),
        "atc_version": "8.0.RC3",
        "is_environment_set": True,
        "driver_version": "23.0.3",
        "has_npu": True,
        "may_use_devices": True,
        "list_devices": DEVICES,
        "is_simulated": False,
        "loaded_libraries": ["/opt/cann/lib64/libascendcl.so"],
        "remedy": "source /opt/cann/set_env.sh",
        "library_remedy": "export LD_LIBRARY_PATH=/driver:$LD_LIBRARY_PATH",
        "driver_remedy": "sudo ./Ascend-hdk-*-npu-driver_*_linux-$(uname -m).run --full",
    }

    def answers(name):
        def answer(*_):
            if isinstance(known[name], Exception):
                raise known[name]
            return known[name]

        return answer

    monkeypatch.delenv("MGN_FAST_ASCENDCL", raising=False)
    monkeypatch.delenv("ASCEND_RT_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(_core, "ascend_info", answers("info"))
    for name in known.keys() - {"info"}:
        monkeypatch.setattr(ascend, name, answers(name))
    return known


def test_without_ascendcl_the_way_to_it_is_named(monkeypatch):
    monkeypatch.setenv("MGN_FAST_ASCENDCL", "/nowhere/libascendcl.so")
    finding = by_name()["ascend"]
    assert not finding.works
    assert not finding.required
    assert "/nowhere/libascendcl.so" in finding.detail
    assert finding.remedy == "unset MGN_FAST_ASCENDCL"


@pytest.mark.parametrize(("device_count", "works"), [(2, True), (0, False)])
def test_ascend_devices_are_counted(device_count, works):
    simulator.enable("Ascend310P3", device_count=device_count)
    try:
        finding = by_name()["ascend"]
    finally:
        simulator.disable()
    assert finding.works is works
    assert f"{device_count} device(s) Ascend310P3" in finding.detail
    assert "libascendcl.so" in finding.detail


def test_a_simulated_device_says_so_in_every_line():
    simulator.enable("Ascend310P3", device_count=2)
    try:
        findings = by_name()
    finally:
        simulator.disable()
    for what in OF_ASCEND:
        assert findings[what].works
        assert "simulated" in findings[what].detail.lower()
    assert findings["ascend"].detail.startswith("SIMULATED AscendCL ")
    assert findings["ascend"].facts["simulated"] is True
    assert findings["devices"].detail.startswith("2 simulated Ascend310P3")


def test_a_host_in_order_is_described(host):
    findings = by_name()
    assert all(findings[what].works for what in OF_ASCEND)
    assert findings["ascend"].detail == (
        "AscendCL 1.13.0 in /opt/cann/lib64/libascendcl.so, 2 device(s) Ascend310P3"
    )
    assert findings["cann"].detail == "CANN 8.0.RC3 in /opt/cann"
    assert findings["cann"].facts == {"version": "8.0.RC3", "root": "/opt/cann"}
    assert findings["atc"].detail == "ATC of CANN 8.0.RC3: /opt/cann/bin/atc"
    assert findings["driver"].detail == "driver 23.0.3"
    assert findings["devices"].detail == (
        "NPU 0 chip 0: 310P3, 1074 of 21534 MB used, OK; NPU 6 chip 0: 310P3, memory unknown, Alarm"
    )
    assert findings["devices"].facts["devices"][0]["memory_mb"] == 21534


NONE = RuntimeUnavailableError("ATC, CANN's compiler, is not found: neither here nor there; do x")
HELD = NpuSmiError(
    "failed with exit code 255: dcmi module initialize failed. ret is -8005", "end it"
)
NO_DRIVER = RuntimeUnavailableError(
    "AscendCL was found, its driver was not: libascendcl.so needs libascend_hal.so",
    missing=["libascend_hal.so"],
)
NO_SETUP = DeviceError(
    "aclInit failed with 507033 (ACL_ERROR_RT_DEV_SETUP_ERROR): "
    f"{_core.ascend_remedy(507033)}\nE: x",
    call="aclInit",
    code=507033,
)
NO_SMI = FileNotFoundError(2, "No such file or directory", "npu-smi")
# What is broken, which finding tells, words of its detail, and the line that mends it.
BROKEN = {
    "no library": (
        {"info": RuntimeUnavailableError("AscendCL was not found")},
        "ascend",
        "AscendCL was not found",
        "source /opt/cann/set_env.sh",
    ),
    "no driver's library": (
        {"info": NO_DRIVER},
        "ascend",
        "its driver was not: libascendcl.so needs libascend_hal.so",
        "export LD_LIBRARY_PATH=/driver:$LD_LIBRARY_PATH",
    ),
    "a call that fails": (
        {"info": NO_SETUP},
        "ascend",
        "aclInit failed with 507033 (ACL_ERROR_RT_DEV_SETUP_ERROR)\nE: x",
        _core.ascend_remedy(507033),
    ),
    "a call whose code has no remedy": (
        {"info": DeviceError("aclInit failed with 123456", call="aclInit", code=123456)},
        "ascend",
        "aclInit failed with 123456",
        "npu-smi info",
    ),
    "devices that are held": (
        {"info": NO_SETUP, "list_devices": HELD},
        "devices",
        "npu-smi info: failed with exit code 255: dcmi module initialize failed. ret is -8005",
        "end it",
    ),
    "no device": (
        {"info": {"version": "1", "soc_name": "", "libraries": [], "num_devices": 0}},
        "ascend",
        "0 device(s)",
        "npu-smi info",
    ),
    "no CANN": ({"cann_root": None}, "cann", "not found", "source /opt/cann/set_env.sh"),
    "no ATC": (
        {"find_atc": NONE},
        "atc",
        "is not found: neither here nor there",
        "source /opt/cann/set_env.sh",
    ),
    "a wrong ATC": (
        {"find_atc": InvalidInputError("MGN_FAST_ATC is 'x', expected a program")},
        "atc",
        "MGN_FAST_ATC is 'x'",
        "unset MGN_FAST_ATC",
    ),
    "set_env.sh not sourced": (
        {"is_environment_set": False},
        "atc",
        "/opt/cann/bin/atc; ASCEND_OPP_PATH is not set",
        "source /opt/cann/set_env.sh",
    ),
    "no driver": (
        {"driver_version": None},
        "driver",
        "its driver is not installed",
        "sudo ./Ascend-hdk-*-npu-driver_*_linux-$(uname -m).run --full",
    ),
    "no NPU": (
        {"driver_version": None, "has_npu": False},
        "driver",
        "no NPU is in this machine",
        "mgn-fast doctor --simulate",
    ),
    "no permission": (
        {"may_use_devices": False},
        "driver",
        "driver 23.0.3; this user may not open its device files",
        "sudo usermod -aG HwHiAiUser $USER",
    ),
    "no library for the devices": (
        {"info": RuntimeUnavailableError("AscendCL was not found")},
        "devices",
        "310P3, memory unknown, Alarm; AscendCL counts 0",
        "source /opt/cann/set_env.sh",
    ),
    "no NPU to list": (
        {
            "info": RuntimeUnavailableError("AscendCL was not found"),
            "list_devices": NO_SMI,
            "has_npu": False,
        },
        "devices",
        "npu-smi info: [Errno 2] No such file",
        "mgn-fast doctor --simulate",
    ),
}


@pytest.mark.parametrize(("broken", "what", "words", "remedy"), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_broken_on_a_host_has_its_line(host, broken, what, words, remedy):
    host.update(broken)
    finding = by_name()[what]
    assert not finding.works
    assert not finding.required
    assert words in finding.detail
    assert finding.remedy == remedy


@pytest.mark.parametrize("trouble", [NO_SMI, subprocess.TimeoutExpired("npu-smi", 30)])
def test_devices_that_ascendcl_counts_work_without_npu_smi(host, trouble):
    host["list_devices"] = trouble
    finding = by_name()["devices"]
    assert finding.works
    assert finding.detail.startswith("npu-smi info: ")
    assert finding.detail.endswith("; AscendCL counts 2")


def test_npu_smi_s_remedy_is_told_where_the_devices_work(host):
    """As in a container that has the devices and not all of the driver."""
    host["list_devices"] = HELD
    finding = by_name()["devices"]
    assert finding.works
    assert finding.detail.endswith("ret is -8005; AscendCL counts 2; for npu-smi: end it")


def test_hidden_devices_are_explained(host, monkeypatch):
    monkeypatch.setenv("ASCEND_RT_VISIBLE_DEVICES", "1")
    assert "VISIBLE" not in by_name()["devices"].detail
    host["info"] = host["info"] | {"num_devices": 1}
    detail = by_name()["devices"].detail
    assert detail.endswith("; AscendCL counts 1, ASCEND_RT_VISIBLE_DEVICES is '1'")


def test_a_missing_driver_is_named_as_a_fact(host):
    host["info"] = NO_DRIVER
    assert by_name()["ascend"].facts == {"library": "libascend_hal.so"}


def test_a_health_word_is_shown_as_it_is(host):
    host["list_devices"] = [HostDevice(0, 0, "310B4", "Minor", 1, 2)]
    assert by_name()["devices"].detail.startswith("NPU 0 chip 0: 310B4, 1 of 2 MB used, Minor")


@pytest.mark.parametrize(
    ("name", "told"), [("310B4", "Alarm (usual on a board)"), ("310P3", "Alarm")]
)
def test_an_alarm_is_usual_on_a_board_and_not_on_a_card(host, name, told):
    host["list_devices"] = [HostDevice(0, 0, name, "Alarm", 1, 2)] * 2
    assert by_name()["devices"].detail.endswith(f"MB used, {told}")


NOTHING = {
    "info": RuntimeUnavailableError("AscendCL was not found"),
    "cann_root": None,
    "find_atc": NONE,
    "driver_version": None,
    "has_npu": False,
    "list_devices": NO_SMI,
}


def test_where_there_is_nothing_of_ascend_s_each_part_says_so(host):
    host.update(NOTHING)
    assert {name for name, finding in by_name().items() if finding.facts.get("absent")} == set(
        OF_ASCEND
    )


@pytest.mark.parametrize("part", NOTHING)
def test_one_part_that_is_there_is_something(host, part):
    there = host[part]
    host.update(NOTHING)
    host[part] = there
    assert not all(finding.facts.get("absent") for finding in by_name().values())
