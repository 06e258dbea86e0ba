# SPDX-License-Identifier: Apache-2.0
"""What this installation can do: every part is tried, not just looked for."""

from __future__ import annotations

import importlib
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import _core, images
from .threads import thread_count

_BASE_REMEDY = "pip install --force-reinstall mgn-fast"
_EXTRAS = {"export": ("torch", "onnx", "safetensors"), "report": ("matplotlib", "jinja2")}


@dataclass(frozen=True)
class Finding:
    """One part of the installation.

    Attributes:
        what: the part.
        works: it was tried and does what it should.
        required: every command needs it.
        detail: versions, or what went wrong.
        remedy: the line that mends it; "" where nothing is wrong.
    """

    what: str
    works: bool
    required: bool
    detail: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Tries every part of the installation.

    Returns:
        One finding each; nothing is raised for a part that fails.
    """
    findings = [
        _try("python", lambda: f"{sys.version.split()[0]} on {platform.platform()}"),
        _try("core", _core_detail),
        _try("cores", lambda: f"{thread_count()} threads will be used"),
        _try("jpeg", _jpeg_detail),
        _try("other pictures", _opencv_detail),
        _try("onnxruntime", _onnxruntime_detail),
    ]
    for extra, modules in _EXTRAS.items():
        findings.append(_try_extra(extra, modules))
    return findings


def _try(what: str, work: Callable[[], str]) -> Finding:
    try:
        return Finding(what, works=True, required=True, detail=work())
    except Exception as error:
        detail = f"{type(error).__name__}: {error}"
        return Finding(what, works=False, required=True, detail=detail, remedy=_BASE_REMEDY)


def _try_extra(extra: str, modules: tuple[str, ...]) -> Finding:
    name = f"extra {extra}"
    try:
        versions = [f"{module} {importlib.import_module(module).__version__}" for module in modules]
    except Exception as error:
        remedy = f"pip install 'mgn-fast[{extra}]'"
        return Finding(name, works=False, required=False, detail=str(error), remedy=remedy)
    return Finding(name, works=True, required=False, detail=", ".join(versions))


def _core_detail() -> str:
    """A constant picture stays constant when resized; a damaged build would not keep it."""
    out = images.resize(np.full((3, 5, 3), 77, np.uint8))
    if not (out == 77).all():
        raise RuntimeError(f"resize turned 77 into {np.unique(out).tolist()}")
    info = _core.build_info()
    simd = f"{_core.simd_level()} of {', '.join(_core.simd_levels())}"
    return f"mgn_fast {info['version']}, g++ {info['compiler']}, kernels {simd}"


def _jpeg_detail() -> str:
    import simplejpeg

    grey = np.full((16, 16, 3), 128, np.uint8)
    pixels = images.decode(simplejpeg.encode_jpeg(grey, quality=90))
    if not (pixels == 128).all():
        raise RuntimeError(f"a grey JPEG came back with levels {np.unique(pixels).tolist()}")
    return f"simplejpeg {simplejpeg.__version__}"


def _opencv_detail() -> str:
    import cv2

    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    data = cv2.imencode(".png", red[..., ::-1])[1].tobytes()
    if not np.array_equal(images.decode(data), red):
        raise RuntimeError("a red PNG did not come back red")
    return f"opencv {cv2.__version__}"


def _onnxruntime_detail() -> str:
    import onnxruntime

    providers = onnxruntime.get_available_providers()
    if "CPUExecutionProvider" not in providers:
        raise RuntimeError(f"providers are {providers}, expected CPUExecutionProvider")
    return f"onnxruntime {onnxruntime.__version__}, {', '.join(providers)}"
