# SPDX-License-Identifier: Apache-2.0
"""The parts of CANN, Huawei's toolkit, and the NPUs on this host. Reads only, changes nothing."""

from __future__ import annotations

import itertools
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from mgn_fast import _core
from mgn_fast.cann.smi import table
from mgn_fast.cann.soc_version import ListedChip, parse_table
from mgn_fast.cann.toolkit import atc_version, environment_file
from mgn_fast.cann.toolkit import remedy as cann_remedy
from mgn_fast.common.files import is_directory, is_regular_file

HUAWEI = "0x19e5"
# PCI's class of processing accelerators.
_ACCELERATOR = "0x1200"
_PCI = Path("/sys/bus/pci/devices")
_DEVICE_FILES = Path("/dev")
_DEVICES = (
    *("davinci[0-9]*", "davinci_manager", "devmm_svm", "hisi_hdc"),  # of cards; boards have more
    *("svm0", "ts_aisle", "upgrade", "sys", "vdec"),
    *("vpc", "pngd", "venc", "dvpp_cmdlist", "log_drv"),
)
_INSTALLED = Path("/etc/ascend_install.info")
_USUAL_ROOT = "/usr/local/Ascend"
_DRIVER_LIBRARIES = ("lib64/driver", "lib64/common", "lib64")
# As in cpp/ascend/api.cpp: what comes with the driver and not with CANN.
_OF_DRIVER = ("libascend_hal", "libdrv", "libdcmi")
_CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")
_MAX_BYTES = 1 << 16
_INSTALL_PATH = re.compile(r"^Driver_Install_Path_Param=(\S+)", re.MULTILINE)
_VERSION = re.compile(r"^Version=(\S+)", re.MULTILINE | re.IGNORECASE)
_USAGE = re.compile(r"(\d+)\s*/\s*(\d+)")


@dataclass(frozen=True)
class HostDevice(ListedChip):
    """One chip, as `npu-smi info` lists it, with its state.

    Attributes:
        health: the table's own word, usually "OK", "Warning", "Alarm", "Critical" or "UNKNOWN".
        used_mb: memory in use; None where the table does not tell.
        memory_mb: memory there is; None likewise.
    """

    health: str
    used_mb: int | None
    memory_mb: int | None


def loaded_libraries() -> list[str]:
    """The files that AscendCL was loaded from; finds and starts it if it is not started.

    Returns:
        Paths, links resolved; a name where the process's memory map does not show its file.

    Raises:
        RuntimeUnavailableError: there is no AscendCL here.
        DeviceError: it does not start.
    """
    names = [str(name) for name in _core.ascend_info()["libraries"]]
    mapped = _mapped_files()
    return [_file_of(name, mapped) for name in names]


def is_simulated() -> bool:
    """True if the AscendCL in use is the simulator's; raises as `loaded_libraries` does."""
    return _core.ascend_is_simulated()


def cann_root() -> Path | None:
    """CANN's directory, by its variables or else by where its set_env.sh is; None without CANN."""
    for name in ("ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME"):
        home = os.environ.get(name)
        if home and is_directory(home):
            return Path(home)
    file = environment_file()
    if file is None:
        return None
    latest = file.parent / "latest"
    return latest if is_directory(latest) else file.parent


def cann_version(root: Path) -> str | None:
    """CANN's version by the files in its directory, such as "8.0.RC3"; None if none tells it."""
    places = (root / f"{platform.machine()}-linux", root)
    versions = (atc_version(place / "bin" / "atc") for place in places)
    return next(filter(None, versions), None)


def driver_version() -> str | None:
    """The NPU driver's version by its installer's file, such as "23.0.3"; None without a driver."""
    version = _VERSION.search(_text(_driver_root() / "version.info"))
    return version[1] if version else None


def device_files() -> list[str]:
    """Names below /dev of the driver's devices, of cards and of boards."""
    found = {file.name for pattern in _DEVICES for file in _DEVICE_FILES.glob(pattern)}
    return sorted(found)


