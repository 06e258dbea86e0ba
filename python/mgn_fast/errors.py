# SPDX-License-Identifier: Apache-2.0
"""The errors of this package. Each message shows the value and what was expected."""

from __future__ import annotations


class MgnError(Exception):
    """Base of all errors of this package."""


class InvalidInputError(MgnError, ValueError):
    """An argument's shape, dtype, range or value is not what the function takes."""


class RuntimeUnavailableError(MgnError, OSError):
    """A runtime library that the work needs was not found, or lacks functions."""


class DeviceError(MgnError, RuntimeError):
    """A call of the device's runtime failed.

    Attributes:
        call: the function that failed.
        code: its return code.
        detail: the runtime's own text, where it gave one.
    """

    def __init__(self, message: str, *, call: str = "", code: int = 0, detail: str = "") -> None:
        super().__init__(message)
        self.call = call
        self.code = code
        self.detail = detail


class DeviceMemoryError(DeviceError, MemoryError):
    """The call that failed was an allocation."""


class ModelError(MgnError, ValueError):
    """A model file cannot be used: missing, damaged, or not of the expected form."""


class CompileError(MgnError, RuntimeError):
    """The compiler from ONNX to .om failed."""


class ExportError(MgnError, ValueError):
    """A checkpoint cannot be exported, or the exported file does not reproduce it."""


class DatasetError(MgnError, ValueError):
    """A directory, list or file name is not what the dataset's format says."""


class DecodeError(MgnError, ValueError):
    """A picture cannot be decoded: missing, damaged, too large, or not a picture."""
