# SPDX-License-Identifier: Apache-2.0
import json
import os
import platform

import pytest

from mgn_fast import DeviceError, RuntimeUnavailableError, _core, simulator
from mgn_fast.cann import smi
from mgn_fast.doctor import bundle, collect_bundle
from mgn_fast.doctor.bundle import SCHEMA
from mgn_fast.doctor.finding import optional
from mgn_fast.doctor.scrubbing import Scrubber

FINDINGS = [optional("atc", "ATC of CANN 8.0.RC3: /home/zoe_q/cann/bin/atc", facts={"n": 1})]
TABLE = """\
| npu-smi 23.0.3                       Version: 23.0.3                                           |
| NPU     Name          | Health          | Power(W)     Temp(C)           Hugepages-Usage(page) |
| 0       310P3         | OK              | 15.8         42                0     / 0             |
| 0       0             | 0000:82:00.0    | 0            1074 / 21534                            |
| NPU     Chip          | Process id      | Process name             | Process memory(MB)        |
| 0       0             | 4711            | zoes_secret_job          | 312                       |
"""
BOARD = """\
        NPU ID                         : 0
        Product Name                   : Atlas 300I Pro
        Serial Number                  : 2102313LNR10K3000123
        Firmware Version               : 7.1.0.6.220
        PCIe Bus Info                  : 0000:82:00.0
        VDie ID                        : 4230C0DE 12345678 9ABCDEF0
        MAC                            : a4:dc:be:00:11:22
"""
SECRETS = ("zoe", "2102313LNR10K3000123", "4230C0DE", "a4:dc:be", "heron", "10.1.2.3", "clients")


@pytest.fixture
def host(monkeypatch, tmp_path):
    """A host with a card, a user and names that nobody is to read."""
    (tmp_path / "table").write_text(TABLE)
    (tmp_path / "board").write_text(BOARD)
    program = tmp_path / "npu-smi"
    program.write_text(
        f"#!/bin/sh\n[ $# = 1 ] && exec cat '{tmp_path}/table'\n"
        f"[ \"$2\" = -t ] && exec cat '{tmp_path}/board'\necho unknown for 10.1.2.3 >&2; exit 3\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    for name, value in {
        "HOME": "/home/zoe_q",
        "USER": "zoe_q",
        "HOSTNAME": "heron",
        "ASCEND_RT_VISIBLE_DEVICES": "0,1",
        "ASCEND_HOME_PATH": "/usr/local/Ascend/ascend-toolkit/latest",
        "ASCEND_OWNER": "Zoe of heron",
        "ASCEND_GLOBAL_LOG_LEVEL": "1",
        "LD_LIBRARY_PATH": "/usr/local/Ascend/driver/lib64/driver:/home/zoe_q/lib:/srv/clients/lib",
        "SECRET_TOKEN": "clients",
    }.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def collected(**options):
    content = collect_bundle(FINDINGS, **options)
    text = json.dumps(content)
    for secret in SECRETS:
        assert secret.lower() not in text.lower(), secret
    return content


@pytest.fixture
def no_ascendcl(monkeypatch):
    def refuse():
        raise RuntimeUnavailableError("AscendCL was found, its driver was not", missing=["liba.so"])

    monkeypatch.setattr(_core, "ascend_info", refuse)


@pytest.mark.usefixtures("host", "no_ascendcl")
def test_without_an_npu_all_else_is_told():
    content = collected()
    assert content["schema"] == SCHEMA
    assert content["simulated"] is False
    assert content["package"]["version"] == _core.build_info()["version"]
    assert content["package"]["packages"]["numpy"]
    assert content["system"]["python"] == platform.python_version()
    assert content["system"]["machine"] == platform.machine()
    assert content["ascend"] == {
        "error": "AscendCL was found, its driver was not",
        "missing": ["liba.so"],
    }
    assert content["device_tests"] == {"ran": False, "reason": "AscendCL finds no NPU"}
    (finding,) = content["findings"]
    assert finding["detail"] == "ATC of CANN 8.0.RC3: <path>"
    assert finding["facts"] == {"n": 1}


@pytest.mark.usefixtures("host", "no_ascendcl")
def test_what_npu_smi_prints_is_told_without_numbers_of_devices_or_names_of_processes():
    told = {entry["command"]: entry for entry in collected()["npu_smi"]}
    table = told["npu-smi info"]["output"]
    assert "310P3         | OK" in table
    assert "1074 / 21534" in table
    assert "| 4711            | <process>" in table
    board = told["npu-smi info -t board -i 0"]["output"]
    assert "Product Name                   : Atlas 300I Pro" in board
    assert "Firmware Version               : 7.1.0.6.220" in board
    assert "Serial Number                  : <removed>" in board
    assert "0000:82:00.0" in board
    assert "npu-smi info -t board -i 0 -c 0" in told
    assert told["npu-smi info -l"]["error"] == "failed with exit code 3: unknown for <ip>"


@pytest.mark.usefixtures("host", "no_ascendcl")
def test_variables_are_told_by_name_and_paths_of_one_s_own_are_not():
    variables = collected()["environment"]
    assert variables["ASCEND_RT_VISIBLE_DEVICES"] == "0,1"
    assert variables["ASCEND_HOME_PATH"] == "/usr/local/Ascend/ascend-toolkit/latest"
    assert variables["ASCEND_GLOBAL_LOG_LEVEL"] == "1"
    assert variables["ASCEND_OWNER"] == "<set>"
    assert variables["LD_LIBRARY_PATH"] == "/usr/local/Ascend/driver/lib64/driver:<path>:<path>"
    assert not {"SECRET_TOKEN", "HOME", "PATH", "USER"} & variables.keys()