def is_in_container() -> bool:
    """True where Docker, Podman or Kubernetes left their marks."""
    marked = any(map(is_regular_file, _CONTAINER_MARKS))
    return marked or "KUBERNETES_SERVICE_HOST" in os.environ


def driver_remedy() -> str:
    """The line that brings the driver: installed on a host, mounted into a container."""
    if is_in_container():
        return (
            "start the container with -v /usr/local/Ascend/driver:/usr/local/Ascend/driver:ro and "
            "its devices (/dev/davinci0, /dev/davinci_manager and the others)"
        )
    return f"sudo ./Ascend-hdk-*-npu-driver_*_linux-{platform.machine()}.run --full"


def library_remedy(library: str) -> str:
    """The line that has the loader find a library that AscendCL needs.

    Args:
        library: as the loader names it, such as "libascend_hal.so".

    Returns:
        Where it lies below the driver, the line that says so; else what brings driver or CANN.
    """
    root = _driver_root()
    if any((root / below / library).exists() for below in _DRIVER_LIBRARIES):
        folders = ":".join(str(root / below) for below in _DRIVER_LIBRARIES)
        return f"export LD_LIBRARY_PATH={folders}:$LD_LIBRARY_PATH"
    return driver_remedy() if library.startswith(_OF_DRIVER) else cann_remedy()


def _driver_root() -> Path:
    installed = _INSTALL_PATH.search(_text(_INSTALLED))
    return Path(installed[1] if installed else _USUAL_ROOT) / "driver"


def has_npu() -> bool:
    """True for an accelerator of Huawei's on the PCI bus, or a device file of its driver."""
    if any(_DEVICE_FILES.glob("davinci[0-9]*")):
        return True
    return any(
        _text(place / "vendor").strip() == HUAWEI
        and _text(place / "class").startswith(_ACCELERATOR)
        for place in _PCI.glob("*")
    )


def may_use_devices() -> bool:
    """False where the driver has a device file that this user may not read and write."""
    files = [*_DEVICE_FILES.glob("davinci_manager"), *_DEVICE_FILES.glob("davinci[0-9]*")]
    return all(os.access(file, os.R_OK | os.W_OK) for file in files)


def list_devices() -> list[HostDevice]:
    """The NPU chips of this host, in the order in which `npu-smi info` lists them.

    Returns:
        In the table's order.

    Raises:
        OSError: there is no npu-smi.
        NpuSmiError: it fails, or does not answer.
    """
    return parse_devices(table())


def parse_devices(text: str) -> list[HostDevice]:
    """The chips in what `npu-smi info` prints, with their memory, in the table's order.

    A chip has two rows, the second with its memory: the last "used / all" in it, because cards with
    HBM show 0 / 0 of another kind before it.

    Args:
        text: the table, with whatever stands around it.

    Returns:
        In the table's order.
    """
    found = []
    for first, second in itertools.pairwise(text.splitlines()):
        for chip in parse_table(f"{first}\n{second}"):
            usages = [(int(used), int(whole)) for used, whole in _USAGE.findall(second)]
            known = [usage for usage in usages if usage[1] > 0]
            used, whole = known[-1] if known else (None, None)
            health = first.split("|")[2].strip()
            found.append(HostDevice(chip.npu, chip.chip, chip.name, health, used, whole))
    return found


def _mapped_files() -> list[str]:
    lines = _text(Path("/proc/self/maps"), 1 << 24).splitlines()
    return [line[line.index("/") :] for line in lines if "/" in line]


def _file_of(name: str, mapped: list[str]) -> str:
    if "/" in name:
        return os.path.realpath(name)
    return next((path for path in mapped if Path(path).name.startswith(name)), name)


def _text(path: Path, most: int = _MAX_BYTES) -> str:
    try:
        with path.open("rb") as file:
            return file.read(most).decode(errors="replace")
    except OSError:
        return ""
