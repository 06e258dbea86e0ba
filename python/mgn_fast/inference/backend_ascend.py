# SPDX-License-Identifier: Apache-2.0
"""Ascend NPUs behind the session's lanes: AscendCL through the compiled core.

A lane is one model instance on a stream of its own; the lanes of one device share the weights. The
input is memory that the device reads: what is written there is not copied again by the host.
"""

from __future__ import annotations

import atexit
import functools
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mgn_fast import _core
from mgn_fast.common.checks import whole_number
from mgn_fast.common.files import open_regular
from mgn_fast.common.observer import Stage
from mgn_fast.errors import (
    DeviceError,
    DeviceMemoryError,
    InvalidInputError,
    ModelError,
    ModelLoadError,
)
from mgn_fast.inference.backend import StageTime
from mgn_fast.models.om_file import HEADER_BYTES, MAGIC, is_header, read_contract, read_sidecar
from mgn_fast.models.presets import NOTHING_SAID, Statement
from mgn_fast.types import AnyArray, F32Array, PathLike

# A session that is closed waits so long for the batches in flight, then asks its devices to drop
# them, and waits one second more. Batches take milliseconds; Ctrl-C ends the first wait.
CLOSE_LIMIT_S = 2.0
FOREVER_S = 1e9
# What lies between the times of a batch.
_ON_A_CARD: tuple[Stage, ...] = ("h2d", "compute", "d2h")
_ON_A_BOARD: tuple[Stage, ...] = ("compute",)
# AscendCL's version in CANN 9.1, and what names of chips begin with; the first that fits counts.
_SAME_ARCHITECTURE_IS_ENOUGH = (1, 17)
_ARCHITECTURES = {
    "310P": ("Ascend310P",),
    "310B": ("Ascend310B",),
    "310": ("Ascend310",),
    "910B": ("Ascend910B", "Ascend910_93"),
    "910": ("Ascend910",),
}
# Calls that read the file.
_LOADING = ("aclmdlQuerySize", "aclmdlLoadFromFile", "aclmdlLoadFromFileWithMem")


class AscendModel:
    """An .om file opened on one device or several (a `backend.Model`).

    Attributes:
        shares_memory: CPU and NPU share their memory: an RC board; nothing is copied at all.
        weights_bytes: of one device's weights, which its lanes share; 0 where they cannot.
        device_bytes: taken of all its devices' memory together while it is open: weights, work
            memory and the lanes' buffers, without what the runtime takes for itself (as it does
            for models whose weights cannot be shared).
    """

    backend = "ascend"

    def __init__(
        self,
        path: PathLike,
        *,
        device: int | Sequence[int],
        lanes: int,
        batch_size: int | None,
        timed: bool = False,
        stated: Statement = NOTHING_SAID,
    ) -> None:
        self.path = Path(path)
        devices = _checked_devices(device, lanes)
        self.num_engines = len(devices)
        _start()
        _require_om(self.path)
        self.contract, output = stated.completed(lambda: read_contract(self.path))
        width = (self.contract and self.contract.embedding_width) or 0
        self._engines: list[_core.AscendEngine] = []
        self._num_given = 0
        try:
            for place, number in enumerate(devices):
                share = len(range(place, lanes, len(devices)))
                self._engines.append(
                    _open_engine(self.path, number, share, (output, width), timed=timed)
                )
            self._read_info(batch_size)
        except BaseException:
            self.close()
            raise

    @property
    def simulated(self) -> bool:
        """True on the simulator's devices."""
        return _core.ascend_is_simulated()

    def open_lane(self) -> AscendLane:
        """Another lane, on the next device in turn."""
        engine = self._engines[self._num_given % len(self._engines)]
        self._num_given += 1
        core = engine.take_lane()
        if core is None:
            raise InvalidInputError(f"all lanes of {self.path} are taken")
        return AscendLane(self, core)

    def close(self) -> None:
        """Ends the batches in flight and frees all memory of the devices."""
        try:
            until = time.monotonic() + CLOSE_LIMIT_S
            for engine in self._engines:
                engine.wait_idle(max(0.0, until - time.monotonic()))
        finally:
            _core.ascend_close(self._engines)

    def _read_info(self, batch_size: int | None) -> None:
        engine = self._engines[0]
        self.input_dtype: np.dtype[Any] = engine.input_dtype()
        self.input_shape = tuple(engine.input_shape())
        self.embedding_width = engine.embedding_width()
        self.output_widths = tuple(engine.output_widths())
        self.shares_memory = engine.shares_memory()
        self.weights_bytes = engine.weights_bytes()
        self.device_bytes: int | None = sum(engine.device_bytes() for engine in self._engines)
        sizes = tuple(engine.batch_sizes())
        if batch_size is not None and batch_size not in sizes:
            raise InvalidInputError(
                f"batch_size is {batch_size}; {self.path} was compiled for "
                + " or ".join(map(str, sizes))
            )
        self.batch_size = sizes[-1] if batch_size is None else batch_size
        self.batch_sizes = tuple(size for size in sizes if size <= self.batch_size)


