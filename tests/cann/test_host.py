# SPDX-License-Identifier: Apache-2.0
import os
import platform
import subprocess
from pathlib import Path

import pytest

from mgn_fast import RuntimeUnavailableError, simulator
from mgn_fast.cann import host as ascend_host
from mgn_fast.cann.host import HostDevice, parse_devices

ROWS_310P = """\
| npu-smi 23.0.0                       Version: 23.0.0                                       |
| NPU     Name                  | Health          | Power(W)     Temp(C)   Hugepages-Usage(page) |
| Chip    Device                | Bus-Id          | AICore(%)    Memory-Usage(MB)            |
+===============================+=================+==========================================+
| 0       310P3                 | OK              | NA           42          0     / 0       |
| 0       0                     | 0000:82:00.0    | 0            1074 / 21534                |
+-------------------------------+-----------------+------------------------------------------+
| 6       310P3                 | Warning         | 15.8         44          12    / 15      |
| 0       1                     | 0000:84:00.0    | 0            2    / 21535                |
+===============================+=================+==========================================+
| NPU     Chip                  | Process id      | Process name     | Process memory(MB)    |
| 6       0                     | 4711            | python3          | 312                   |
"""
ROWS_910 = """\
| 0     910B4                   | OK              | 86.3        36          0    / 0         |
| 0                             | 0000:C1:00.0    | 0           0    / 0          2854 / 32768 |
"""


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A machine with nothing of Ascend's in it; tests put things into its directories."""
    for name in ("ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(ascend_host, "_PCI", tmp_path / "pci")
    monkeypatch.setattr(ascend_host, "_DEVICE_FILES", tmp_path / "dev")
    monkeypatch.setattr(ascend_host, "_INSTALLED", tmp_path / "ascend_install.info")
    monkeypatch.setattr(ascend_host, "_USUAL_ROOT", str(tmp_path / "usual"))
    return tmp_path


def write(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_devices_are_listed_with_name_health_and_memory():
    assert parse_devices(ROWS_310P) == [
        HostDevice(0, 0, "310P3", "OK", 1074, 21534),
        HostDevice(6, 0, "310P3", "Warning", 2, 21535),
    ]


def test_where_two_kinds_of_memory_are_listed_the_one_that_is_there_counts():
    assert parse_devices(ROWS_910) == [HostDevice(0, 0, "910B4", "OK", 2854, 32768)]
    only_first = ROWS_910.replace("0    / 0          2854 / 32768", "10 / 900   0 / 0")
    assert parse_devices(only_first) == [HostDevice(0, 0, "910B4", "OK", 10, 900)]


def test_a_row_without_memory_leaves_it_open():
    text = ROWS_910.replace("2854 / 32768", "NA")
    assert parse_devices(text) == [HostDevice(0, 0, "910B4", "OK", None, None)]


def test_other_texts_list_no_device():
    assert parse_devices("") == parse_devices("dcmi module initialize failed") == []


def test_npu_smi_is_asked(tmp_path, monkeypatch):
    program = write(tmp_path / "npu-smi", f"#!/bin/sh\ncat '{tmp_path}/table'\n")
    program.chmod(0o755)
    write(tmp_path / "table", ROWS_910)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert [device.name for device in ascend_host.list_devices()] == ["910B4"]
    write(program, "#!/bin/sh\nexit 3\n")
    with pytest.raises(subprocess.CalledProcessError):
        ascend_host.list_devices()


def test_the_loaded_library_is_named_by_its_file():
    simulator.enable()
    try:
        assert ascend_host.is_simulated()
        assert ascend_host.loaded_libraries() == [str(simulator.library_path().resolve())]
    finally:
        simulator.disable()


def test_a_bare_name_is_looked_up_in_the_memory_map():
    """The linker's search found it; the C library stands for the vendor's."""
    (path,) = {
        ascend_host._file_of(name, ascend_host._mapped_files()) for name in ("libc.so.6", "libc.so")
    }
    assert Path(path).is_absolute()
    assert Path(path).name.startswith("libc.so")
    assert ascend_host._file_of("libmissing.so", ascend_host._mapped_files()) == "libmissing.so"


def test_only_the_simulator_is_simulated():
    assert not ascend_host._is_simulator("libc.so.6")
    assert not ascend_host._is_simulator("/nowhere/libascendcl.so")


def test_without_ascendcl_that_is_said(monkeypatch):
    monkeypatch.setenv("MGN_FAST_ASCENDCL", "/nowhere/libascendcl.so")
    with pytest.raises(RuntimeUnavailableError, match="/nowhere"):
        ascend_host.is_simulated()


def test_cann_s_root_is_its_variable_s(host, monkeypatch):
    monkeypatch.setenv("ASCEND_TOOLKIT_HOME", str(host))
    assert ascend_host.cann_root() == host
    monkeypatch.setenv("ASCEND_HOME_PATH", str(host / "missing"))
    assert ascend_host.cann_root() == host


def test_without_variables_set_env_shows_where_cann_is(host, monkeypatch):
    monkeypatch.setattr(ascend_host, "environment_file", lambda: None)
    assert ascend_host.cann_root() is None
    file = write(host / "ascend-toolkit" / "set_env.sh")
    monkeypatch.setattr(ascend_host, "environment_file", lambda: file)
    assert ascend_host.cann_root() == file.parent
    (file.parent / "latest").mkdir()
    assert ascend_host.cann_root() == file.parent / "latest"


@pytest.mark.parametrize(
    "place", ["version.info", f"{platform.machine()}-linux/ascend_toolkit_install.info"]
)
def test_cann_s_version_is_in_its_files(host, place):
    assert ascend_host.cann_version(host / "cann") is None
    write(host / "cann" / place, "version=8.0.RC3\n")
    assert ascend_host.cann_version(host / "cann") == "8.0.RC3"


def test_the_driver_s_version_is_where_it_was_installed(host):
    assert ascend_host.driver_version() is None
    write(host / "usual/driver/version.info", "Version=23.0.3\nascendhal_version=7.35\n")
    assert ascend_host.driver_version() == "23.0.3"
    write(host / "ascend_install.info", f"UserName=u\nDriver_Install_Path_Param={host}/other\n")
    assert ascend_host.driver_version() is None
    write(host / "other/driver/version.info", "Version=24.1.rc1\n")
    assert ascend_host.driver_version() == "24.1.rc1"


@pytest.mark.parametrize(
    ("vendor", "kind", "expected"),
    [
        ("0x19e5\n", "0x120000\n", True),
        ("0x19e5\n", "0x020000\n", False),  # a network card of Huawei's
        ("0x10de\n", "0x120000\n", False),  # another vendor's accelerator
    ],
)
def test_an_npu_is_seen_on_the_bus_without_any_driver(host, vendor, kind, expected):
    assert not ascend_host.has_npu()
    write(host / "pci/0000:82:00.0/vendor", vendor)
    write(host / "pci/0000:82:00.0/class", kind)
    assert ascend_host.has_npu() is expected


def test_a_board_s_npu_is_seen_by_its_device_file(host):
    write(host / "dev/davinci_manager")
    assert not ascend_host.has_npu()
    write(host / "dev/davinci0")
    assert ascend_host.has_npu()


def test_device_files_have_to_be_open_to_the_user(host, monkeypatch):
    assert ascend_host.may_use_devices()
    files = {str(write(host / "dev" / name)): True for name in ("davinci0", "davinci_manager")}
    monkeypatch.setattr(ascend_host.os, "access", lambda path, mode: files[str(path)])
    assert ascend_host.may_use_devices()
    files[str(host / "dev" / "davinci_manager")] = False
    assert not ascend_host.may_use_devices()
