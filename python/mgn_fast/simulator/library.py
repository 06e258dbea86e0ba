# SPDX-License-Identifier: Apache-2.0
"""The simulator's shared library and its control functions, through ctypes. Any thread."""

from __future__ import annotations

import ctypes
import functools
import json
import sys
from pathlib import Path
from typing import Any

from mgn_fast.errors import InvalidInputError, RuntimeUnavailableError

NAME = "libascendcl.so"


class ExecutorTensor(ctypes.Structure):
    """One tensor as the executor sees it; laid out as in cpp/simulator/execution/executor.h."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("data_type", ctypes.c_int32),
        ("num_dims", ctypes.c_int32),
        ("dims", ctypes.c_int64 * 8),
        ("data", ctypes.c_void_p),
        ("bytes", ctypes.c_uint64),
    )


ExecutorFunction = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_uint64,
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.POINTER(ExecutorTensor),
    ctypes.c_int32,
    ctypes.POINTER(ExecutorTensor),
    ctypes.c_int32,
)


def library_path() -> Path:
    """The simulator's libascendcl.so, to be loaded in place of the vendor's.

    Returns:
        Its path inside the installed package.
    """
    # An editable install has what is compiled in a folder of its own.
    folders = [Path(folder) for folder in sys.modules[__package__].__path__]
    found = [folder / NAME for folder in folders if (folder / NAME).is_file()]
    return found[0] if found else Path(__file__).parent / NAME


@functools.cache
def load(path: Path) -> ctypes.CDLL:
    """The simulator's library with its control functions' types declared; never unloaded.

    Args:
        path: the library file.

    Returns:
        The loaded library; the same one each time.

    Raises:
        RuntimeUnavailableError: the file is missing, cannot be loaded or is no simulator.
    """
    try:
        library = ctypes.CDLL(str(path))
        is_simulator = library.mgnsim_is_simulator
    except (OSError, AttributeError) as error:
        raise RuntimeUnavailableError(
            f"the simulator {str(path)!r} cannot be used: {error}; expected the library that "
            "mgn_fast installs; reinstall with: pip install --force-reinstall mgn-fast"
        ) from error
    is_simulator.restype = ctypes.c_int
    _declare(library)
    return library


def _declare(library: ctypes.CDLL) -> None:
    text, number, size = ctypes.c_char_p, ctypes.c_uint64, ctypes.c_size_t
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "mgnsim_configure": (text, [text]),
        "mgnsim_generations": (size, [ctypes.c_void_p, size]),
        "mgnsim_ledger": (size, [ctypes.c_void_p, size]),
        "mgnsim_trace": (size, [ctypes.c_void_p, size]),
        "mgnsim_fail": (text, [text, number, ctypes.c_int32, text]),
        "mgnsim_reset_faults": (None, []),
        "mgnsim_reset_ledger": (None, []),
        "mgnsim_lose_device": (None, [ctypes.c_uint32]),
        "mgnsim_slow_stream": (None, [ctypes.c_double]),
        "mgnsim_trace_start": (None, []),
        "mgnsim_trace_stop": (None, []),
        "mgnsim_set_executor": (None, [ctypes.c_void_p]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments


def check(error: bytes | None) -> None:
    """Raises InvalidInputError with a control function's answer; None is success."""
    if error is not None:
        raise InvalidInputError(error.decode(errors="replace"))


def read_text(function: Any) -> str:
    """The whole text that a function of (buffer, capacity) writes; it gives the bytes needed."""
    capacity = 1 << 16
    while True:
        buffer = ctypes.create_string_buffer(capacity)
        needed = int(function(buffer, capacity))
        if needed <= capacity:
            return buffer.value.decode(errors="replace")
        capacity = 2 * needed  # it may have grown in between


def read_json(function: Any) -> dict[str, Any]:
    """The JSON object that a control function writes, parsed; see `read_text`."""
    parsed: dict[str, Any] = json.loads(read_text(function))
    return parsed
