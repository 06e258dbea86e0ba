# SPDX-License-Identifier: Apache-2.0
"""The first error in ATC's output, with its likely cause and a remedy.

Codes stand in three generations of its texts: CANN up to 6 prints `E10016: ...`, 7 and 8 put a
process and a time behind the code, and from 8.5 on process and time come first and the code last:
`[PID: 7] <time> Invalid_Argument(E10016): ...`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mgn_fast.cann.known_causes import BY_CODE, BY_TEXT

MAX_TEXT = 400

_BEFORE = (
    r"(?:\[(?:PID: ?\d+|[A-Za-z]+)\]:? ?"  # the process, or how grave it is
    r"|\[?\d{4}-\d\d-\d\d[-T ][\d:.]+\]? ?){0,3}"
)
# Titles have slashes and digits: Device_Absent/Abnormal(EL0001), Communication_Error_P2P(EI0010).
_HEAD = re.compile(
    rf"^[ \t]*{_BEFORE}(?:[^\s()]{{1,80}}\()?(?P<code>[EW][A-Z]?\d{{4,5}})\)?:"
    rf"[ \t]*{_BEFORE}(?P<text>[^\n]*)",
    re.MULTILINE,
)
# Errors of the operator compiler, reported inside another one's text.
_INNER = re.compile(r"\berrCode:\s*(E[A-Z]?\d{4,5})\b")


@dataclass(frozen=True)
class Diagnosis:
    """The errors in a failed run's output, with their likely cause and its remedy.

    Attributes:
        codes: of errors, the first one first; warnings are not among them.
        text: the line that tells most: the first error's, or the one that points at the cause.
        cause: the likely cause; "" where the texts do not tell.
        remedy: what to do about it.
    """

    codes: tuple[str, ...]
    text: str
    cause: str
    remedy: str


def diagnose(output: str) -> Diagnosis:
    """The first error of an output, with its likely cause.

    Texts that point at one cause wherever they stand (a missing library, a full disk) go before
    codes, because ATC reports such troubles under whatever code comes last.

    Args:
        output: all that ATC printed, or its end.

    Returns:
        The diagnosis; cause and remedy are general ones where nothing is recognised.
    """
    heads = [match for match in _HEAD.finditer(output) if match["code"].startswith("E")]
    sections: dict[str, str] = {}
    for place, head in enumerate(heads):
        end = heads[place + 1].start() if place + 1 < len(heads) else len(output)
        sections[head["code"]] = sections.get(head["code"], "") + output[head.start() : end]
    for code in _INNER.findall(output):
        sections.setdefault(code, output)
    codes = tuple(sections)
    text = _first_text(heads[0], output) if heads else ""
    for pattern, cause, remedy in BY_TEXT:
        if found := re.search(pattern, output):
            return Diagnosis(codes, _line_at(output, found.start()), cause, remedy)
    for code, section in sections.items():
        for known, pattern, cause, remedy in BY_CODE:
            if re.fullmatch(known, code) and re.search(pattern, section):
                return Diagnosis(codes, text, cause, remedy)
    return Diagnosis(
        codes,
        text,
        "ATC gives no reason that is known here",
        "compile again with extra_args=['--log=error'] and ASCEND_SLOG_PRINT_TO_STDOUT=1",
    )


def _first_text(head: re.Match[str], output: str) -> str:
    """The text behind an error's code; older versions put "Inner Error!" on a line before it."""
    text = head["text"].strip()
    if text.endswith("Error!"):
        text = output[head.end() :].lstrip("\n").partition("\n")[0].strip() or text
    return text.rstrip(".")[:MAX_TEXT]


def _line_at(output: str, place: int) -> str:
    start = output.rfind("\n", 0, place) + 1
    # From the match on where the line is long: what stands before it tells less.
    start = max(start, place - MAX_TEXT // 2)
    return output[start:].partition("\n")[0].strip()[:MAX_TEXT]
