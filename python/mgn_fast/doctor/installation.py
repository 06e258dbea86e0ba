# SPDX-License-Identifier: Apache-2.0
"""What this installation can do: every part is run, not just searched for."""

from __future__ import annotations

import importlib
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mgn_fast import _core
from mgn_fast.common.extras import EXTRAS, install_line
from mgn_fast.common.threads import thread_count
from mgn_fast.doctor.ascend import ascend_findings
from mgn_fast.doctor.finding import Finding, optional
from mgn_fast.errors import InvalidInputError, MgnError, RuntimeUnavailableError
from mgn_fast.inference.backend_cpu import require_readable
from mgn_fast.models.in_use import in_one_line
from mgn_fast.models.model_file import contract_in
from mgn_fast.pictures.pixels import decode, resize
from mgn_fast.simulator.library import library_path
from mgn_fast.simulator.library import load as load_simulator

_BASE_REMEDY = "pip install --force-reinstall mgn-fast"


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
    findings += [*ascend_findings(), _try_simulator()]
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
        return optional(name, str(error), install_line(extra))
    return optional(name, ", ".join(versions))


def _try_model(model: Path) -> Finding:
    """What a model's file says of its contract; the model is not opened."""
    name = f"model {model.name}"
    remedy = f"mgn-fast adopt {model} --contract NAME|FILE, or --contract with each command"
    try:
        require_readable(model)
        contract = contract_in(model)
    except MgnError as error:
        return optional(name, str(error), "name a file that can be read, or adopt it again")
    if contract is None:
        return optional(name, "says no contract, so how to prepare pictures is not known", remedy)
    facts = {"contract": contract.to_dict(), "contract_origin": contract.origin}
    return optional(name, f"{in_one_line(contract)}; says {contract.origin}", facts=facts)


def _try_simulator() -> Finding:
    """The finding about the simulator's library, loaded but not put in AscendCL's place."""
    path = library_path()
    try:
        load_simulator(path)
    except RuntimeUnavailableError as error:
        return optional("simulator", str(error), _BASE_REMEDY)
    return optional(
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
