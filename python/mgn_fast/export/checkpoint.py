# SPDX-License-Identifier: Apache-2.0
"""Checkpoint files: read without running what is in them, checked against MGN's parameters.

Imports torch, so nothing may import it before torch is needed.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch

from mgn_fast.common.files import read_limited
from mgn_fast.errors import ExportError
from mgn_fast.export.network import NUM_IDENTITIES, parameter_shapes
from mgn_fast.models.parts import PARTS
from mgn_fast.types import AnyArray, PathLike

SUFFIXES = (".pt", ".pth", ".safetensors")

# Older ones can be made to run code by a crafted file even with weights_only=True
# (CVE-2025-32434, CVE-2026-24747).
_OLDEST_SAFE_TORCH = (2, 10)
# MGN takes 267 MB, about 1.1 GB with an optimizer's state in float32.
_MAX_BYTES = 4 << 30
# A message lists every faulty parameter of any network like MGN, which has 640; but the names are
# the file's, so there may be more, and they may be anything.
_MAX_LISTED = 1000
_MAX_NAME = 160
_FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """MGN's parameters as a checkpoint file holds them, with the file's hash.

    Attributes:
        parameters: arrays by state-dict name, all 640; float32, counters int64.
        num_identities: width of the classifier heads.
        sha256: of the whole file, in hexadecimal.
    """

    parameters: dict[str, AnyArray]
    num_identities: int
    sha256: str


def read_checkpoint(path: PathLike) -> Checkpoint:
    """Reads MGN's parameters from a .pt, .pth or .safetensors file.

    A .pt or .pth holds a state dict, bare or under the key "state_dict" or "model"; the prefix
    "module." on every name, as DataParallel writes it, is taken off. float16, bfloat16 and float64
    become float32. Batch norms' counters may be missing: inference does not use them. The file is
    never unpickled without `weights_only`.

    Args:
        path: the file.

    Returns:
        Its parameters, the number of identities they were trained on, and the file's hash.

    Raises:
        ExportError: the file is missing, damaged, of another kind or of another network; the
            message lists every parameter that is missing, unexpected, misshapen, of another type or
            not finite.
    """
    source = Path(path)
    content = _read(source)
    if source.suffix == ".safetensors":
        loaded = _load_safetensors(source, content)
    else:
        loaded = _load_pickle(source, content)
    tensors = _without_prefix(_state_dict(source, loaded))
    num_identities = _num_identities(tensors)
    parameters = _checked(source, tensors, num_identities)
    return Checkpoint(parameters, num_identities, hashlib.sha256(content).hexdigest())


def _read(source: Path) -> bytes:
    """The whole file at once, so that the hash is of the very bytes that are loaded."""
    if source.suffix not in SUFFIXES:
        raise ExportError(
            f"checkpoint {str(source)!r} has the suffix {source.suffix!r}, "
            f"expected one of {SUFFIXES}"
        )
    remedy = "save the network's state dict alone"
    return read_limited(source, _MAX_BYTES, ExportError, what="checkpoint", remedy=remedy)


def _load_safetensors(source: Path, content: bytes) -> dict[str, Any]:
    try:
        return dict(safetensors.torch.load(content))
    except (safetensors.SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise ExportError(f"checkpoint {str(source)!r} is no safetensors file: {error}") from error


def _load_pickle(source: Path, content: bytes) -> Any:
    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    if version < _OLDEST_SAFE_TORCH:
        raise ExportError(
            f"torch is {torch.__version__}, which a crafted {source.suffix} file can attack; "
            "expected 2.10 or newer: pip install 'torch>=2.10', or save as .safetensors"
        )
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).strip()
        raise ExportError(
            f"checkpoint {str(source)!r} is refused: it is no plain file of tensors, or holds "
            "objects that loading could run as code; save the network's state_dict() alone, as .pt "
            f"or .safetensors. torch says: {reason[:600]}"
        ) from error
    # A damaged file fails in as many ways as the unpickler has branches; none is retried.
    except Exception as error:
        raise ExportError(
            f"checkpoint {str(source)!r} is damaged or no PyTorch file "
            f"({len(content)} bytes): {type(error).__name__}: {str(error)[:300]}"
        ) from error


def _state_dict(source: Path, loaded: Any) -> dict[str, Any]:
    for key in ("state_dict", "model"):
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
            break
    if not isinstance(loaded, Mapping) or not all(isinstance(name, str) for name in loaded):
        raise ExportError(
            f"checkpoint {str(source)!r} holds a {type(loaded).__name__}, expected a state dict: "
            'tensors by name, bare or under "state_dict" or "model"'
        )
    return dict(loaded)


def _without_prefix(tensors: dict[str, Any]) -> dict[str, Any]:
    prefix = "module."
    if all(name.startswith(prefix) for name in tensors):
        return {name[len(prefix) :]: tensor for name, tensor in tensors.items()}
    return tensors


def _num_identities(tensors: Mapping[str, Any]) -> int:
    """The heads' width, by majority; heads of another width are found misshapen afterwards."""
    weights = [tensors.get(f"{part.head}.weight") for part in PARTS]
    widths = [x.shape[0] for x in weights if isinstance(x, torch.Tensor) and x.ndim == 2]
    return max(1, max(widths, key=widths.count, default=NUM_IDENTITIES))


