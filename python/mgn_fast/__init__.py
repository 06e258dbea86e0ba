# SPDX-License-Identifier: Apache-2.0
"""MGN person re-identification: pictures to embeddings to mAP, on Ascend NPUs and on any CPU.

Importing this package imports NumPy and the compiled core only; torch, onnx and onnxruntime are
imported by the functions that need them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _core, datasets, simulator
from .compile_om import compile_om
from .datasets import Dataset, load_dataset
from .distances import cosine_similarity, rank, squared_distance
from .embedder import Embedder
from .errors import (
    CompileError,
    DatasetError,
    DecodeError,
    DeviceError,
    DeviceMemoryError,
    ExportError,
    InvalidInputError,
    MgnError,
    ModelError,
    RuntimeUnavailableError,
)
from .evaluate import evaluate, evaluate_distances
from .export import export_onnx
from .images import resize_pack
from .open_session import open_session
from .rerank import rerank
from .types import Identities, Ranking, Report

if TYPE_CHECKING:
    from .gallery import Gallery

__version__: str = _core.build_info()["version"]


def build_info() -> dict[str, Any]:
    """How the compiled core was built.

    Returns:
        A dict with "version", "compiler", "cxx_standard", "pybind11", and "simd": the vector
        instructions in use here, "scalar", "neon", "avx2" or "avx512".

    Raises:
        InvalidInputError: MGN_FAST_SIMD names a level that this CPU does not have.
    """
    return _core.build_info() | {"simd": _core.simd_level()}


def __getattr__(name: str) -> Any:
    """Galleries are imported when they are first asked for: not everybody has one."""
    if name == "Gallery":
        from .gallery import Gallery

        return Gallery
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "CompileError",
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
    "Ranking",
    "Report",
    "RuntimeUnavailableError",
    "__version__",
    "build_info",
    "compile_om",
    "cosine_similarity",
    "datasets",
    "evaluate",
    "evaluate_distances",
    "export_onnx",
    "load_dataset",
    "open_session",
    "rank",
    "rerank",
    "resize_pack",
    "simulator",
    "squared_distance",
]
