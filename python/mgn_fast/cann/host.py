# SPDX-License-Identifier: Apache-2.0
"""The parts of CANN, Huawei's toolkit, and the NPUs on this host. Reads only, changes nothing."""

from __future__ import annotations

import ctypes
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
from mgn_fast.common.files import is_directory

HUAWEI = "0x19e5"
# PCI's class of processing accelerators.
_ACCELERATOR = "0x1200"
_PCI = Path("/sys/bus/pci/devices")
_DEVICE_FILES = Path("/dev")
_INSTALLED = Path("/etc/ascend_install.info")
_USUAL_ROOT = "/usr/local/Ascend"
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
    return any(_is_simulator(str(name)) for name in _core.ascend_info()["libraries"])


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
    root = _INSTALL_PATH.search(_text(_INSTALLED))
    text = _text(Path(root[1] if root else _USUAL_ROOT) / "driver" / "version.info")
    version = _VERSION.search(text)
    return version[1] if version else None


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


def _is_simulator(name: str) -> bool:
    try:
        # Not loaded anew: what another library brings in could not be taken back.
        library = ctypes.CDLL(name, mode=os.RTLD_NOLOAD | os.RTLD_NOW)
    except OSError:
        return False
    return hasattr(library, "mgnsim_is_simulator")


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