class AscendLane:
    """A stream with its model instance and buffers (a `backend.BackendLane`)."""

    def __init__(self, model: AscendModel, core: _core.AscendLane) -> None:
        self._core: _core.AscendLane | None = core
        self._path = model.path
        self._batch_size = model.batch_size
        self._stages = _ON_A_BOARD if model.shares_memory else _ON_A_CARD

    @property
    def input(self) -> AnyArray:
        """The memory that the device reads; its base keeps it alive, also past the session."""
        return self._open().input()[: self._batch_size]

    def submit(self, count: int) -> AscendBatch:
        """Starts the first `count` pictures: copy in, execute, copy out on the lane's stream."""
        return AscendBatch(self._open().submit(count), self._stages)

    def idle(self) -> bool:
        """True when the stream is through with everything, so that the input is free again."""
        return self._open().idle()

    def require_alive(self) -> None:
        """Raises the DeviceError that the lane's stream was lost with, if it was."""
        self._open().require_alive()

    def close(self) -> None:
        """Lets go of the input; the model frees it, or the last view of it does."""
        self._core = None

    def _open(self) -> _core.AscendLane:
        core = self._core
        if core is None:
            raise InvalidInputError(f"the session of {self._path} is closed")
        return core


class AscendBatch:
    """A batch on a lane's stream (a `backend.BackendBatch`)."""

    def __init__(self, core: _core.AscendBatch, stages: Sequence[Stage]) -> None:
        self._core = core
        self._stages = stages

    def done(self) -> bool:
        """True once the stream is through with the batch; does not wait."""
        return self._core.done()

    def wait(self, limit_s: float | None) -> bool:
        """Waits at most `limit_s` for the stream; True if it is through with the batch."""
        return self._core.wait(FOREVER_S if limit_s is None else min(limit_s, FOREVER_S))

    def embeddings(self) -> F32Array:
        """The batch's rows, in memory that belongs to the batch, not to the lane."""
        return self._core.embeddings()

    def stage_times(self) -> Sequence[StageTime]:
        """The copies and the execution with their waits for the device, if the model is timed."""
        times = self._core.times()
        return list(zip(self._stages, times, times[1:], strict=False))


def _checked_devices(device: int | Sequence[int], lanes: int) -> list[int]:
    devices = device if isinstance(device, (list, tuple)) else [device]
    numbers = [whole_number("device", number, 0, (1 << 31) - 1) for number in devices]
    if not 0 < len(set(numbers)) == len(numbers) <= lanes:
        raise InvalidInputError(
            f"device is {device!r} with {lanes} lanes, expected different devices, a lane for each"
        )
    return numbers


def _require_om(path: Path) -> None:
    """Raises before a device is touched if no runtime could load the file."""
    try:
        with open_regular(path) as file:
            head = file.read(HEADER_BYTES)
    except OSError as error:
        raise ModelError(f"model {str(path)!r} cannot be read: {error.strerror}") from error
    if not is_header(head):
        raise ModelError(
            f"model {str(path)!r} starts with {head[:4]!r} and has "
            f"{'at least ' if len(head) == HEADER_BYTES else ''}{len(head)} bytes, expected an "
            f".om file: {MAGIC!r} and a header of {HEADER_BYTES} bytes"
        )


def _start() -> None:
    _core.ascend_start()
    _leave_at_exit()


@functools.cache
def _leave_at_exit() -> None:
    """Registers the exit hook once, at first use: before the hooks of earlier imports run."""
    atexit.register(_core.ascend_leave)


def _open_engine(
    path: Path, device: int, lanes: int, wanted: tuple[str, int], *, timed: bool
) -> _core.AscendEngine:
    """One device's engine; `wanted` is the embeddings' output and their width, "" and 0 unknown."""
    try:
        return _core.AscendEngine(os.fsencode(path), device, lanes, timed, *wanted)
    except DeviceMemoryError:
        raise
    except DeviceError as error:
        if error.call not in _LOADING:
            raise
        chips, is_other = _compared_chips(path)
        if not is_other and not _may_be_the_file(error.code):
            raise
        raise ModelLoadError(
            f"{str(path)!r} cannot be loaded: {chips}{error}",
            call=error.call,
            code=error.code,
            detail=error.detail,
        ) from error


def _may_be_the_file(code: int) -> bool:
    """True for the graph engine's codes, its catch-all, those of damaged files, and two more.

    Those two stand for a file that does not fit the chip as well as for the driver.
    """
    return (
        code // 1000 in (145, 545) or 100003 <= code <= 100016 or code in (500002, 507008, 507009)
    )


def _compared_chips(path: Path) -> tuple[str, bool]:
    """What the file was compiled for and what is here, as text; whether that is why it fails."""
    try:
        compiled_for = str((read_sidecar(path) or {}).get("soc_version") or "")
        here = _core.ascend_info()
    except (ModelError, DeviceError):
        return "", False
    device = here["soc_name"]
    if not device:
        return "", False
    if not compiled_for:
        return f"this device is {device}, nothing says what the file was compiled for; ", False
    if fits_chip(compiled_for, device, here["version"]):
        return f"it was compiled for {compiled_for}, this device is {device}; ", False
    return (
        f"it was compiled for {compiled_for} and this device is {device}; compile it for this "
        "one; ",
        True,
    )


def fits_chip(compiled_for: str, device: str, version: str) -> bool:
    """True if an .om for the one chip can run on the other.

    Args:
        compiled_for: the .om's `soc_version`.
        device: what AscendCL calls the chip that is here.
        version: AscendCL's, "1.17.0"; "" where it is not known.

    Returns:
        True for the same name, and from CANN 9.1 on for the same architecture.
    """
    if compiled_for == device:
        return True
    numbers = tuple(int(part) for part in re.findall(r"\d+", version))
    kinds = {_architecture(compiled_for), _architecture(device)}
    return numbers >= _SAME_ARCHITECTURE_IS_ENOUGH and len(kinds) == 1 and "" not in kinds


def _architecture(name: str) -> str:
    for architecture, begins in _ARCHITECTURES.items():
        if name.startswith(begins):
            return architecture
    return ""
