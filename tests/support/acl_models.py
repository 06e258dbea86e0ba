# SPDX-License-Identifier: Apache-2.0
"""The simulator's model functions by ctypes: a machine that cleans up after itself.

`machine.call` raises what a function returns, `machine.code` gives it; on leaving, the violations
must be the expected ones and nothing may be left.
"""

import ctypes
import functools
import json
import os
import struct
from pathlib import Path

import numpy as np

from mgn_fast import simulator

POINTERS = [
    "aclCreateDataBuffer",
    "aclGetDataBufferAddr",
    "aclmdlCreateDataset",
    "aclmdlGetDatasetBuffer",
    "aclmdlGetDatasetTensorDesc",
    "aclmdlCreateDesc",
    "aclmdlCreateConfigHandle",
    "aclmdlCreateAIPP",
    "aclmdlCreateExecConfigHandle",
    "aclCreateTensorDesc",
    "aclGetTensorDescAddress",
    "aclGetTensorDescByIndex",
]
SIZES = [
    "aclGetDataBufferSizeV2",
    "aclmdlGetDatasetNumBuffers",
    "aclmdlGetNumInputs",
    "aclmdlGetNumOutputs",
    "aclmdlGetInputSizeByIndex",
    "aclmdlGetOutputSizeByIndex",
    "aclDataTypeSize",
    "aclGetTensorDescSize",
    "aclGetTensorDescElementCount",
    "aclGetTensorDescNumDims",
    "mgnsim_ledger",
    "mgnsim_trace",
]
TEXTS = [
    "aclmdlGetInputNameByIndex",
    "aclmdlGetOutputNameByIndex",
    "aclmdlGetTensorRealName",
    "aclGetTensorDescName",
    "aclGetRecentErrMsg",
    "mgnsim_configure",
    "mgnsim_fail",
]
HOST_TO_DEVICE, DEVICE_TO_HOST = 1, 2
HUGE_FIRST = 0


class IODims(ctypes.Structure):
    """aclmdlIODims."""

    _fields_ = (
        ("name", ctypes.c_char * 128),
        ("count", ctypes.c_size_t),
        ("dims", ctypes.c_int64 * 128),
    )

    def sizes(self):
        return list(self.dims[: self.count])


class AclError(Exception):
    """A function returned a code."""

    def __init__(self, name, code, text):
        super().__init__(f"{name} returned {code}: {text}")
        self.code = code


def is_instrumented():
    """Whether a sanitizer runs here: its library is then loaded before everything else."""
    return any(hasattr(ctypes.CDLL(None), f"__{kind}_init") for kind in ("asan", "tsan"))


def library_path():
    return Path(os.environ.get("MGN_FAST_TEST_SIMULATOR", simulator.library_path()))


@functools.cache
def library():
    loaded = ctypes.CDLL(str(library_path()))
    for name in POINTERS:
        getattr(loaded, name).restype = ctypes.c_void_p
    for name in SIZES:
        getattr(loaded, name).restype = ctypes.c_size_t
    for name in TEXTS:
        getattr(loaded, name).restype = ctypes.c_char_p
    loaded.aclFloat16ToFloat.restype = ctypes.c_float
    loaded.aclFloatToFloat16.restype = ctypes.c_uint16
    loaded.aclGetTensorDescDim.restype = ctypes.c_int64
    loaded.aclDestroyTensorDesc.restype = None
    loaded.mgnsim_trace_start.restype = None
    return loaded


def as_c(value):
    """Registers and stack slots are 64 bits wide, so that suits narrower integers as well."""
    if isinstance(value, bool) or value is None or isinstance(value, bytes):
        return value
    if isinstance(value, int):
        return ctypes.c_int64(value) if value < 0 else ctypes.c_uint64(value)
    if isinstance(value, float):
        return ctypes.c_float(value)
    return ctypes.c_char_p(os.fsencode(value)) if isinstance(value, Path | str) else value


