# SPDX-License-Identifier: Apache-2.0
"""The simulator's libascendcl.so through ctypes: a copy of its own, which no other test shares."""

import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

TO_DEVICE = 1
TO_HOST = 2
ON_DEVICE = 3
FAST = "timing=false"
ABORTS = "timing=false;soc_version=Ascend910B4"  # a chip that can abort streams
# Sanitizers keep memory of their own and take their time.
SANITIZED = "san.so" in os.environ.get("LD_PRELOAD", "")


def resident_bytes():
    """Memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def library_path():
    """Where the library under test is."""
    named = os.environ.get("MGN_FAST_TEST_SIMULATOR")
    if named:
        return Path(named)
    from mgn_fast import simulator

    return simulator.library_path()


def as_argument(value):
    """A Python value as C sees it: numbers as 64 bits, of which a smaller parameter is part."""
    if value is None:
        return ctypes.c_void_p(None)
    if isinstance(value, int):
        return ctypes.c_int64(value) if value < 0 else ctypes.c_uint64(value)
    return value


class Acl:
    """Functions by name, each giving its code; and what tests ask of the simulator."""

    def __init__(self, path):
        self.library = ctypes.CDLL(str(path))
        for name in ("aclGetRecentErrMsg", "aclrtGetSocName", "mgnsim_configure", "mgnsim_fail"):
            getattr(self.library, name).restype = ctypes.c_char_p
        self.library.mgnsim_slow_stream.argtypes = [ctypes.c_double]
        for name in ("mgnsim_generations", "mgnsim_ledger", "mgnsim_trace"):
            getattr(self.library, name).restype = ctypes.c_size_t

    def __getattr__(self, name):
        function = getattr(self.library, name)

        def call(*arguments):
            return function(*map(as_argument, arguments))

        setattr(self, name, call)
        return call

    def ok(self, name, *arguments):
        """Calls a function that has to succeed."""
        code = getattr(self, name)(*arguments)
        assert code == 0, f"{name}: {code} {self.aclGetRecentErrMsg()}"

    def new(self, name, *arguments):
        """What a function stores at its first argument."""
        made = ctypes.c_void_p()
        self.ok(name, ctypes.byref(made), *arguments)
        return made.value

    def get(self, name, *arguments, kind=ctypes.c_int32):
        """What a function stores at its last argument."""
        value = kind(-77)
        self.ok(name, *arguments, ctypes.byref(value))
        return value.value

    def text(self, name):
        """The text that a control function gives."""
        function = getattr(self.library, name)
        buffer = ctypes.create_string_buffer(function(None, 0) + 4096)
        function(buffer, ctypes.c_size_t(len(buffer)))
        return buffer.value.decode()

    def ledger(self):
        return json.loads(self.text("mgnsim_ledger"))

    def trace(self):
        return [json.loads(line) for line in self.text("mgnsim_trace").splitlines()]

    def take_violations(self):
        """The rules broken since the last time, which are then forgotten."""
        rules = [violation["rule"] for violation in self.ledger()["violations"]]
        self.mgnsim_reset_ledger()
        return rules

    def message(self):
        text = self.aclGetRecentErrMsg()
        return None if text is None else text.decode()

    def configure(self, text):
        error = self.mgnsim_configure(text.encode())
        assert error is None, error

    def fail(self, name, nth=1, code=507899, when="now"):
        error = self.mgnsim_fail(name.encode(), nth, code, when.encode())
        assert error is None, error

    def slow(self, seconds):
        self.library.mgnsim_slow_stream(seconds)

    def open(self, settings=FAST):
        self.configure(settings)
        self.ok("aclInit", None)
        self.ok("aclrtSetDevice", 0)

    def close(self):
        self.ok("aclrtResetDevice", 0)
        self.ok("aclFinalize")

    def copy_in(self, to, from_, size, stream):
        self.ok("aclrtMemcpyAsync", to, size, from_, size, TO_DEVICE, stream)

    def copy_out(self, to, from_, size, stream):
        self.ok("aclrtMemcpyAsync", to, size, from_, size, TO_HOST, stream)


def load():
    """The library, apart from whatever else in this process has it loaded."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "libascendcl.so"
        shutil.copy(library_path(), copy)
        return Acl(copy)


def run_program(code, timeout_s=30, **environment):
    """A Python program with the library loaded as `acl`; the completed process."""
    program = "from support.acl import *\nacl = load()\n" + textwrap.dedent(code)
    variables = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path]), **environment}
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        env=variables,
        check=False,
    )
