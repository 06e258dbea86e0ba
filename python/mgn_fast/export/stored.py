# SPDX-License-Identifier: Apache-2.0
"""A checkpoint file's bytes to what is stored in them, without running any of it.

The first bytes say what a file is; its name says nothing. Imports torch, so nothing may import it
before torch is needed.
"""

from __future__ import annotations

import io
import pickle
import re
import warnings
import zipfile
from collections import OrderedDict
from typing import Any

import safetensors
import safetensors.torch
import torch

from mgn_fast.common.text import printable
from mgn_fast.errors import ExportError

# Older ones can be made to run code by a crafted file even with weights_only=True
# (CVE-2025-32434, CVE-2026-24747).
_OLDEST_SAFE_TORCH = (2, 10)
_MAX_NAME = 160
_SAVE_ALONE = "save the network's weights alone: torch.save(net.state_dict(), 'weights.pt')"


class _Unread:
    """Stands for an object that is no tensor: nothing of it is kept, and no code of it runs."""

    def __new__(cls, *_arguments: Any) -> _Unread:
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        pass


# What training scripts put beside their weights. None of them is imported or called: NumPy's own
# types can be made to read memory that is not theirs by a crafted dtype.
_UNREAD = (
    "argparse.Namespace",
    *(f"datetime.{name}" for name in ("date", "datetime", "timedelta")),
    *(f"numpy.{core}.multiarray.scalar" for core in ("core", "_core")),
    *(f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core")),
    "numpy.dtype",
    "numpy.ndarray",
    *(
        f"{module}.{name}"
        for module in ("pathlib", "pathlib._local")
        for name in ("Path", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath")
    ),
    "torch.torch_version.TorchVersion",
    "types.SimpleNamespace",
    # What a defaultdict makes.
    *(f"builtins.{name}" for name in ("dict", "float", "int", "list", "str")),
)
# Dictionaries with attributes, in which settings are kept.
_DICTIONARIES = (
    "easydict.EasyDict",
    "lightning.fabric.utilities.data.AttributeDict",
    "lightning_fabric.utilities.data.AttributeDict",
    "pytorch_lightning.utilities.parsing.AttributeDict",
    "yacs.config.CfgNode",
)


def _dictionary(*_arguments: Any) -> dict[Any, Any]:
    return {}


_HARMLESS: list[Any] = [
    (_dictionary, "collections.defaultdict"),
    *((_Unread, name) for name in _UNREAD),
    *((OrderedDict, name) for name in _DICTIONARIES),
]


def load_stored(name: str, content: bytes) -> Any:
    """What a checkpoint file holds: tensors in dictionaries, mostly.

    Objects beside the tensors that are known to be harmless come back empty.

    Args:
        name: of the file, for messages.
        content: all of its bytes.

    Returns:
        The object that was saved.

    Raises:
        ExportError: damaged, of another kind, or with objects that loading could run as code.
    """
    # safetensors begins with its header's length, and the header is JSON.
    if content[8:9] == b"{":
        return _load_safetensors(name, content)
    if content.startswith(b"PK\x03\x04"):
        _require_checkpoint_in_zip(name, content)
    elif not content.startswith(b"\x80"):
        begins = f"begins with {content[:24]!r}" if content else "is empty"
        raise ExportError(
            f"checkpoint {name!r} {begins} ({len(content)} bytes): no file of torch.save or "
            "safetensors; is it the whole file, unpacked, and not its download page?"
        )
    return _load_pickle(name, content)


def _load_safetensors(name: str, content: bytes) -> dict[str, Any]:
    try:
        return dict(safetensors.torch.load(content))
    except (safetensors.SafetensorError, KeyError, ValueError, RuntimeError) as error:
        reason = printable(str(error)[:300])
        raise ExportError(
            f"checkpoint {name!r} is damaged: its safetensors header does not fit it: {reason}"
        ) from error


def _require_checkpoint_in_zip(name: str, content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ExportError(
            f"checkpoint {name!r} is damaged ({len(content)} bytes): {error}; copy it again"
        ) from error
    if any(re.search(r"(^|/)code/", member) for member in names):
        raise ExportError(
            f"checkpoint {name!r} is a TorchScript program, which is not run here; where you trust "
            f"it: torch.save(torch.jit.load({name!r}).state_dict(), 'weights.pt')"
        )
    if not any(re.search(r"(^|/)data\.pkl$", member) for member in names):
        first = printable(names[0][:_MAX_NAME]) if names else "nothing"
        raise ExportError(
            f"checkpoint {name!r} is a zip archive of {first} and others without data.pkl: not of "
            f"torch.save; {_SAVE_ALONE}"
        )


def _load_pickle(name: str, content: bytes) -> Any:
    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    if version < _OLDEST_SAFE_TORCH:
        raise ExportError(
            f"torch is {torch.__version__}, which a crafted checkpoint can attack; expected 2.10 "
            "or newer: pip install 'torch>=2.10', or save the weights as safetensors"
        )
    try:
        with torch.serialization.safe_globals(_HARMLESS), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the pickle's protocol
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ExportError(f"checkpoint {name!r} {_obstacle(str(error))}; {_SAVE_ALONE}") from error
    # A damaged file fails in as many ways as the unpickler has branches; none is retried.
    except Exception as error:
        reason = printable(str(error).partition("\n")[0][:200])
        raise ExportError(
            f"checkpoint {name!r} is damaged, or not of torch.save ({len(content)} bytes): "
            f"{type(error).__name__}: {reason}"
        ) from error


def _obstacle(reason: str) -> str:
    """What torch's careful loader stopped at, without its advice to load carelessly."""
    found = re.search(r"GLOBAL (\S+)", reason)
    if found:
        return f"holds {printable(found[1][:_MAX_NAME])}, which loading could run as code: refused"
    # One sentence, after a mark or a blank line, between explanations.
    met = re.search(r"(?:error:|\n\n)\s*(\S.*)", reason)
    words = printable((met[1] if met else reason)[:_MAX_NAME])
    return f"is refused by torch's loader of tensors alone ({words})"
