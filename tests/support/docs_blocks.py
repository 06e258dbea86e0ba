# SPDX-License-Identifier: Apache-2.0
"""What a document asks to be typed: its shell commands and Python blocks, with what they print.

A ```text block straight after a ```sh block, with nothing or one line of text between, shows what
its commands print. A comment `# exit N` allows that code beside 0.
"""

import itertools
import re
import shlex
from dataclasses import dataclass

from support.repository import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_EXIT = re.compile(r"#.*\bexit (\d+)")
_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class Block:
    """Code of a document.

    Attributes:
        kind: "sh", "python" or "text".
        code: what is in it.
        line: of the document, where it begins.
        shown: the output that the document shows for it; "" where it shows none.
    """

    kind: str
    code: str
    line: int
    shown: str = ""


def blocks_of(path):
    """All fenced blocks, each `sh` and `python` one with the output that follows it."""
    text = path.read_text(encoding="utf-8")
    found = list(_FENCE.finditer(text))
    blocks = []
    for match, after in itertools.zip_longest(found, found[1:]):
        shown = ""
        if after is not None and after[1] == "text":
            between = text[match.end() : after.start()].strip()
            shown = after[2] if "\n" not in between and len(between) < 100 else ""
        line = text.count("\n", 0, match.start()) + 1
        blocks.append(Block(match[1], match[2], line, shown))
    return blocks


def runnable(path):
    """The blocks that are run, in order."""
    return [block for block in blocks_of(path) if block.kind in ("sh", "python")]


def commands_of(code):
    """The commands of a shell block, each with the exit codes that its comment allows."""
    commands, text = [], ""
    for line in code.splitlines():
        text += line if not text else f"\n{line}"
        if text.endswith("\\") or _is_open(text):
            continue
        if text.strip() and not text.lstrip().startswith("#"):
            match = _EXIT.search(text)
            commands.append((text, {0, int(match[1])} if match else {0}))
        text = ""
    assert not text, f"a quote or line is not closed: {text!r}"
    return commands


def _is_open(text):
    """Whether a quotation goes on in the next line."""
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return True
    return False


def words_of(command):
    """Its words without the comment; && and the like are words of their own."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="&|;")
    lexer.whitespace_split = True
    return list(lexer)


def masked(line):
    """A line in which every number is #, and runs of spaces are one."""
    return " ".join(_NUMBER.sub("#", line).split())


def missing_lines(shown, printed):
    """Shown lines that the output does not have, in that order, but for their numbers.

    A shown line `...` stands for any; one that ends in ` ...` only has to begin so.
    """
    lines = [masked(line) for line in printed.splitlines()]
    place, missing = 0, []
    for line in map(masked, shown.splitlines()):
        if line in ("", "..."):
            continue
        fits = line.removesuffix("...").rstrip() if line.endswith(" ...") else None
        for number in range(place, len(lines)):
            if lines[number] == line or (fits and lines[number].startswith(fits)):
                place = number + 1
                break
        else:
            missing.append(line)
    return missing
