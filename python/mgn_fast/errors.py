# SPDX-License-Identifier: Apache-2.0
"""The errors of this package. Each message shows the value and what was expected."""

from __future__ import annotations

from collections.abc import Sequence


class MgnError(Exception):
    """Base class of every error that this package raises on purpose."""


class InvalidInputError(MgnError, ValueError):
    """An argument's shape, dtype, range or value is not what the function takes."""


class RuntimeUnavailableError(MgnError, OSError):
    """A runtime library that the work needs was not found, or lacks what it needs.

    Attributes:
        tried: what was looked for, each with why it would not do.
        missing: functions that the library lacks, or the library that it needs and that is not
            there.
    """

    def __init__(
        self, message: str, *, tried: Sequence[str] = (), missing: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.tried = tuple(tried)
        self.missing = tuple(missing)


class DeviceError(MgnError, RuntimeError):
    """A call of the NPU's runtime, AscendCL, returned an error code.

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
    """An allocation on the NPU, or of memory that it can copy from, failed."""


class ModelError(MgnError, ValueError):
    """A model file cannot be used: missing, damaged, or not of the expected form."""


class ModelLoadError(DeviceError, ModelError):
    """The device's runtime refused a model file: not an .om, damaged, or for another chip."""


class CompileError(MgnError, RuntimeError):
    """ATC, the compiler from ONNX to .om, failed or did not write what it said.

    Attributes:
        command: the compiler and its arguments.
        returncode: its exit status; minus the signal's number if one ended it, None if it was
            stopped here.
        log_path: the file with all that it printed; "" where there is none.
        codes: its error codes, the first one first.
    """

    def __init__(
        self,
        message: str,
        *,
        command: Sequence[str] = (),
        returncode: int | None = None,
        log_path: str = "",
        codes: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.command = tuple(command)
        self.returncode = returncode
        self.log_path = log_path
        self.codes = tuple(codes)


class ExportError(MgnError, ValueError):
    """A checkpoint cannot be exported, or the exported file does not reproduce it."""


class DatasetError(MgnError, ValueError):
    """A directory, list or file name is not what the dataset's format says."""


class DecodeError(MgnError, ValueError):
    """A picture cannot be decoded: missing, damaged, too large, or not a picture."""
