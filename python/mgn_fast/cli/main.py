# SPDX-License-Identifier: Apache-2.0
"""The command `mgn-fast`: the parser, and which error ends with which exit code."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from types import FrameType

from .. import __version__, errors
from . import (
    bench,
    bins,
    compile,
    demo,
    doctor,
    embed,
    evaluate,
    export,
    quantize,
    search,
    tune,
    verify,
)
from .progress import printable

EXIT_CODES = """\
exit codes: 0 ok, 1 internal error, 2 usage, 3 a model or dataset cannot be used,
4 runtime, device or compiler failure, 5 a measurement is not valid, 6 accuracy below the
threshold, 7 speed below the gate, 130 interrupted"""

INTERRUPTED = 130
_CODES: tuple[tuple[tuple[type[BaseException], ...], int], ...] = (
    ((errors.InvalidInputError,), 2),
    ((errors.ModelError, errors.DatasetError, errors.DecodeError, errors.ExportError), 3),
    ((errors.DeviceError, errors.RuntimeUnavailableError, errors.CompileError), 4),
    ((errors.MgnError, OSError), 1),
)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands.

    Returns:
        A parser whose result has `run`, the command's function.
    """
    parser = argparse.ArgumentParser(
        prog="mgn-fast",
        description="MGN person re-identification: checkpoint to ONNX to embeddings to mAP.",
        epilog="start with: mgn-fast demo\n\n" + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mgn-fast {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    models, measures = (export, quantize, compile), (embed, search, evaluate, verify, bench, tune)
    for command in (*models, *measures, bins, doctor, demo):
        command.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: the words after `mgn-fast`; None takes the process's own.

    Returns:
        The exit code.
    """
    _open_missing_streams()
    # OpenCV would tell of every damaged picture on stderr, beside what we say of it.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    words = sys.argv[1:] if argv is None else list(argv)
    arguments = build_parser().parse_args(words)
    arguments.command_line = ["mgn-fast", *words]
    try:
        with _signals():
            code: int = arguments.run(arguments)
            sys.stdout.flush()
    except KeyboardInterrupt:
        print("mgn-fast: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()  # the reader of our output has left, and that is no error
        return 0
    except (errors.MgnError, OSError) as error:
        print(f"mgn-fast: {printable(str(error))}", file=sys.stderr)
        if not isinstance(error, errors.MgnError):
            _drop_output()  # it may be the output that failed
        return next(code for kinds, code in _CODES if isinstance(error, kinds))
    return code


def _open_missing_streams() -> None:
    """A process started without stdout or stderr has None there; nobody reads what we say."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115


def _drop_output() -> None:
    """Keeps the interpreter from failing at exit over output that nobody takes."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """Ctrl-C ends a command in order and a second one at once; SIGTERM and SIGHUP end in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
        raise KeyboardInterrupt

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    handlers = {signal.SIGINT: interrupt, signal.SIGTERM: end, signal.SIGHUP: end}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
