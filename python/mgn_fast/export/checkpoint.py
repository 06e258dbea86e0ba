# SPDX-License-Identifier: Apache-2.0
"""Checkpoint files: read without running what is in them, checked against MGN's parameters.

Imports torch, so nothing may import it before torch is needed.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mgn_fast.common.files import read_limited
from mgn_fast.common.text import printable
from mgn_fast.errors import ExportError
from mgn_fast.export.families import FAMILIES, TRUNK, Design, design_of
from mgn_fast.export.network import parameter_shapes
from mgn_fast.export.stored import load_stored
from mgn_fast.export.wrappings import network_in
from mgn_fast.models.parts import PARTS
from mgn_fast.types import AnyArray, PathLike

# MGN takes 267 MB, about 1.1 GB with an optimizer's state in float32.
_MAX_BYTES = 4 << 30
# The names are the file's, so there may be any number of them, and they may be anything.
_MAX_LISTED = 5
_MAX_NAME = 160
_FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
_HEADS = "fc_id_"
_COUNTER = ".num_batches_tracked"
# fast-reid's MGN calls its branches' ends so.
_FAST_REID = re.compile(r"(^|\.)b\d+_head\.(bottleneck|pool_layer)\.")
# After a branch's first block, which the branches share.
_BLOCKS = 5
_ADOPT = "mgn-fast adopt MODEL.onnx -o OUT.onnx"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """MGN's parameters as a checkpoint file holds them, with their hash.

    Attributes:
        parameters: arrays by this package's names, everything that the design has; float32,
            counters int64.
        design: which MGN it is; its pool is None where the file does not say.
        sha256: of the parameters that the embedding uses, in hexadecimal.
    """

    parameters: dict[str, AnyArray]
    design: Design
    sha256: str


def read_checkpoint(path: PathLike) -> Checkpoint:
    """Reads MGN's parameters from a file of torch.save or safetensors, whatever its name ends in.

    Its tensors lie in it bare or under any key, with any prefix before their names: DataParallel,
    torch.compile, Lightning and averages write them so. float16, bfloat16 and float64 become
    float32. Batch norms' counters may be missing, and so may the classifiers, which no embedding
    uses. The file is never unpickled without `weights_only`.

    Args:
        path: the file.

    Returns:
        Its parameters, the MGN that they are of, and their hash.

    Raises:
        ExportError: the file is missing, damaged, of another kind or of another network; the
            message says how many parameters are missing, unexpected or unusable, and the first.
    """
    source = Path(path)
    remedy = "save the network's state dict alone"
    content = read_limited(source, _MAX_BYTES, ExportError, what="checkpoint", remedy=remedy)
    tensors = network_in(str(source), load_stored(str(source), content), _known_names())
    _require_no_fast_reid(source, tensors)
    design = design_of(_shapes(tensors))
    ours = {_here(name, design): tensor for name, tensor in tensors.items()}
    parameters = _checked(source, ours, design)
    if not _has_heads(parameters):
        design = replace(design, num_identities=None)
        parameters = {n: x for n, x in parameters.items() if not n.startswith(_HEADS)}
    return Checkpoint(parameters, design, weights_sha256(parameters))


def weights_sha256(parameters: Mapping[str, AnyArray]) -> str:
    """SHA-256 of what an embedding is made of: the same for every file that holds it.

    Over name, shape and little-endian float32 of each parameter, sorted by name, without counters
    and classifiers.

    Args:
        parameters: arrays by this package's names.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name in sorted(parameters):
        if not name.endswith(_COUNTER) and not name.startswith(_HEADS):
            array = parameters[name]
            digest.update(f"{name} {list(array.shape)}\n".encode())
            digest.update(np.ascontiguousarray(array, "<f4").data)
    return digest.hexdigest()


@functools.cache
def _known_names() -> frozenset[str]:
    """What any family's files call their parameters."""
    return frozenset(
        design.in_file(name) for design in FAMILIES for name in parameter_shapes(design)
    )


def _shapes(tensors: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(x.shape) for name, x in tensors.items() if isinstance(x, torch.Tensor)}


def _here(name: str, design: Design) -> str:
    trunk = f"{design.trunk}."
    return f"{TRUNK}.{name[len(trunk) :]}" if name.startswith(trunk) else name


def _has_heads(parameters: Mapping[str, AnyArray]) -> bool:
    return all(f"{part.head}.{kind}" in parameters for part in PARTS for kind in ("weight", "bias"))


def _require_no_fast_reid(source: Path, tensors: Mapping[str, Any]) -> None:
    if any(_FAST_REID.search(name) for name in tensors):
        raise ExportError(
            f"checkpoint {str(source)!r} is of fast-reid's MGN, another network under the same "
            "name; export it with fast-reid's own tools/deploy/onnx_export.py, and then: "
            f"{_ADOPT} --contract fast-reid-mgn"
        )


def _checked(source: Path, tensors: Mapping[str, Any], design: Design) -> dict[str, AnyArray]:
    """The arrays, or one error that says what is wrong with the tensors."""
    shapes = parameter_shapes(design)
    optional = {name for name in shapes if name.endswith(_COUNTER) or name.startswith(_HEADS)}
    parameters: dict[str, AnyArray] = {}
    wrong: list[str] = []
    for name, shape in shapes.items():
        if name not in tensors:
            if name.endswith(_COUNTER):
                parameters[name] = np.zeros((), np.int64)
            continue
        array, fault = _as_array(tensors[name], shape, counter=name.endswith(_COUNTER))
        # The root of a negative variance would make every output NaN.
        if array is not None and name.endswith(".running_var") and (array < 0).any():
            fault = f"has the negative variance {array.min()}"
        if fault:
            wrong.append(f"{name} {fault}")
        elif array is not None:
            parameters[name] = array
    missing = [name for name in shapes if name not in tensors and name not in optional]
    unexpected = [name for name in tensors if name not in shapes]
    faults = [
        f"{len(names)} {kind}, {_listed(names, design)}"
        for kind, names in (
            (f"of {len(shapes)} missing", missing),
            ("unexpected", unexpected),
            ("unusable", wrong),
        )
        if names
    ]
    if faults:
        identities = design.num_identities
        sized = "" if identities is None else f" with {identities} identities"
        raise ExportError(
            f"checkpoint {str(source)!r} is not of the network of {design.title}{sized}: "
            f"{'; '.join(faults)}{_likely_reason(tensors, len(missing) / len(shapes))}"
        )
    return parameters


def _listed(names: list[str], design: Design) -> str:
    """The first names, as the file has them."""
    first = ", ".join(printable(design.in_file(name)[:_MAX_NAME]) for name in names[:_MAX_LISTED])
    return f"first {first}" if len(names) > _MAX_LISTED else first


def _likely_reason(tensors: Mapping[str, Any], share_missing: float) -> str:
    """What the names say of the network that it is instead; "" where they say nothing."""
    found = [re.match(r"p1\.0\.(\d+)\.", name) for name in tensors]
    depth = max((int(match[1]) + 1 for match in found if match), default=0)
    if any(".IN." in name for name in tensors):
        reason = "its norms are IBN's"
    elif depth > _BLOCKS:
        reason = f"it has {depth} blocks where ResNet-50 has {_BLOCKS}"
    elif share_missing > 1 / 2:
        reason = "it is no MGN"
    else:
        return ""
    return f". By its names {reason}: export it to ONNX with its own code, and then: {_ADOPT}"


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
