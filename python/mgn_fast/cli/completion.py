# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast --print-completion SHELL`: a script by which the shell completes our words."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from mgn_fast.cli.options import path_argument

SHELLS = ("bash", "zsh", "tcsh")
_PLACE = "~/.local/share/bash-completion/completions"
INSTALL = f"""\
completion of words, in bash:
  mkdir -p {_PLACE}
  mgn-fast --print-completion bash > {_PLACE}/mgn-fast"""
# Of the arguments that are paths, those that are directories.
_DIRECTORIES = frozenset({"dataset", "directory", "images", "out", "results"})


class PrintCompletion(argparse.Action):
    """The action of --print-completion: prints the shell's script and ends."""

    def __call__(self, parser: argparse.ArgumentParser, *given: Any) -> None:
        """Called by argparse with the namespace, the shell and the option's name."""
        sys.stdout.write(completion_script(parser, given[1]))
        parser.exit()


def completion_script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script that completes `mgn-fast` commands and options in a shell.

    Args:
        parser: of all commands; its paths are marked as such.
        shell: one of `SHELLS`.

    Returns:
        Shell code that ends with a line break.
    """
    import shtab  # which `mgn-fast` needs for this only

    for action in _actions(parser):
        if action.type is path_argument:
            kind = shtab.DIRECTORY if action.dest in _DIRECTORIES else shtab.FILE
            action.complete = kind  # type: ignore[attr-defined]
    script: str = shtab.complete(parser, shell=shell)
    return script.rstrip("\n") + "\n"


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All arguments of a parser and of its commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
