# SPDX-License-Identifier: Apache-2.0
"""Switches the simulator on and off, tells what it saw, and makes calls fail. Any thread."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import json
import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from mgn_fast import _core
from mgn_fast.common.checks import one_of, whole_number
from mgn_fast.errors import InvalidInputError
from mgn_fast.simulator import library
from mgn_fast.simulator.executor import OnnxExecutor

Compute = Literal["onnx", "deterministic"]
RunMode = Literal["host", "device"]
OnViolation = Literal["error", "abort"]
When = Literal["now", "sync"]

# Whose times are published; see cpp/simulator/devices/profile.h.
TIMED_SOC_VERSION = "Ascend310P3"

# The last of those in cpp/simulator/core/generations.cpp.
NEWEST_CANN = "9.1"


@dataclass(frozen=True)
class TaskRecord:
    """One task that a stream ran, times in seconds since the trace began.

    Attributes:
        name: of the call that queued it.
        engine: "copy_in", "copy_out", "compute" or "none".
        device: number of the device.
        stream: number of the stream; 0 for a call that waited for its own task.
        code: what it ended with; 0 is success.
        start_s: when it began, in model time.
        end_s: when it ended, in model time.
        done_s: when the host could see that.
        note: such as "batch 8".
    """

    name: str
    engine: str
    device: int
    stream: int
    code: int
    start_s: float
    end_s: float
    done_s: float
    note: str


class _Enabled:
    """Objects that the library holds pointers to while the simulator is on."""

    def __init__(self) -> None:
        self.is_on = False
        self.settings: dict[str, Any] = {}
        self.executor: OnnxExecutor | None = None
        self.callback: Any = None  # keeps the C function alive while the library may call it


_state = _Enabled()


def enable(
    soc_version: str = "Ascend310P3",
    *,
    timing: bool = True,
    compute: Compute = "onnx",
    run_mode: RunMode = "host",
    on_violation: OnViolation = "error",
    device_count: int = 1,
    guard: bool | None = None,
    copy_in_bytes_per_s: float | None = None,
    copy_out_bytes_per_s: float | None = None,
    compute_slowdown: float = 1.0,
    jitter: float = 0.0,
    task_delay_s: float = 0.0,
    seed: int = 0,
    memory_bytes: int = 21 << 30,
    streams_per_device: int | None = None,
    events_per_device: int | None = None,
    calls_missing: Sequence[str] = (),
    cann: str = NEWEST_CANN,
) -> None:
    """Makes the ascend backend use the simulator instead of an NPU.

    Ledger and faults start empty. Enabling again changes the settings; no session may be open.

    Args:
        soc_version: what the device says it is; a .om must have been written for it. The kind of
            chip decides on the memory it has, DDR or HBM, on how many streams and events, and on
            whether streams can be aborted (not on a 310, 310P, 310B or 910).
        timing: whether tasks take the time they take on an Ascend 310P; False is as fast as it
            goes. There are times for "Ascend310P3" only.
        compute: "onnx" runs the ONNX that the .om carries, "deterministic" the stand-in.
        run_mode: "host" is a card with memory of its own, which the host cannot touch; "device" a
            board on which host and device share memory.
        on_violation: what a call does that the real runtime leaves undefined: "error" or "abort".
        device_count: devices there are, 0 to 64.
        guard: whether the pages of pinned buffers in flight are protected against the host, so that
            touching them is a violation. It costs a copy 5 to 40 us; None is what `timing` is.
        copy_in_bytes_per_s: rate from host to device; None is 10e9, an assumption.
        copy_out_bytes_per_s: rate from device to host; None likewise.
        compute_slowdown: how many times as long as published computing takes, 0 to a million.
        jitter: share of each task's time that varies at random, 0 to 1.
        task_delay_s: every task waits up to this long at random.
        seed: of both.
        memory_bytes: of each device.
        streams_per_device: streams there can be at once; None is what such a chip has.
        events_per_device: recorded events there can be at once; None likewise.
        calls_missing: functions that answer as if the library were too old for them.
        cann: the generation of CANN, "5.1.RC1", "6.0", "6.3", "7.0", "8.0", "8.5" or "9.1". What
            came later is missing as `calls_missing` is, and flags of events are unknown that came
            later.

    Raises:
        InvalidInputError: a setting is not among the above, or AscendCL is in use.
        RuntimeUnavailableError: the simulator's library cannot be loaded.
    """
    one_of("compute", compute, get_args(Compute))
    one_of("run_mode", run_mode, get_args(RunMode))
    one_of("on_violation", on_violation, get_args(OnViolation))
    if timing and soc_version != TIMED_SOC_VERSION:
        raise InvalidInputError(
            f"soc_version is {soc_version!r}, times are published for {TIMED_SOC_VERSION!r} only; "
            "pass timing=False for any other"
        )
    settings = {
        "soc_version": soc_version,
        "timing": _yes_no(timing),
        "compute": compute,
        "run_mode": run_mode,
        "on_violation": on_violation,
        "device_count": whole_number("device_count", device_count, 0),
        "guard": _yes_no(timing if guard is None else guard),
        "copy_in_bytes_per_s": copy_in_bytes_per_s or 0.0,
        "copy_out_bytes_per_s": copy_out_bytes_per_s or 0.0,
        "compute_slowdown": compute_slowdown,
        "jitter": jitter,
        "task_delay_s": task_delay_s,
        "seed": seed,
        "memory_bytes": whole_number("memory_bytes", memory_bytes, 0),
        "calls_missing": ",".join(calls_missing),
        "cann": cann,
    }
    limits = {"streams_per_device": streams_per_device, "events_per_device": events_per_device}
    for name, limit in limits.items():
        if limit is not None:
            settings[name] = whole_number(name, limit, 0)
    _switch_on(settings)


def _switch_on(settings: dict[str, Any]) -> None:
    text = "\n".join(f"{key}={value}" for key, value in settings.items())
    if text.count("\n") != len(settings) - 1 or ";" in text:
        raise InvalidInputError(f"settings are {settings}, expected neither ';' nor line breaks")
    simulator = library.load(library.library_path())
    _core.ascend_stop()
    library.check(simulator.mgnsim_configure(text.encode()))
    _withdraw_executor()
    simulator.mgnsim_reset_faults()
    simulator.mgnsim_reset_ledger()
    simulator.mgnsim_slow_stream(0.0)
    _core.ascend_use_library(str(library.library_path()))
    if settings["compute"] == "onnx":
        _state.executor = OnnxExecutor()
        _state.callback = library.ExecutorFunction(_state.executor.run)
        simulator.mgnsim_set_executor(ctypes.cast(_state.callback, ctypes.c_void_p))
    _state.is_on = True
    _state.settings = settings


@contextlib.contextmanager
def reconfigured(**settings: Any) -> Iterator[None]:
    """A block with other settings; nothing changes where the simulator is off.

    No session may be open at either end. The ledger starts anew at both.

    Args:
        settings: "compute", "timing" or "guard", as `enable` takes them.

    Yields:
        Nothing.
    """
    if not _state.is_on:
        yield
        return
    before = _state.settings
    texts = {
        name: _yes_no(value) if isinstance(value, bool) else value
        for name, value in settings.items()
    }
    _switch_on(before | texts)
    try:
        yield
    finally:
        _switch_on(before)


def disable() -> None:
    """Ends the use of the simulator; the ascend backend searches for a real library again.

    Raises:
        InvalidInputError: a session is open on it.
    """
    if not _state.is_on:
        return
    _core.ascend_stop()
    _core.ascend_use_library("")
    _withdraw_executor()
    simulator = library.load(library.library_path())
    simulator.mgnsim_reset_faults()
    simulator.mgnsim_slow_stream(0.0)
    _state.is_on = False


@atexit.register
def _withdraw_executor() -> None:
    """Waits until no stream is inside Python; afterwards none comes in."""
    if _state.callback is None:
        return
    library.load(library.library_path()).mgnsim_set_executor(None)
    _state.executor = None
    _state.callback = None


def ledger() -> dict[str, Any]:
    """What the simulator saw since it was enabled, in this process.

    Returns:
        A dict with "live" (how many objects of each kind there are: "context", "stream", "event",
        "device_memory", "pinned_memory", "model", "description", "dataset", "data_buffer",
        "tensor_description", "aipp", "config" and what DVPP and operators are described by; {}
        where nothing is left), "created" (how many there ever were), "live_bytes" (of the kinds
        that have a size), "violations" (dicts of "call", "rule" and "detail"), "violation_counts"
        (of each rule), "calls" (of each function) and "init" (how often AscendCL was initialised).
    """
    seen = library.read_json(_simulator().mgnsim_ledger)
    seen["live"] = {kind: count for kind, count in seen["live"].items() if count}
    return seen


def reset_ledger() -> None:
    """Forgets violations and counts of the past; live objects stay."""
    _simulator().mgnsim_reset_ledger()


def fail(call: str, nth: int, code: int, *, when: When = "now") -> None:
    """Makes a call that is still to come return an error.

    A function that releases something releases it all the same, any other has no effect.

    Args:
        call: name of an AscendCL function, or "*" for whichever is called.
        nth: which call from now on, from 1; each is failed once.
        code: what it returns, not 0. A function that returns a pointer returns null instead.
        when: "now", or "sync": the call succeeds and its task fails at the next synchronise.

    Raises:
        InvalidInputError: no function has that name, `nth` is below 1, or `code` is 0.
    """
    one_of("when", when, get_args(When))
    nth = whole_number("nth", nth, 1)
    if not 0 < abs(operator.index(code)) < 1 << 31:
        raise InvalidInputError(f"code is {code}, expected an error code, which is never 0")
    simulator = _simulator()
    library.check(simulator.mgnsim_fail(call.encode(), nth, code, when.encode()))


def reset_faults() -> None:
    """Forgets the faults that `fail` asked for and that did not happen yet."""
    _simulator().mgnsim_reset_faults()


def lose_device(device: int = 0) -> None:
    """Takes a device off the bus: what is queued on it fails, and so does every later call.

    It comes back when it is reset and AscendCL initialised again.

    Args:
        device: its number.

    Raises:
        InvalidInputError: the number is negative.
    """
    _simulator().mgnsim_lose_device(whole_number("device", device, 0, (1 << 32) - 1))


def slow_stream(seconds: float) -> None:
    """Makes every further task take longer, so that timeouts expire.

    Args:
        seconds: how much longer; 0 ends it.

    Raises:
        InvalidInputError: the time is negative or not finite.
    """
    if not (math.isfinite(seconds) and seconds >= 0):
        raise InvalidInputError(f"seconds is {seconds}, expected 0 or more")
    _simulator().mgnsim_slow_stream(seconds)


@contextlib.contextmanager
def trace() -> Iterator[list[TaskRecord]]:
    """Records the tasks that streams run during the block.

    Yields:
        A list that holds the records, in order of completion, once the block has ended.
    """
    simulator = _simulator()
    records: list[TaskRecord] = []
    simulator.mgnsim_trace_start()
    try:
        yield records
    finally:
        simulator.mgnsim_trace_stop()
        lines = library.read_text(simulator.mgnsim_trace).splitlines()
        records += [TaskRecord(**json.loads(line)) for line in lines]


def _simulator() -> ctypes.CDLL:
    return library.load(library.library_path())


def _yes_no(value: bool) -> str:  # noqa: FBT001 (only spelled out)
    return "true" if value else "false"
