# SPDX-License-Identifier: Apache-2.0
"""The command `mgn-fast`: the parser, and which error ends with which exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from .. import __version__, errors
from . import demo, doctor, embed, evaluate, export

EXIT_CODES = """\
exit codes: 0 ok, 1 internal error, 2 usage, 3 a model or dataset cannot be used,
4 runtime or device failure, 130 interrupted"""

_CODES: tuple[tuple[tuple[type[BaseException], ...], int], ...] = (
    ((errors.InvalidInputError,), 2),
    ((errors.ModelError, errors.DatasetError, errors.DecodeError, errors.ExportError), 3),
    ((errors.DeviceError, errors.RuntimeUnavailableError, errors.CompileError), 4),
    ((errors.MgnError,), 1),
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
    for command in (export, embed, evaluate, doctor, demo):
        command.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: the words after `mgn-fast`; None takes the process's own.

    Returns:
        The exit code.
    """
    arguments = build_parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("mgn-fast: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has left; keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except errors.MgnError as error:
        print(f"mgn-fast: {error}", file=sys.stderr)
        return next(code for kinds, code in _CODES if isinstance(error, kinds))
    return code
