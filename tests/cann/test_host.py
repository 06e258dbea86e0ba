# SPDX-License-Identifier: Apache-2.0
import os
import platform
from pathlib import Path

import pytest

from mgn_fast import RuntimeUnavailableError, simulator
from mgn_fast.cann import host
from mgn_fast.cann.host import HostDevice, parse_devices
from mgn_fast.cann.smi import NpuSmiError

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
def root(tmp_path, monkeypatch):
    """A machine with nothing of Ascend's in it; tests put things into its directories."""
    for name in ("ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(host, "_PCI", tmp_path / "pci")
    monkeypatch.setattr(host, "_DEVICE_FILES", tmp_path / "dev")
    monkeypatch.setattr(host, "_INSTALLED", tmp_path / "ascend_install.info")
    monkeypatch.setattr(host, "_USUAL_ROOT", str(tmp_path / "usual"))
    monkeypatch.setattr(host, "_CONTAINER_MARKS", (str(tmp_path / "dockerenv"),))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
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


def test_a_health_word_is_shown_as_it_is():
    """Whatever it is: a chip that is there is never left out."""
    (device,) = parse_devices(ROWS_910.replace("| OK ", "| Minor "))
    assert (device.name, device.health, device.memory_mb) == ("910B4", "Minor", 32768)


def test_a_process_is_no_device():
    assert len(parse_devices(ROWS_310P)) == 2


def test_other_texts_list_no_device():
    assert parse_devices("") == parse_devices("dcmi module initialize failed") == []


def test_npu_smi_is_asked(tmp_path, monkeypatch):
    program = write(tmp_path / "npu-smi", f"#!/bin/sh\ncat '{tmp_path}/table'\n")
    program.chmod(0o755)
    write(tmp_path / "table", ROWS_910)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert [device.name for device in host.list_devices()] == ["910B4"]
    write(program, "#!/bin/sh\nexit 3\n")
    with pytest.raises(NpuSmiError, match="exit code 3"):
        host.list_devices()


def test_the_loaded_library_is_named_by_its_file():
    simulator.enable()
    try:
        assert host.is_simulated()
        assert host.loaded_libraries() == [str(simulator.library_path().resolve())]
    finally:
        simulator.disable()


def test_a_bare_name_is_looked_up_in_the_memory_map():
    """The linker's search found it; the C library stands for the vendor's."""
    (path,) = {host._file_of(name, host._mapped_files()) for name in ("libc.so.6", "libc.so")}
    assert Path(path).is_absolute()
    assert Path(path).name.startswith("libc.so")
    assert host._file_of("libmissing.so", host._mapped_files()) == "libmissing.so"


def test_without_ascendcl_that_is_said(monkeypatch):
    monkeypatch.setenv("MGN_FAST_ASCENDCL", "/nowhere/libascendcl.so")
    with pytest.raises(RuntimeUnavailableError, match="/nowhere"):
        host.is_simulated()


def test_cann_s_root_is_its_variable_s(root, monkeypatch):
    monkeypatch.setenv("ASCEND_TOOLKIT_HOME", str(root))
    assert host.cann_root() == root
    monkeypatch.setenv("ASCEND_HOME_PATH", str(root / "missing"))
    assert host.cann_root() == root


def test_without_variables_set_env_shows_where_cann_is(root, monkeypatch):
    monkeypatch.setattr(host, "environment_file", lambda: None)
    assert host.cann_root() is None
    file = write(root / "ascend-toolkit" / "set_env.sh")
    monkeypatch.setattr(host, "environment_file", lambda: file)
    assert host.cann_root() == file.parent
    (file.parent / "latest").mkdir()
    assert host.cann_root() == file.parent / "latest"


@pytest.mark.parametrize(
    "place", ["version.info", f"{platform.machine()}-linux/ascend_toolkit_install.info"]
)
def test_cann_s_version_is_in_its_files(root, place):
    assert host.cann_version(root / "cann") is None
    write(root / "cann" / place, "version=8.0.RC3\n")
    assert host.cann_version(root / "cann") == "8.0.RC3"


def test_the_driver_s_version_is_where_it_was_installed(root):
    assert host.driver_version() is None
    write(root / "usual/driver/version.info", "Version=23.0.3\nascendhal_version=7.35\n")
    assert host.driver_version() == "23.0.3"
    write(root / "ascend_install.info", f"UserName=u\nDriver_Install_Path_Param={root}/other\n")
    assert host.driver_version() is None
    write(root / "other/driver/version.info", "Version=24.1.rc1\n")
    assert host.driver_version() == "24.1.rc1"


def test_a_container_is_known_by_its_marks(root, monkeypatch):
    assert not host.is_in_container()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert host.is_in_container()
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    write(root / "dockerenv")
    assert host.is_in_container()


def test_a_driver_is_installed_on_a_host_and_mounted_into_a_container(root):
    assert host.driver_remedy().startswith("sudo ./Ascend-hdk-")
    write(root / "dockerenv")
    assert "-v /usr/local/Ascend/driver:/usr/local/Ascend/driver:ro" in host.driver_remedy()


@pytest.mark.parametrize("below", ["lib64/driver", "lib64/common", "lib64"])
def test_a_library_that_lies_below_the_driver_is_put_on_the_loader_s_path(root, below):
    write(root / "usual/driver" / below / "libascend_hal.so")
    remedy = host.library_remedy("libascend_hal.so")
    driver = root / "usual/driver"
    assert remedy == (
        f"export LD_LIBRARY_PATH={driver}/lib64/driver:{driver}/lib64/common:{driver}/lib64"
        ":$LD_LIBRARY_PATH"
    )


def test_a_library_that_is_nowhere_is_the_driver_s_or_cann_s(root, monkeypatch):
    monkeypatch.setattr(host, "cann_remedy", lambda: "source it")
    assert host.library_remedy("libascend_hal.so") == host.driver_remedy()
    assert host.library_remedy("libdrvdsmi_host.so") == host.driver_remedy()
    assert host.library_remedy("libprofapi.so") == "source it"


def test_the_driver_s_device_files_are_listed_and_no_others(root):
    assert host.device_files() == []
    for name in ("davinci1", "davinci0", "davinci_manager", "svm0", "sda", "davincix"):
        write(root / "dev" / name)
    assert host.device_files() == ["davinci0", "davinci1", "davinci_manager", "svm0"]


@pytest.mark.parametrize(
    ("vendor", "kind", "expected"),
    [
        ("0x19e5\n", "0x120000\n", True),
        ("0x19e5\n", "0x020000\n", False),  # a network card of Huawei's
        ("0x10de\n", "0x120000\n", False),  # another vendor's accelerator
    ],
)
def test_an_npu_is_seen_on_the_bus_without_any_driver(root, vendor, kind, expected):
    assert not host.has_npu()
    write(root / "pci/0000:82:00.0/vendor", vendor)
    write(root / "pci/0000:82:00.0/class", kind)
    assert host.has_npu() is expected


def test_a_board_s_npu_is_seen_by_its_device_file(root):
    write(root / "dev/davinci_manager")
    assert not host.has_npu()
    write(root / "dev/davinci0")
    assert host.has_npu()


def test_device_files_have_to_be_open_to_the_user(root, monkeypatch):
    assert host.may_use_devices()
    files = {str(write(root / "dev" / name)): True for name in ("davinci0", "davinci_manager")}
    monkeypatch.setattr(host.os, "access", lambda path, mode: files[str(path)])
    assert host.may_use_devices()
    files[str(root / "dev" / "davinci_manager")] = False
    assert not host.may_use_devices()
