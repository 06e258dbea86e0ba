# SPDX-License-Identifier: Apache-2.0
"""What this installation can do: every part is run, not just searched for."""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mgn_fast import _core
from mgn_fast.cann.host import (
    HostDevice,
    cann_root,
    cann_version,
    driver_version,
    has_npu,
    is_simulated,
    list_devices,
    loaded_libraries,
    may_use_devices,
)
from mgn_fast.cann.toolkit import VARIABLE as ATC_VARIABLE
from mgn_fast.cann.toolkit import atc_version, find_atc, is_environment_set, remedy
from mgn_fast.common.extras import EXTRAS, install_line
from mgn_fast.common.threads import thread_count
from mgn_fast.errors import InvalidInputError, MgnError, RuntimeUnavailableError
from mgn_fast.inference.backend_cpu import require_readable
from mgn_fast.models.in_use import in_one_line
from mgn_fast.models.model_file import contract_in
from mgn_fast.pictures.pixels import decode, resize
from mgn_fast.simulator.library import library_path
from mgn_fast.simulator.library import load as load_simulator

_BASE_REMEDY = "pip install --force-reinstall mgn-fast"
# What works on a machine without an NPU.
SIMULATE = "mgn-fast doctor --simulate"


@dataclass(frozen=True)
class Finding:
    """One part of the installation: whether it works, and what to do if not.

    Attributes:
        what: the part.
        works: it was tried and does what it should.
        required: every command needs it.
        detail: versions, or what went wrong.
        remedy: the line that mends it; "" where nothing is wrong.
        facts: the detail's values by name, for programs.
    """

    what: str
    works: bool
    required: bool
    detail: str
    remedy: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def examine(models: Sequence[Path] = ()) -> list[Finding]:
    """One finding for each part of the installation and each model; one that fails raises nothing.

    Args:
        models: files of which to tell the contract, and where it stands.

    Returns:
        The findings, the models' last.
    """
    findings = [
        _try("python", lambda: f"{sys.version.split()[0]} on {platform.platform()}"),
        _try("core", _core_detail),
        _try("cores", lambda: f"{thread_count()} threads will be used"),
        _try("jpeg", _jpeg_detail),
        _try("other pictures", _opencv_detail),
        _try("onnxruntime", _onnxruntime_detail),
    ]
    findings += _ascend_findings()
    for extra, modules in EXTRAS.items():
        findings.append(_try_extra(extra, modules))
    return findings + [_try_model(model) for model in models]


def _try(what: str, work: Callable[[], str]) -> Finding:
    try:
        return Finding(what, works=True, required=True, detail=work())
    except Exception as error:
        detail = f"{type(error).__name__}: {error}"
        # Nothing was given to the work, so that an input it refuses is a setting.
        is_setting = isinstance(error, InvalidInputError)
        remedy = "correct or unset the variable that is named" if is_setting else _BASE_REMEDY
        return Finding(what, works=False, required=True, detail=detail, remedy=remedy)


def _try_extra(extra: str, modules: tuple[str, ...]) -> Finding:
    name = f"extra {extra}"
    try:
        versions = [f"{module} {importlib.import_module(module).__version__}" for module in modules]
    except Exception as error:
        return _optional(name, str(error), install_line(extra))
    return _optional(name, ", ".join(versions))


def _try_model(model: Path) -> Finding:
    """What a model's file says of its contract; the model is not opened."""
    name = f"model {model.name}"
    remedy = f"mgn-fast adopt {model} --contract NAME|FILE, or --contract with each command"
    try:
        require_readable(model)
        contract = contract_in(model)
    except MgnError as error:
        return _optional(name, str(error), "name a file that can be read, or adopt it again")
    if contract is None:
        return _optional(name, "says no contract, so how to prepare pictures is not known", remedy)
    facts = {"contract": contract.to_dict(), "contract_origin": contract.origin}
    return _optional(name, f"{in_one_line(contract)}; says {contract.origin}", facts=facts)


def _ascend_findings() -> list[Finding]:
    """Findings about AscendCL and CANN, which only .om models need; of CANN none when simulated."""
    finding, simulated = _try_ascend()
    findings = [finding]
    if simulated:
        findings += [
            _optional("cann", "simulated: none is needed"),
            _optional("atc", "simulated: mgn-fast compile --simulate"),
            _optional("driver", "simulated: none is needed"),
        ]
    else:
        findings += [_try_cann(), _try_atc(), _try_driver()]
    return [*findings, _try_devices(finding, simulated=simulated), _try_simulator()]


def _optional(
    what: str, detail: str, remedy: str = "", facts: dict[str, Any] | None = None
) -> Finding:
    """A finding about what not every command needs; it works where it needs no remedy."""
    return Finding(
        what, not remedy, required=False, detail=detail, remedy=remedy, facts=facts or {}
    )


def _try_ascend() -> tuple[Finding, bool]:
    """The finding about AscendCL, and whether it is the simulator's."""
    try:
        info = _core.ascend_info()
        simulated = is_simulated()
        libraries = loaded_libraries()
    except Exception as error:
        return _optional("ascend", str(error), _library_remedy()), False
    who = "SIMULATED AscendCL" if simulated else "AscendCL"
    count, soc_name = info["num_devices"], info["soc_name"]
    detail = (
        f"{who} {info['version']} in {', '.join(libraries)}, {count} device(s) {soc_name}"
        f"{' (simulated)' if simulated else ''}"
    )
    facts = {"version": info["version"], "libraries": libraries, "simulated": simulated}
    facts |= {"num_devices": count, "soc_name": soc_name}
    return _optional("ascend", detail, "" if count else "npu-smi info", facts), simulated


