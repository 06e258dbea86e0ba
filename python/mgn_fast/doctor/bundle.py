# SPDX-License-Identifier: Apache-2.0
"""All that tells why a host does or does not run, in one file, for who cannot see the host.

Nothing in it is personal: every text goes through the scrubber, whatever it is.
"""

from __future__ import annotations

import importlib.metadata
import inspect
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mgn_fast import _core
from mgn_fast.cann.host import (
    cann_root,
    cann_version,
    device_files,
    driver_version,
    is_in_container,
    is_simulated,
    loaded_libraries,
    may_use_devices,
)
from mgn_fast.cann.smi import npu_smi
from mgn_fast.cann.soc_version import parse_table
from mgn_fast.cann.toolkit import atc_version, find_atc
from mgn_fast.common.machine import cpu_name, field_of
from mgn_fast.doctor.device_tests import find_clone, run_device_tests
from mgn_fast.doctor.finding import Finding
from mgn_fast.doctor.scrubbing import Scrubber, is_path, of_this_machine
from mgn_fast.errors import DeviceError, MgnError
from mgn_fast.simulator import control

SCHEMA = "mgn_fast.bundle/1"
PACKAGES = (
    *("numpy", "onnx", "onnxruntime", "openvino", "opencv-python-headless", "simplejpeg"),
    *("torch", "torch-npu", "mindspore", "pytest"),
)
_VARIABLES = re.compile(r"ASCEND_\w+|MGN_FAST_\w+|LD_LIBRARY_PATH")
# What a variable may say besides paths: numbers, switches, chips, kernels; what was taken out.
_SETTING = re.compile(
    r"[\d.,-]*|(?i:true|false|on|off|null|none)|Ascend\w{1,16}|scalar|avx2|avx512|neon|npu"
    r"|<(?:ip|mac|uuid|address|number|name|removed)>"
)
_SEPARATORS = re.compile(r"([:;,\s]+)")
# The simulator's settings: `enable` takes the same, and these words besides.
_SIMULATOR_KEYS = frozenset(inspect.signature(control.enable).parameters)
_SIMULATOR_WORD = re.compile(
    r"host|device|onnx|deterministic|error|abort|\d+\.\d+(?:\.RC\d+)?|\d+(?:\.\d+)?e[+-]?\d+"
)
_PROCESS = re.compile(r"(?m)^(\s*\|\s*\d+\s+\d+\s*\|\s*\d+\s*\|\s*)([^|\s][^|]*?)(\s*\|)")


