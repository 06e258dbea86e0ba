# SPDX-License-Identifier: Apache-2.0
"""MGN person re-identification: pictures to embeddings to mAP, on Ascend NPUs and on any CPU.

A bare import loads NumPy, the compiled core and the errors. Each name below loads its room when it
is first asked for; torch, onnx and onnxruntime are imported by the functions that need them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mgn_fast import _core
from mgn_fast.common import wiring
from mgn_fast.errors import (
    CompileError,
    DatasetError,
    DecodeError,
    DeviceError,
    DeviceMemoryError,
    ExportError,
    InvalidInputError,
    MgnError,
    ModelError,
    ModelLoadError,
    RuntimeUnavailableError,
)
from mgn_fast.types import Identities

if TYPE_CHECKING:
    from mgn_fast import datasets, simulator
    from mgn_fast.cann import compile_om
    from mgn_fast.datasets import Dataset, load_dataset
    from mgn_fast.embedding import Embedder
    from mgn_fast.evaluation import (
        Ranking,
        Report,
        cosine_similarity,
        evaluate,
        evaluate_distances,
        group,
        rank,
        rerank,
        squared_distance,
        verification_curve,
    )
    from mgn_fast.export import export_onnx
    from mgn_fast.gallery import Gallery
    from mgn_fast.inference import adopt, open_session
    from mgn_fast.models import Contract
    from mgn_fast.pictures import resize_pack

__version__: str = _core.build_info()["version"]

# Which room offers a name that is not loaded yet.
_ROOM_OF = {
    "Contract": "models",
    "Dataset": "datasets",
    "Embedder": "embedding",
    "Gallery": "gallery",
    "Ranking": "evaluation",
    "Report": "evaluation",
    "adopt": "inference",
    "compile_om": "cann",
    "cosine_similarity": "evaluation",
    "evaluate": "evaluation",
    "evaluate_distances": "evaluation",
    "export_onnx": "export",
    "group": "evaluation",
    "load_dataset": "datasets",
    "open_session": "inference",
    "rank": "evaluation",
    "rerank": "evaluation",
    "resize_pack": "pictures",
    "squared_distance": "evaluation",
    "verification_curve": "evaluation",
}
_ROOMS = {
    "bench",
    "cann",
    "common",
    "datasets",
    "doctor",
    "embedding",
    "evaluation",
    "export",
    "gallery",
    "inference",
    "models",
    "pictures",
    "quantize",
    "recipe_files",
    "report",
    "simulator",
    "verification",
}


def build_info() -> dict[str, Any]:
    """Version, compiler and vector instructions of the compiled core.

    Returns:
        A dict with "version", "compiler", "cxx_standard", "pybind11", "simd": the vector
        instructions in use here, "scalar", "neon", "avx2" or "avx512", and "bfloat16": whether
        re-ranking also uses the CPU's own products of bfloat16, which some of them have.

    Raises:
        InvalidInputError: MGN_FAST_SIMD names a level that this CPU does not have.
    """
    used = {"simd": _core.simd_level(), "bfloat16": _core.has_bfloat16_product()}
    return _core.build_info() | used


def _tuned_options(*arguments: Any, **options: Any) -> tuple[int, dict[str, Any]]:
    from mgn_fast.bench.tuning import automatic

    return automatic(*arguments, **options)


wiring.tuned_options = _tuned_options


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"mgn_fast.{name}")
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"mgn_fast.{_ROOM_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "CompileError",
    "Contract",
    "Dataset",
    "DatasetError",
    "DecodeError",
    "DeviceError",
    "DeviceMemoryError",
    "Embedder",
    "ExportError",
    "Gallery",
    "Identities",
    "InvalidInputError",
    "MgnError",
    "ModelError",
    "ModelLoadError",
    "Ranking",
    "Report",
    "RuntimeUnavailableError",
    "__version__",
    "adopt",
    "build_info",
    "compile_om",
    "cosine_similarity",
    "datasets",
    "evaluate",
    "evaluate_distances",
    "export_onnx",
    "group",
    "load_dataset",
    "open_session",
    "rank",
    "rerank",
    "resize_pack",
    "simulator",
    "squared_distance",
    "verification_curve",
]
