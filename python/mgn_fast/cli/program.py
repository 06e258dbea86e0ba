# SPDX-License-Identifier: Apache-2.0
"""The command `mgn-fast`: the parser, and which error ends with which exit code."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from mgn_fast import _core, errors
from mgn_fast.cli import exit_codes
from mgn_fast.cli.commands import (
    adopt,
    bench,
    bins,
    compile,
    demo,
    doctor,
    embed,
    evaluate,
    export,
    gallery,
    group,
    quantize,
    search,
    tune,
    verify,
)
from mgn_fast.cli.completion import INSTALL, SHELLS, PrintCompletion
from mgn_fast.cli.parser import Parser
from mgn_fast.cli.screen.course import Course
from mgn_fast.cli.screen.last_words import OutputFiles, last_line
from mgn_fast.cli.screen.level import set_level
from mgn_fast.cli.screen.progress import begin_run, stop_drawing
from mgn_fast.cli.screen.start import first_screen
from mgn_fast.cli.screen.verbose import VerboseTally, tell_settings, tell_summary, tell_traceback
from mgn_fast.common.observer import observing
from mgn_fast.common.text import printable

_SHOW_CURSOR = b"\x1b[?25h"
_CODES: tuple[tuple[tuple[type[BaseException], ...], int], ...] = (
    ((errors.InvalidInputError,), exit_codes.USAGE),
    (
        (errors.ModelError, errors.DatasetError, errors.DecodeError, errors.ExportError),
        exit_codes.BAD_FILE,
    ),
    (
        (errors.DeviceError, errors.RuntimeUnavailableError, errors.CompileError),
        exit_codes.DEVICE,
    ),
    ((errors.MgnError, OSError), exit_codes.INTERNAL),
)


def build_parser() -> argparse.ArgumentParser:
    """The parser of `mgn-fast` with all of its commands.

    Returns:
        A parser whose result has `run`, the command's function.
    """
    parser = Parser(
        prog="mgn-fast",
        description="MGN person re-identification: checkpoint to ONNX to embeddings to mAP.",
        epilog=f"start with: mgn-fast demo\n\n{INSTALL}\n\n{exit_codes.EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"mgn-fast {_core.build_info()['version']}"
    )
    parser.add_argument(
        "--print-completion",
        action=PrintCompletion,
        choices=SHELLS,
        help="print a script by which the shell completes words of this command",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    models = (export, adopt, quantize, compile)
    measures = (embed, search, gallery, group, evaluate, verify, bench, tune)
    for command in (*models, *measures, bins, doctor, demo):
        command.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command of `mgn-fast`; gives its exit code.

    Args:
        argv: the words after `mgn-fast`; None takes the process's own.

    Returns:
        The exit code.
    """
    _open_missing_streams()
    # OpenCV would tell of every damaged picture on stderr, beside what we say of it.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    words = sys.argv[1:] if argv is None else list(argv)
    arguments = build_parser().parse_args(words) if words else argparse.Namespace(run=_show_first)
    arguments.command_line = ["mgn-fast", *words]
    set_level(arguments)
    try:
        return _in_order(arguments)
    finally:
        set_level(argparse.Namespace())  # a process may run other commands after it


def _in_order(arguments: argparse.Namespace) -> int:
    """The command, and the last line and the exit code of whatever ends it."""
    tally = VerboseTally()
    course, outputs = Course(tally), OutputFiles(arguments)
    begin_run(course)
    try:
        with _signals(course), observing(tally):
            return _run(arguments, course)
    except KeyboardInterrupt:
        _show_cursor()
        return _end(exit_codes.INTERRUPTED, last_line("interrupted", course, outputs))
    except _Signalled as end:
        return _end(
            exit_codes.SIGNALLED + end.number, last_line(f"ended by {end.name}", course, outputs)
        )
    except BrokenPipeError:
        _drop_output()  # the reader of our output has left, and that is no error
        return exit_codes.OK
    except (errors.MgnError, OSError) as error:
        tell_traceback(error)
        if not isinstance(error, errors.MgnError):
            _drop_output()  # it may be the output that failed
        return _end(next(code for kinds, code in _CODES if isinstance(error, kinds)), str(error))


def _run(arguments: argparse.Namespace, course: Course) -> int:
    """The command, with what --verbose tells before and after it."""
    started_s = time.perf_counter()
    try:
        tell_settings(arguments)
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    finally:
        stop_drawing()
        tell_summary(course, time.perf_counter() - started_s)
    return code


def _show_first(arguments: argparse.Namespace) -> int:
    print("\n".join(first_screen(Path())))
    return exit_codes.OK


def _end(code: int, message: str) -> int:
    """The last line, which a terminal that has gone does not take."""
    with contextlib.suppress(OSError):
        print(f"mgn-fast: {printable(message)}", file=sys.stderr)
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


class _Signalled(SystemExit):
    """A signal that ends the command in order."""

    def __init__(self, number: int) -> None:
        super().__init__(exit_codes.SIGNALLED + number)
        self.number = number
        self.name = signal.Signals(number).name


def _leave_at_once(*_: object) -> None:
    _show_cursor()
    os._exit(exit_codes.INTERRUPTED)


def _show_cursor() -> None:
    """It is hidden while bars move, and an interrupt may strike where they would show it again."""
    with contextlib.suppress(OSError):
        if sys.stderr.isatty():
            os.write(sys.stderr.fileno(), _SHOW_CURSOR)


@contextlib.contextmanager
def _signals(course: Course) -> Iterator[None]:
    """Ctrl-C ends a command in order and a second one at once; SIGTERM and SIGHUP end in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, _leave_at_once)
        course.interrupted = True
        raise KeyboardInterrupt

    def end(number: int, frame: FrameType | None) -> None:
        raise _Signalled(number)

    handlers = {signal.SIGINT: interrupt, signal.SIGTERM: end, signal.SIGHUP: end}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