@pytest.mark.usefixtures("no_ascendcl")
def test_a_host_without_npu_smi_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(smi.shutil, "which", lambda name: str(tmp_path / "missing"))
    (told,) = collect_bundle([])["npu_smi"]
    assert told["command"] == "npu-smi info"
    assert "No such file" in told["error"]


def test_a_call_that_fails_is_told_with_its_code(monkeypatch):
    def refuse():
        raise DeviceError("aclInit failed with 507008", call="aclInit", code=507008)

    monkeypatch.setattr(_core, "ascend_info", refuse)
    told = collect_bundle([])["ascend"]
    assert told == {"error": "aclInit failed with 507008", "call": "aclInit", "code": 507008}


@pytest.mark.usefixtures("host", "no_ascendcl")
def test_of_a_model_only_the_contract_is_told():
    facts = {"contract": {"height": 384}, "contract_origin": "clients.onnx"}
    finding = optional("model clients.onnx", "says clients.onnx", facts=facts)
    content = collect_bundle([finding])
    assert "clients" not in json.dumps(content)
    assert content["findings"][0]["facts"] == {"contract": {"height": 384}}


def test_why_ascendcl_is_not_there_is_what_was_found_first(monkeypatch):
    monkeypatch.setattr(_core, "ascend_info", lambda: pytest.fail("it was asked again"))
    finding = optional("ascend", "its driver was not", "x", {"library": "libascend_hal.so"})
    told = collect_bundle([finding])["ascend"]
    assert told == {"error": "its driver was not", "library": "libascend_hal.so"}


def test_the_simulator_says_that_it_is_one():
    simulator.enable("Ascend310P3", device_count=2, timing=False)
    _core.ascend_use_library(str(simulator.library_path()), ["aclrtStreamQuery"])
    try:
        content = collect_bundle([])
    finally:
        simulator.disable()
    ascend = content["ascend"]
    assert content["simulated"] is True
    assert ascend["soc_name"] == "Ascend310P3"
    assert ascend["libraries"] == ["<package>/simulator/libascendcl.so"]
    assert ascend["missing"] == ["aclrtStreamQuery"]
    assert {"aclInit", "aclmdlExecuteAsync"} <= set(ascend["present"])
    assert [device["total_bytes"] for device in ascend["devices"]] == [21 << 30] * 2
    assert content["npu_smi"] == []
    assert content["device_tests"]["reason"] == "simulated: these tests need a chip"


def test_tests_that_need_a_chip_run_where_there_is_one(monkeypatch, tmp_path):
    asked = []

    def run(clone, timeout_s, *, scrub, on_start):
        asked.append((clone, timeout_s, scrub("at 10.1.2.3")))
        on_start()
        return {"ran": True, "not_passed": [{"reason": "at 10.1.2.3"}]}

    monkeypatch.setattr(bundle, "_ascend", lambda findings: {"simulated": False, "num_devices": 1})
    monkeypatch.setattr(bundle, "run_device_tests", run)
    monkeypatch.setattr(bundle, "find_clone", lambda: tmp_path)
    steps = []
    told = collect_bundle([], test_timeout_s=9, on_step=steps.append)["device_tests"]
    assert asked == [(tmp_path, 9, "at <ip>")]
    assert told["not_passed"] == [{"reason": "at <ip>"}]
    assert steps[-1] == "running the tests that need a chip"
    steps.clear()
    left_out = collect_bundle([], test_timeout_s=0, on_step=steps.append)["device_tests"]
    assert left_out == {"ran": False, "reason": "left out, as asked"}
    assert len(asked) == 1
    assert steps == ["looking at the host", "asking npu-smi"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("acme_customer", "<set>"),
        ("node7.corp.example.com", "<set>"),
        ("a4:dc:be:00:11:22", "<mac>"),
        ("fe80::1", "<ip>"),
        ("2001:db8:0:1:1:1:1:1", "<ip>"),
        ("10.1.2.3,10.1.2.4", "<ip>,<ip>"),
        ("0,1; 2", "0,1; 2"),
        ("Ascend310P3", "Ascend310P3"),
        ("True", "True"),
        ("avx512", "avx512"),
        ("", ""),
        ("acme/cann", "<path>"),
        ("/usr/lib;/data/acme, acme:/usr/bin", "/usr/lib;<path>, <set>:/usr/bin"),
        ("/srv/acme/libascendcl.so", "<path>/libascendcl.so"),
        ("x=/data/acme", "<set>"),
    ],
)
def test_of_a_variable_only_known_words_are_told(monkeypatch, value, told):
    monkeypatch.setenv("ASCEND_ANY", value)
    assert bundle._variables(Scrubber())["ASCEND_ANY"] == told


def test_of_the_simulator_s_variable_its_own_settings_are_told(monkeypatch):
    value = "run_mode=device;timing=false\ncann=5.1.RC1;soc_version=Ascend310P3;acme=1;cann=acme;x"
    monkeypatch.setenv("MGN_FAST_SIMULATOR", f"{value};copy_in_bytes_per_s=1e9;on_violation=abort")
    assert bundle._variables(Scrubber())["MGN_FAST_SIMULATOR"] == (
        "run_mode=device;timing=false;cann=5.1.RC1;soc_version=Ascend310P3;<set>;cann=<set>;<set>;"
        "copy_in_bytes_per_s=1e9;on_violation=abort"
    )
