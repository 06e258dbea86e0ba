# SPDX-License-Identifier: Apache-2.0
"""argparse, with the word that was probably meant."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from mgn_fast.common.text import printable

# How argparse refuses a word: in quotes up to Python 3.11, without from 3.12 on.
_REFUSED = re.compile(r"invalid choice: '(?P<word>[^']*)' \(choose from (?P<all>.*)\)")


class Parser(argparse.ArgumentParser):
    """Names the nearest word of those that it knows, and the command whose option is wrong."""

    def error(self, message: str) -> NoReturn:
        """Usage, argparse's message and the nearest word on stderr; exit code 2."""
        found = _REFUSED.search(message)
        if found is not None:
            known = [word.strip(" '") for word in found["all"].split(",")]
            message += _meant(found["word"], known)
        super().error(printable(message))

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, but a word that is left over is an error here, where its usage is known.

        Args:
            args: the words.
            namespace: to fill.

        Returns:
            The namespace, and no words.
        """
        parsed, left = super().parse_known_args(args, namespace)
        if left:
            self.error(f"unrecognized arguments: {' '.join(left)}{self._hint(left)}")
        return parsed, left

    def _hint(self, left: list[str]) -> str:
        """What may be wrong with words that nobody takes."""
        options = [word.partition("=")[0] for word in left if word.startswith("-")]
        if options and any(isinstance(a, argparse._SubParsersAction) for a in self._actions):
            return "; the options of a command go after its name"
        return _meant(options[0], self._option_string_actions) if options else ""


def _meant(word: str, known: Iterable[str]) -> str:
    """The nearest word as a question; "" where none is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
