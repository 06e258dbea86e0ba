# SPDX-License-Identifier: Apache-2.0
"""An AscendCL library that needs no NPU: what the ascend backend runs on in tests.

`enable()` makes the ascend backend use it, before that backend is first used. Other programs, in
C++ too, load the same file (`library_path()`) in place of the vendor's libascendcl.so; they set it
up with the environment variable MGN_FAST_SIMULATOR, "key=value" pairs separated by ";":

    MGN_FAST_SIMULATOR="run_mode=device;timing=false;on_violation=abort"

The keys are the arguments of `enable`, and so are meanings and defaults. `timing` and `guard` are
true or false (or 1 and 0), `calls_missing` takes names separated by commas, and a rate of 0 is the
default one. `cann=5.1.RC1` is a library of that generation: a function that came later answers
207000, because nothing can hide it from a linker; `mgnsim_is_missing("aclrtStreamQuery")` tells,
and the ascend backend asks. What cannot be read makes aclInit return 100000 and aclGetRecentErrMsg
say why. With MGN_FAST_SIMULATOR_LOG=1, aclInit writes to stderr that the device is simulated.

What it computes. With compute="onnx" the ONNX that a .om carries (`write_om`), by ONNX Runtime;
in float16 where the .om says so, as those of the simulated ATC do (Note [float16 on the simulator]
in `float16`).
With compute="deterministic", in a process without Python, or for a .om without ONNX: the stand-in.
A row of input i is taken as little-endian words w_k of 64 bits, the last one padded with zeros;
modulo 2**64, s is the sum over i and k of (2k + 1 + 2**32 i) w_k, and element j of the row of
output o comes from

    u = splitmix64(s + o * 0x9E3779B97F4A7C15 + (j + 1) * 0xD1B54A32D192ED03)

as u // 2**53 / 1024 - 1 for floating types (in [-1, 1), exact in half precision), u // 2**63 for
bool and u // 2**57 for other integers. `stand_in` is the same in NumPy.

What it times. A batch takes what MGN takes on one Ascend 310P by the recipe's published table,
whatever network it is; copies run at 10 GB/s unless told otherwise, an assumption, because nothing
is published. Each device has one engine for computing and one for each direction of copying.

What it checks. Whatever the real runtime leaves undefined is a violation: counted in `ledger()`,
and returned as an error or, with on_violation="abort", the end of the process.

What it lacks. There is no media unit (acldvpp*, aclvdec*, aclvenc*) and there are no operators by
themselves (aclop*, aclblas*), but each of their functions, so that programs that link them start.
Descriptions, settings and attributes are real: they can be made, filled, read and leaked. What
would use them returns 200006, counted like any call, and aclGetRecentErrMsg says what to do
instead; with MGN_FAST_SIMULATOR_LOG=1 it stands on stderr too, beside what the program itself logs
(aclAppLog). A program that wants libacl_dvpp.so, libacl_op_compiler.so or libacl_cblas.so finds
them in a directory with links of these names to `library_path()`.

Modules:

    control        switches it on, asks it for faults, reads its ledger
    library        the shared library and its control functions
    executor       runs the ONNX that a .om carries; deterministic: the stand-in, in NumPy
    om_file        writes the simulator's .om files
    network        what a network takes and gives, as ONNX Runtime says it
    float16        the ONNX as the chip computes it; precision: which operators do
    onnx_graph     an ONNX's graph, changed without the onnx package
    atc/           the simulated ATC, a program
"""

from __future__ import annotations

from mgn_fast.simulator.control import (
    TaskRecord,
    disable,
    enable,
    fail,
    ledger,
    lose_device,
    reset_faults,
    reset_ledger,
    slow_stream,
    trace,
)
from mgn_fast.simulator.deterministic import stand_in
from mgn_fast.simulator.library import library_path
from mgn_fast.simulator.network import TensorSpec
from mgn_fast.simulator.om_file import StaticAipp, write_om
from mgn_fast.simulator.precision import Precision

__all__ = [
    "Precision",
    "StaticAipp",
    "TaskRecord",
    "TensorSpec",
    "disable",
    "enable",
    "fail",
    "ledger",
    "library_path",
    "lose_device",
    "reset_faults",
    "reset_ledger",
    "slow_stream",
    "stand_in",
    "trace",
    "write_om",
]
