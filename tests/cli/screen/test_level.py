# SPDX-License-Identifier: Apache-2.0
import argparse
import io
import sys

import pytest

from mgn_fast.cli.program import build_parser
from mgn_fast.cli.screen.level import (
    add_level_options,
    draws_progress,
    is_quiet,
    is_verbose,
    set_level,
)


@pytest.fixture(autouse=True)
def _normal_afterwards():
    yield
    set_level(argparse.Namespace())


def parsed(*words):
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_level_options(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    ("words", "quiet", "verbose"),
    [
        ([], False, False),
        (["-q"], True, False),
        (["--quiet"], True, False),
        (["-v"], False, True),
        (["--verbose"], False, True),
    ],
)
def test_the_level_is_the_one_that_was_asked_for(words, quiet, verbose):
    set_level(parsed(*words))
    assert (is_quiet(), is_verbose()) == (quiet, verbose)


def test_one_command_does_not_set_the_level_of_the_next():
    set_level(parsed("--quiet"))
    set_level(parsed())
    assert not is_quiet()


def test_quiet_and_verbose_exclude_each_other():
    with pytest.raises(argparse.ArgumentError, match="not allowed with"):
        parsed("--quiet", "--verbose")


def test_what_is_not_given_is_not_there():
    assert vars(parsed()) == {}


def test_progress_moves_on_a_terminal_only_and_not_if_quiet(monkeypatch):
    assert not draws_progress()
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "dumb")
    assert not draws_progress()
    monkeypatch.setenv("TERM", "xterm")
    assert draws_progress()
    set_level(parsed("-v"))
    assert draws_progress()
    set_level(parsed("-q"))
    assert not draws_progress()


def actions_of(parser):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def test_every_command_takes_them():
    commands = dict(actions_of(build_parser()))
    commands |= {f"bins {name}": parser for name, parser in actions_of(commands["bins"])}
    for name, parser in commands.items():
        assert {"-q", "--quiet", "-v", "--verbose"} <= set(parser._option_string_actions), name


def test_an_action_of_a_command_takes_them_before_and_after_its_name():
    for words in (["bins", "-q", "write", "a", "b"], ["bins", "write", "a", "b", "-q"]):
        assert build_parser().parse_args(words).quiet is True