def _checked(source: Path, tensors: Mapping[str, Any], num_identities: int) -> dict[str, AnyArray]:
    """The arrays, or one error that lists everything wrong with the tensors."""
    shapes = parameter_shapes(num_identities)
    counters = {name for name in shapes if name.endswith(".num_batches_tracked")}
    parameters: dict[str, AnyArray] = {}
    wrong: list[str] = []
    for name, shape in shapes.items():
        if name in tensors:
            array, fault = _as_array(tensors[name], shape, counter=name in counters)
            # The root of a negative variance would make every output NaN.
            if array is not None and name.endswith(".running_var") and (array < 0).any():
                fault = f"has the negative variance {array.min()}"
            if fault:
                wrong.append(f"{name} {fault}")
            elif array is not None:
                parameters[name] = array
        elif name in counters:
            parameters[name] = np.zeros((), np.int64)
    missing = [name for name in shapes if name not in tensors and name not in counters]
    unexpected = [name for name in tensors if name not in shapes]
    faults = [
        _listed(f"{len(names)} {kind}", names)
        for kind, names in (("missing", missing), ("unexpected", unexpected), ("unusable", wrong))
        if names
    ]
    if faults:
        raise ExportError(
            f"checkpoint {str(source)!r} is not of ReID-MGN's network with {num_identities} "
            f"identities: {'; '.join(faults)}"
        )
    return parameters


def _as_array(tensor: Any, shape: tuple[int, ...], *, counter: bool) -> tuple[AnyArray | None, str]:
    """The tensor as int64 or float32, or what is wrong with it."""
    if not isinstance(tensor, torch.Tensor):
        return None, f"is a {type(tensor).__name__}, expected a tensor"
    # Before anything is converted: a few stored bytes may claim any shape.
    if tuple(tensor.shape) != shape:
        return None, f"has shape {list(tensor.shape)}, expected {list(shape)}"
    # Counters are not used; a network halved as a whole has them as floats.
    allowed = _INTEGERS + _FLOATS if counter else _FLOATS
    if tensor.dtype not in allowed or tensor.layout != torch.strided:
        kinds = ", ".join(str(dtype).removeprefix("torch.") for dtype in allowed)
        return None, f"is {tensor.layout} {tensor.dtype}, expected dense, one of {kinds}"
    if tensor.device.type != "cpu":
        return None, f"is on device {tensor.device}, expected stored values"
    if counter:
        return tensor.detach().to(torch.int64).numpy(), ""
    array: AnyArray = tensor.detach().to(torch.float32).contiguous().numpy()
    num_finite = np.count_nonzero(np.isfinite(array))
    if num_finite != array.size:
        num_others = array.size - num_finite
        return None, f"has {num_others} of {array.size} values not finite in float32"
    return array, ""


def _listed(what: str, names: list[str]) -> str:
    more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
    return f"{what}: {', '.join(name[:_MAX_NAME] for name in names[:_MAX_LISTED])}{more}"