def collect_bundle(
    findings: Sequence[Finding],
    *,
    test_timeout_s: float = 3600,
    on_step: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """What is known of this host, without anything personal, to be written as JSON.

    Home directories, names of users and machines, addresses, serial numbers and paths of one's own
    are replaced by words in <>. On the simulator it says so, and where there is no NPU, that.

    Args:
        findings: of `examine`.
        test_timeout_s: seconds for the tests that need a chip; 0 leaves them out.
        on_step: called with what is done next.

    Returns:
        Versions, functions of AscendCL that are there and missing, devices, what npu-smi prints,
        variables, findings, and what came of the tests.
    """
    tell = on_step or (lambda step: None)
    scrub = of_this_machine()
    tell("looking at the host")
    ascend = _ascend(findings)
    simulated = bool(ascend.get("simulated", False))
    content: dict[str, Any] = {
        "package": _package(),
        "system": _system(),
        "ascend": ascend,
        "cann": _tried(_cann),
        "driver": {"version": driver_version(), "may_use_devices": may_use_devices()},
        "findings": [_without_file(finding) for finding in findings],
    }
    tell("asking npu-smi")
    content["npu_smi"] = [] if simulated else list(_npu_smi())
    content["device_tests"] = _device_tests(ascend, test_timeout_s, scrub, tell)
    scrubbed: dict[str, Any] = scrub(content)
    scrubbed["environment"] = _variables(scrub)
    return {"schema": SCHEMA, "simulated": simulated, **scrubbed}


def _without_file(finding: Finding) -> dict[str, Any]:
    """A finding as it is; of a model only its contract: how its file is called is the user's."""
    if not finding.what.startswith("model "):
        return asdict(finding)
    facts = {"contract": finding.facts.get("contract")}
    return {"what": "model", "works": finding.works, "required": False, "facts": facts}


def _package() -> dict[str, Any]:
    packages = {name: _version(name) for name in PACKAGES}
    return {**_core.build_info(), "simd": _core.simd_level(), "packages": packages}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _system() -> dict[str, Any]:
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        name = None
    kilobytes = field_of(Path("/proc/meminfo"), "MemTotal:")
    return {
        "python": sys.version.split()[0],
        "os": name,
        "kernel": platform.release(),
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": None if kilobytes is None else kilobytes * 1024,
        "in_container": is_in_container(),
        "device_files": device_files(),
    }


def _ascend(findings: Sequence[Finding]) -> dict[str, Any]:
    """AscendCL: version, functions and devices, or why it is not there.

    Why not is what was found first: by now the process has the simulator's library in it, which
    has the same name.
    """
    first = next((each for each in findings if each.what == "ascend"), None)
    if first is not None and "version" not in first.facts:
        return {"error": first.detail, **first.facts}
    try:
        info = _core.ascend_info()
        functions = _core.ascend_functions()
        return {
            "simulated": is_simulated(),
            **info,
            "libraries": loaded_libraries(),
            "present": [name for name, _, is_there in functions if is_there],
            "missing": [name for name, _, is_there in functions if not is_there],
            "devices": [_memory(number) for number in range(info["num_devices"])],
        }
    except DeviceError as error:
        return {"error": str(error), "call": error.call, "code": error.code}
    except Exception as error:
        return {"error": str(error), "missing": list(getattr(error, "missing", ()))}


def _memory(device: int) -> dict[str, Any]:
    try:
        memory = _core.ascend_memory(device)
    except MgnError as error:
        return {"error": str(error)}
    return {"free_bytes": memory and memory[0], "total_bytes": memory and memory[1]}


def _cann() -> dict[str, Any]:
    root = cann_root()
    told = {"root": root and str(root), "version": root and cann_version(root)}
    try:
        atc = find_atc()
    except MgnError as error:
        return told | {"atc": {"error": str(error)}}
    return told | {"atc": {"path": str(atc), "version": atc_version(atc)}}


def _tried(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return work()
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _npu_smi() -> Iterator[dict[str, str]]:
    """What npu-smi prints of the host, then of each card and chip."""
    table = _asked("info")
    yield table
    if "error" in table:
        return
    for words in (["info", "-l"], ["info", "-m"]):
        yield _asked(*words)
    chips = parse_table(table["output"])
    for card in sorted({chip.npu for chip in chips}):
        yield _asked("info", "-t", "board", "-i", str(card))
    for chip in chips:
        yield _asked("info", "-t", "board", "-i", str(chip.npu), "-c", str(chip.chip))


def _asked(*words: str) -> dict[str, str]:
    command = " ".join(("npu-smi", *words))
    try:
        output = _PROCESS.sub(r"\1<process>\3", npu_smi(*words))
    except (OSError, subprocess.SubprocessError) as error:
        return {"command": command, "error": str(error)}
    return {"command": command, "output": output}


def _device_tests(
    ascend: dict[str, Any], timeout_s: float, scrub: Scrubber, tell: Callable[[str], None]
) -> dict[str, Any]:
    if timeout_s == 0:
        reason = "left out, as asked"
    elif ascend.get("simulated"):
        reason = "simulated: these tests need a chip"
    elif not ascend.get("num_devices"):
        reason = "AscendCL finds no NPU"
    else:
        return _tried(
            lambda: run_device_tests(
                find_clone(),
                timeout_s,
                scrub=scrub.text,
                on_start=lambda: tell("running the tests that need a chip"),
            )
        )
    return {"ran": False, "reason": reason}


def _variables(scrub: Scrubber) -> dict[str, str]:
    """The variables that bear on finding and running AscendCL; of unknown kinds only that."""
    return {
        name: _simulator(value) if name == "MGN_FAST_SIMULATOR" else _setting(value, scrub)
        for name, value in sorted(os.environ.items())
        if _VARIABLES.fullmatch(name)
    }


def _setting(value: str, scrub: Scrubber) -> str:
    """A list of paths, or of settings; what is neither may be anything."""
    if is_path(value):
        return "".join(
            part if part.startswith(("/", "<p")) or _is_setting(part) else "<set>"
            for part in _SEPARATORS.split(scrub.search_path(value))
        )
    # Scrubbed first: addresses hold separators themselves.
    scrubbed = scrub.text(value)
    return scrubbed if all(map(_is_setting, _SEPARATORS.split(scrubbed))) else "<set>"


def _is_setting(part: str) -> bool:
    return (_SETTING.fullmatch(part) or _SEPARATORS.fullmatch(part)) is not None


def _simulator(value: str) -> str:
    """Its settings, as far as they are known ones."""
    told = []
    for pair in filter(None, re.split(r"[;\n]", value)):
        key, _, setting = pair.partition("=")
        is_known = _is_setting(setting) or _SIMULATOR_WORD.fullmatch(setting)
        told.append(
            f"{key}={setting if is_known else '<set>'}" if key in _SIMULATOR_KEYS else "<set>"
        )
    return ";".join(told)
