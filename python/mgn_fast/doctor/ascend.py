# SPDX-License-Identifier: Apache-2.0
"""What an Ascend host has: AscendCL, CANN, ATC, the driver, devices."""

from __future__ import annotations

import os
import subprocess
from dataclasses import asdict
from typing import Any

from mgn_fast import _core
from mgn_fast.cann.host import (
    HostDevice,
    cann_root,
    cann_version,
    driver_remedy,
    driver_version,
    has_npu,
    is_simulated,
    library_remedy,
    list_devices,
    loaded_libraries,
    may_use_devices,
)
from mgn_fast.cann.smi import NpuSmiError
from mgn_fast.cann.toolkit import VARIABLE as ATC_VARIABLE
from mgn_fast.cann.toolkit import atc_version, find_atc, is_environment_set, remedy
from mgn_fast.doctor.finding import SIMULATE, Finding, optional
from mgn_fast.errors import DeviceError, InvalidInputError, RuntimeUnavailableError

# Where nothing better is known.
_LOOK = "npu-smi info"
# Of a part of which nothing at all is there.
_ABSENT = {"absent": True}


def ascend_findings() -> list[Finding]:
    """Findings about AscendCL and CANN, which only .om models need; of CANN none when simulated."""
    finding, simulated = _try_ascend()
    findings = [finding]
    if simulated:
        findings += [
            optional("cann", "simulated: none is needed"),
            optional("atc", "simulated: mgn-fast compile --simulate"),
            optional("driver", "simulated: none is needed"),
        ]
    else:
        findings += [_try_cann(), _try_atc(), _try_driver()]
    return [*findings, _try_devices(finding, simulated=simulated)]


def _try_ascend() -> tuple[Finding, bool]:
    """The finding about AscendCL, and whether it is the simulator's."""
    try:
        info = _core.ascend_info()
        simulated = is_simulated()
        libraries = loaded_libraries()
    except DeviceError as error:
        return _failed(error), False
    except Exception as error:
        return _not_loaded(error), False
    who = "SIMULATED AscendCL" if simulated else "AscendCL"
    count, soc_name = info["num_devices"], info["soc_name"]
    detail = (
        f"{who} {info['version']} in {', '.join(libraries)}, {count} device(s) {soc_name}"
        f"{' (simulated)' if simulated else ''}"
    )
    facts = {"version": info["version"], "libraries": libraries, "simulated": simulated}
    facts |= {"num_devices": count, "soc_name": soc_name}
    return optional("ascend", detail, "" if count else _LOOK, facts), simulated


def _failed(error: DeviceError) -> Finding:
    """AscendCL is there and a call failed: the code's remedy is that of the core's own table."""
    cure = _core.ascend_remedy(error.code)
    detail = str(error).replace(f": {cure}", "", 1) if cure else str(error)
    return optional("ascend", detail, cure or _LOOK, {"code": error.code})


def _not_loaded(error: Exception) -> Finding:
    missing = getattr(error, "missing", ())
    library = next((name for name in missing if ".so" in name), None)
    if library is not None:
        facts = {"library": library}
        return optional("ascend", str(error), library_remedy(library), facts)
    if os.environ.get("MGN_FAST_ASCENDCL"):
        facts = {"missing": list(missing)}
        return optional("ascend", str(error), "unset MGN_FAST_ASCENDCL", facts)
    if isinstance(error, RuntimeUnavailableError) and not missing:
        return optional("ascend", str(error), remedy(), _ABSENT)
    return optional("ascend", str(error), remedy(), {"missing": list(missing)})


def _try_cann() -> Finding:
    root = cann_root()
    if root is None:
        return optional("cann", "CANN's directory is not found", remedy(), _ABSENT)
    version = cann_version(root)
    detail = f"CANN {version or 'of unknown version'} in {root}"
    return optional("cann", detail, facts={"version": version, "root": str(root)})


def _try_atc() -> Finding:
    try:
        path = find_atc()
    except InvalidInputError as error:
        return optional("atc", str(error), f"unset {ATC_VARIABLE}")
    except RuntimeUnavailableError as error:
        # The rest of the message is the remedy.
        return optional("atc", str(error).partition(";")[0], remedy(), _ABSENT)
    version = atc_version(path)
    detail = f"ATC of CANN {version or 'of unknown version'}: {path}"
    facts = {"version": version, "path": str(path)}
    if not is_environment_set():
        detail += "; ASCEND_OPP_PATH is not set, without it ATC finds no operators"
        return optional("atc", detail, remedy(), facts)
    return optional("atc", detail, facts=facts)


def _try_driver() -> Finding:
    version = driver_version()
    if version is None and not has_npu():
        detail = "no NPU is in this machine, so there is no driver"
        return optional("driver", detail, SIMULATE, _ABSENT)
    if version is None:
        detail = "an NPU is in this machine, its driver is not installed"
        return optional("driver", detail, driver_remedy())
    facts = {"version": version}
    if not may_use_devices():
        detail = f"driver {version}; this user may not open its device files"
        return optional("driver", detail, "sudo usermod -aG HwHiAiUser $USER", facts)
    return optional("driver", f"driver {version}", facts=facts)


def _try_devices(ascend: Finding, *, simulated: bool) -> Finding:
    """The finding about the devices that AscendCL counts, with what npu-smi tells of them."""
    counted, soc_name = ascend.facts.get("num_devices", 0), ascend.facts.get("soc_name", "")
    if simulated:
        detail = f"{counted} simulated {soc_name}; what they hold and how fast is set, not measured"
        return optional("devices", detail, "" if counted else SIMULATE, {"simulated": True})
    listed, trouble, cure = _listed()
    detail = "; ".join(filter(None, [*map(_described, listed), trouble]))
    if counted != len(listed):
        visible = os.environ.get("ASCEND_RT_VISIBLE_DEVICES")
        detail += f"; AscendCL counts {counted}"
        detail += f", ASCEND_RT_VISIBLE_DEVICES is {visible!r}" if visible is not None else ""
    facts: dict[str, Any] = {"devices": [asdict(each) for each in listed], "simulated": False}
    if counted:
        told = f"{detail}; for npu-smi: {cure}" if cure not in ("", _LOOK) else detail
        return optional("devices", told, facts=facts)
    if has_npu() or cure or listed:
        return optional("devices", detail, cure or ascend.remedy or _LOOK, facts)
    return optional("devices", detail, SIMULATE, facts | _ABSENT)


def _listed() -> tuple[list[HostDevice], str, str]:
    """The devices that npu-smi lists, or why it lists none, and what helps."""
    try:
        listed = list_devices()
    except NpuSmiError as error:
        return [], f"npu-smi info: {error}", error.remedy or _LOOK
    except (OSError, subprocess.SubprocessError) as error:
        return [], f"npu-smi info: {error}", ""
    return listed, "" if listed else "npu-smi info lists no device", ""


def _described(device: HostDevice) -> str:
    memory = "memory unknown"
    if device.memory_mb is not None:
        memory = f"{device.used_mb} of {device.memory_mb} MB used"
    # Boards have no sensor for the current, and say so while models run.
    usual = " (usual on a board)" if (device.name[:4], device.health) == ("310B", "Alarm") else ""
    return f"NPU {device.npu} chip {device.chip}: {device.name}, {memory}, {device.health}{usual}"