def _library_remedy() -> str:
    chosen = os.environ.get("MGN_FAST_ASCENDCL")
    return "unset MGN_FAST_ASCENDCL" if chosen else remedy()


def _try_cann() -> Finding:
    root = cann_root()
    if root is None:
        return _optional("cann", "CANN's directory is not found", remedy())
    version = cann_version(root)
    detail = f"CANN {version or 'of unknown version'} in {root}"
    return _optional("cann", detail, facts={"version": version, "root": str(root)})


def _try_atc() -> Finding:
    try:
        path = find_atc()
    except InvalidInputError as error:
        return _optional("atc", str(error), f"unset {ATC_VARIABLE}")
    except RuntimeUnavailableError as error:
        # The rest of the message is the remedy.
        return _optional("atc", str(error).partition(";")[0], remedy())
    version = atc_version(path)
    detail = f"ATC of CANN {version or 'of unknown version'}: {path}"
    facts = {"version": version, "path": str(path)}
    if not is_environment_set():
        detail += "; ASCEND_OPP_PATH is not set, without it ATC finds no operators"
        return _optional("atc", detail, remedy(), facts)
    return _optional("atc", detail, facts=facts)


def _try_driver() -> Finding:
    version = driver_version()
    if version is None and not has_npu():
        detail = "no NPU is in this machine, so there is no driver"
        return _optional("driver", detail, SIMULATE)
    if version is None:
        detail = "an NPU is in this machine, its driver is not installed"
        return _optional("driver", detail, _driver_remedy())
    facts = {"version": version}
    if not may_use_devices():
        detail = f"driver {version}; this user may not open its device files"
        return _optional("driver", detail, "sudo usermod -aG HwHiAiUser $USER", facts)
    return _optional("driver", f"driver {version}", facts=facts)


def _driver_remedy() -> str:
    return f"sudo ./Ascend-hdk-*-npu-driver_*_linux-{platform.machine()}.run --full"


def _try_devices(ascend: Finding, *, simulated: bool) -> Finding:
    """The finding about the devices that AscendCL counts, with what npu-smi tells of them."""
    counted, soc_name = ascend.facts.get("num_devices", 0), ascend.facts.get("soc_name", "")
    if simulated:
        detail = f"{counted} simulated {soc_name}; what they hold and how fast is set, not measured"
        return _optional("devices", detail, "" if counted else SIMULATE, {"simulated": True})
    try:
        listed = list_devices()
        trouble = "" if listed else "npu-smi info lists no device"
    except (OSError, subprocess.SubprocessError) as error:
        listed, trouble = [], f"npu-smi info: {error}"
    detail = "; ".join(filter(None, [*map(_described, listed), trouble]))
    if counted != len(listed):
        visible = os.environ.get("ASCEND_RT_VISIBLE_DEVICES")
        detail += f"; AscendCL counts {counted}"
        detail += f", ASCEND_RT_VISIBLE_DEVICES is {visible!r}" if visible is not None else ""
    facts = {"devices": [asdict(device) for device in listed], "simulated": False}
    if counted:
        return _optional("devices", detail, facts=facts)
    cure = ascend.remedy if has_npu() else SIMULATE
    return _optional("devices", detail, cure or "npu-smi info", facts)


def _described(device: HostDevice) -> str:
    memory = "memory unknown"
    if device.memory_mb is not None:
        memory = f"{device.used_mb} of {device.memory_mb} MB used"
    return f"NPU {device.npu} chip {device.chip}: {device.name}, {memory}, {device.health}"


def _try_simulator() -> Finding:
    """The finding about the simulator's library, loaded but not put in AscendCL's place."""
    path = library_path()
    try:
        load_simulator(path)
    except RuntimeUnavailableError as error:
        return _optional("simulator", str(error), _BASE_REMEDY)
    return _optional(
        "simulator", f"{path}, for .om models with --simulate", facts={"path": str(path)}
    )


def _core_detail() -> str:
    """The core's version, compiler and SIMD, after a resize that a damaged build would fail."""
    out = resize(np.full((3, 5, 3), 77, np.uint8))
    if not (out == 77).all():
        raise RuntimeError(f"resize turned 77 into {np.unique(out).tolist()}")
    info = _core.build_info()
    simd = f"{_core.simd_level()} of {', '.join(_core.simd_levels())}"
    return f"mgn_fast {info['version']}, {info['compiler']}, kernels {simd}"


def _jpeg_detail() -> str:
    import simplejpeg

    grey = np.full((16, 16, 3), 128, np.uint8)
    pixels = decode(simplejpeg.encode_jpeg(grey, quality=90))
    if not (pixels == 128).all():
        raise RuntimeError(f"a grey JPEG came back with levels {np.unique(pixels).tolist()}")
    return f"simplejpeg {simplejpeg.__version__}"


def _opencv_detail() -> str:
    import cv2

    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    data = cv2.imencode(".png", red[..., ::-1])[1].tobytes()
    if not np.array_equal(decode(data), red):
        raise RuntimeError("a red PNG did not come back red")
    return f"opencv {cv2.__version__}"


def _onnxruntime_detail() -> str:
    import onnxruntime

    providers = onnxruntime.get_available_providers()
    if "CPUExecutionProvider" not in providers:
        raise RuntimeError(f"providers are {providers}, expected CPUExecutionProvider")
    return f"onnxruntime {onnxruntime.__version__}, {', '.join(providers)}"
