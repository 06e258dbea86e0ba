# SPDX-License-Identifier: Apache-2.0
"""A command whose stderr is a terminal of its own, and what that was shown."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading

_COMMANDS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_ERASE_LINE = "\x1b[2K"


class OnTerminal:
    """The process; a context manager that ends it.

    Attributes:
        process: `subprocess.Popen`, its stdout a pipe.
    """

    def __init__(self, command, *, columns=100, cwd=None):
        self._shown = bytearray()
        self._changed = threading.Condition()
        self._terminal, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, *map(str, command)],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=side,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "", "LINES": ""},
            text=True,
        )
        os.close(side)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait_for(self, text, timeout_s=60):
        """Until the terminal was shown this."""
        with self._changed:
            if not self._changed.wait_for(lambda: text in self.shown(), timeout_s):
                raise TimeoutError(f"{text!r} is not in {self.shown()!r}")

    def end(self, timeout_s=60):
        """Its exit code, and what it wrote to stdout."""
        out, _ = self.process.communicate(timeout=timeout_s)
        self._reader.join()
        return self.process.returncode, out

    def raw(self):
        """All that was written to the terminal."""
        return bytes(self._shown).decode()

    def shown(self):
        """The same without what moves the cursor and sets colours."""
        return _COMMANDS.sub("", self.raw())

    def last_line(self):
        """What stands in the last line that is not empty, once the process has ended."""
        line = self.raw().rstrip().rpartition("\n")[2]
        return _COMMANDS.sub("", line.rpartition(_ERASE_LINE)[2]).strip("\r")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()
        os.close(self._terminal)

    def _read(self):
        with contextlib.suppress(OSError):  # the other side is closed
            while block := os.read(self._terminal, 65536):
                with self._changed:
                    self._shown += block
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()