class Machine:
    """A simulated machine with device 0 set, for one test."""

    def __init__(self, *, violations=(), **settings):
        self.expected = set(violations)
        self.settings = {"timing": "false", "compute": "deterministic"} | settings
        self.cleanup = []

    def __enter__(self):
        text = ";".join(f"{key}={value}" for key, value in self.settings.items())
        assert library().mgnsim_configure(text.encode()) is None
        library().mgnsim_reset_ledger()
        library().mgnsim_reset_faults()
        self.call("aclInit", None)
        self.call("aclrtSetDevice", 0)
        return self

    def __exit__(self, kind, error, trace):
        library().mgnsim_reset_faults()
        library().mgnsim_slow_stream(ctypes.c_double(0))
        for step in reversed(self.cleanup):
            step()
        self.code("aclrtResetDevice", 0)
        self.code("aclFinalize")
        counts = ledger()["violation_counts"]
        library().mgnsim_reset_ledger()
        library().mgnsim_configure(b"")
        if error is None:
            assert set(counts) == self.expected, counts

    def raw(self, name, *arguments):
        return getattr(library(), name)(*map(as_c, arguments))

    def code(self, name, *arguments):
        return self.raw(name, *arguments)

    def call(self, name, *arguments):
        code = self.raw(name, *arguments)
        if code != 0:
            raise AclError(name, code, self.message())

    def message(self):
        return (library().aclGetRecentErrMsg() or b"").decode()

    def out(self, name, kind, *arguments):
        """Calls with one more argument, the address of a `kind`, and gives what it holds then."""
        value = kind()
        self.call(name, *arguments, ctypes.byref(value))
        return value.value if hasattr(value, "value") else value

    def later(self, name, *arguments):
        """Calls this on leaving, last one first, whatever it returns."""
        self.cleanup.append(lambda: self.code(name, *arguments))

    def malloc(self, size):
        pointer = ctypes.c_void_p()
        self.call("aclrtMalloc", ctypes.byref(pointer), size, HUGE_FIRST)
        self.later("aclrtFree", pointer.value)
        return pointer.value

    def pinned(self, size):
        pointer = ctypes.c_void_p()
        self.call("aclrtMallocHost", ctypes.byref(pointer), size)
        self.later("aclrtFreeHost", pointer.value)
        return pointer.value

    def upload(self, array):
        """The array in device memory of its own."""
        array = np.ascontiguousarray(array)
        pointer = self.malloc(array.nbytes)
        self.write(pointer, array)
        return pointer

    def write(self, pointer, array):
        size = array.nbytes
        self.call("aclrtMemcpy", pointer, size, array.ctypes.data, size, HOST_TO_DEVICE)

    def download(self, pointer, shape, dtype):
        array = np.empty(shape, dtype)
        size = array.nbytes
        self.call("aclrtMemcpy", array.ctypes.data, size, pointer, size, DEVICE_TO_HOST)
        return array

    def load(self, path):
        identity = self.out("aclmdlLoadFromFile", ctypes.c_uint32, path)
        self.later("aclmdlUnload", identity)
        return identity

    def describe(self, identity):
        desc = self.raw("aclmdlCreateDesc")
        self.later("aclmdlDestroyDesc", desc)
        self.call("aclmdlGetDesc", desc, identity)
        return desc

    def describe_file(self, path):
        desc = self.raw("aclmdlCreateDesc")
        self.later("aclmdlDestroyDesc", desc)
        self.call("aclmdlGetDescFromFile", desc, path)
        return desc

    def buffer(self, pointer, size):
        handle = self.raw("aclCreateDataBuffer", pointer, size)
        self.later("aclDestroyDataBuffer", handle)
        return handle

    def dataset(self, *entries):
        """Of (pointer, size) each."""
        handle = self.raw("aclmdlCreateDataset")
        for pointer, size in entries:
            self.call("aclmdlAddDatasetBuffer", handle, self.buffer(pointer, size))
        self.later("aclmdlDestroyDataset", handle)
        return handle

    def stream(self):
        stream = self.out("aclrtCreateStream", ctypes.c_void_p)
        self.later("aclrtDestroyStream", stream)
        return stream

    def context(self, device=0):
        """A context of its own, which becomes the current one."""
        context = self.out_first("aclrtCreateContext", ctypes.c_void_p, device)
        self.later("aclrtDestroyContext", context)
        return context

    def out_first(self, name, kind, *arguments):
        value = kind()
        self.call(name, ctypes.byref(value), *arguments)
        return value.value

    def dims(self, name, desc, index):
        return self.out(name, IODims, desc, index)

    def rules(self):
        """How often each rule was broken so far."""
        return ledger()["violation_counts"]


class Batch:
    """A loaded model with buffers for inputs and outputs, ready to be executed."""

    def __init__(self, machine, path, arrays, *, outputs, identity=None):
        self.machine = machine
        self.id = machine.load(path) if identity is None else identity
        self.inputs = [machine.upload(array) for array in arrays]
        sizes = [array.nbytes for array in arrays]
        self.shapes = outputs
        output_sizes = [int(np.prod(shape)) * np.dtype(dtype).itemsize for shape, dtype in outputs]
        self.outputs = [machine.malloc(size) for size in output_sizes]
        self.input_set = machine.dataset(*zip(self.inputs, sizes, strict=True))
        self.output_set = machine.dataset(*zip(self.outputs, output_sizes, strict=True))

    def run(self):
        self.machine.call("aclmdlExecute", self.id, self.input_set, self.output_set)
        return self.results()

    def start(self, stream, name="aclmdlExecuteAsync"):
        return self.machine.code(name, self.id, self.input_set, self.output_set, stream)

    def results(self):
        return [
            self.machine.download(pointer, shape, dtype)
            for pointer, (shape, dtype) in zip(self.outputs, self.shapes, strict=True)
        ]


def query(machine, content):
    work, weights = ctypes.c_size_t(), ctypes.c_size_t()
    return machine.code(
        "aclmdlQuerySizeFromMem",
        content,
        len(content),
        ctypes.byref(work),
        ctypes.byref(weights),
    )


def with_description(content, change):
    """The file with its description changed and its header's length set right."""
    payload = change(content[256:])
    header = bytearray(content[:256])
    struct.pack_into("<I", header, 76, len(payload))
    struct.pack_into("<Q", header, 184, len(payload))
    return bytes(header) + payload


def ledger():
    size = library().mgnsim_ledger(None, 0)
    buffer = ctypes.create_string_buffer(size + 65536)
    library().mgnsim_ledger(buffer, len(buffer))
    return json.loads(buffer.value)
