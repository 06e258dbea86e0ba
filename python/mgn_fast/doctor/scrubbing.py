# SPDX-License-Identifier: Apache-2.0
"""Takes out of texts what is personal: names, addresses, numbers of devices, places of files.

What is known of this machine (its name, its users, their directories) is looked for by itself, and
everything else by its form. Where both are possible a text loses too much rather than too little.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mgn_fast import _core

# Names that every machine has, or a whole distribution's images.
_COMMON = frozenset(
    word
    for line in (
        "root nobody daemon HwHiAiUser ubuntu debian openeuler ec2-user localhost localdomain",
        "localhost.localdomain ascend npu",
    )
    for word in line.lower().split()
)
# Paths below these say nothing of whose machine it is.
_SYSTEM = (
    *("/usr/", "/etc/", "/lib/", "/lib64/", "/bin/", "/sbin/", "/dev/", "/proc/", "/sys/"),
    *("/opt/Ascend/", "/opt/conda/", "/opt/python/", "/var/slogd", "/var/dmp_daemon"),
)
# Of what is installed there by hand, only the usual.
_LOCAL = re.compile(
    r"/usr/local/+(?:(?:Ascend|dcmi|s?bin|lib(?:64)?|(?:python|cuda)[\w.-]*)(?:/|$)|$)"
)
# What stands for this package's own directory; what follows it is no secret.
_PACKAGE = "<package>"
# Begins a path where a known directory was: what follows is no longer below the system's.
_MARK = "\0"
# Stands behind a line break that a repr has escaped, so that its letter is not taken for a word's.
_BREAK = "\1"
_VERSIONS = ("version", "kernel", "packages")
_VERSION = re.compile(r"[\w.+~-]{1,80}")
# Shorter names would be found inside of ordinary words.
_SHORTEST_PART = 4

_HEX = "[0-9A-Fa-f]"
_GROUPS = rf"{_HEX}{{1,4}}(?::{_HEX}{{1,4}})*"
# What stands before a version; "driver: 10.1.2.3" may be an address that does not answer.
_BEFORE_VERSION = re.compile(
    r"(?i)(?<![a-z])(?:versions?[^\w\n]{0,40}"
    r"|(?:driver|npu-smi|cann|opencv[\w-]{0,20})[ \t]{1,9})v?$"
)


def _unless_version(found: re.Match[str]) -> str:
    """Four numbers with dots: an address, or a version where one is told."""
    before = found.string[max(0, found.start() - 80) : found.start()]
    return found[0] if _BEFORE_VERSION.search(before) else "<ip>"


_FORMS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}", "<address>"),
    (rf"\b{_HEX}{{8}}-(?:{_HEX}{{4}}-){{3}}{_HEX}{{12}}\b", "<uuid>"),
    (rf"{_HEX}{{2}}([:-]){_HEX}{{2}}(?:\1{_HEX}{{2}}){{4,18}}", "<mac>"),
    (rf"\b{_HEX}{{4}}\.{_HEX}{{4}}\.{_HEX}{{4}}\b", "<mac>"),
    (r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)", _unless_version),
    (rf"(?:{_HEX}{{1,4}}:){{7}}{_HEX}{{1,4}}", "<ip>"),
    (rf"(?<![\w:.])(?:{_GROUPS})?::(?:{_GROUPS})?(?:%\w+)?(?![\w:])", "<ip>"),
)
# Lines of `npu-smi info -t board` and the like: the label says what the value is.
_LABELLED = re.compile(
    rf"(?im)(?:^|(?<={_BREAK}))([^\n:={_BREAK}]{{0,60}}\b(?:serial|s/?n|uuid|guid|[nv]?die ?id|"
    r"vdie|mac|ip|gateway|host ?name|user|owner|asset|node ?name)\b"
    rf"[^\n:={_BREAK}]{{0,30}}[:=])[ \t]*\S[^\n{_BREAK}]*"
)
# Numbers of devices: long runs of capitals and digits, or of hexadecimal digits.
_NUMBER = re.compile(
    r"\b(?=[A-Z]*\d)[A-Z0-9]{12,}\b|\b(?=(?:[A-Za-z]*\d){6})[A-Za-z0-9]{12,}\b"
    r"|(?<![\w.])(?:0x)?[0-9A-Fa-f]{16,}\b|\b\d{12,}\b"
    r"|\b[0-9A-Fa-f]{8}(?:[ -][0-9A-Fa-f]{8}){2,}\b"
)
_END = rf"\s'\"`:;,|()<>\[\]{{}}=\\{_BREAK}"
# What goes on behind a blank with a slash is of the path too.
_GOES_ON = rf"(?:[ ][^{_END}/-][^{_END}/]*(?:/[^{_END}]*)+)*"
# A path, with blanks where what follows them goes on with a slash; after a compiler's -I or -L too.
_PATH = re.compile(
    rf"(?:(?<![\w/.])\.{{1,2}}|(?<=-[A-Z])\.{{0,2}}|(?<=\bfile:)"
    rf"|(?<![\w/])(?<!/\.)(?<!/\.\.)(?<!{_PACKAGE})(?<!<path>)(?:~[\w.-]*)?|(?<=-[A-Z])~[\w.-]*)"
    rf"/+[^{_END}/][^{_END}]*{_GOES_ON}"
)
# Where the tests and the sources of this package stand is no secret.
_OURS = rf"(?:tests|python/mgn_fast)/(?!(?:[^{_END}]*/)?\.\./)"
# A path without a slash before it: two slashes, or one and a file's ending. Dates are none.
_RELATIVE = re.compile(
    rf"(?<![^{_END}])(?!{_OURS}|[\d/.]+(?:[{_END}]|$))"
    rf"(?:(?:[^{_END}/]+/+){{2,}}[^{_END}]*"
    rf"|[^{_END}/]+/+[^{_END}/]*\.(?:so(?:\.\d+)*|om|onnx|pt|npy|py|json)(?!\w)[^{_END}/]*)"
    rf"{_GOES_ON}"
)
_QUOTED_PATH = re.compile(rf"(['\"`])({_MARK}?~?[\w.-]*/[^'\"`\n]*)\1")
# Between the parts of a list; a blank may be of a path, but where another one begins.
_SEPARATOR = re.compile(r"(\s*[:;,]+\s*|\s+(?=[/~.]))")
_ESCAPED_BREAK = re.compile(r"(\\[nrt])")
_FOLDER_VARIABLES = re.compile(r"ASCEND_\w*(?:PATH|HOME)|LD_LIBRARY_PATH|MGN_FAST_(?:ASCENDCL|ATC)")
_LIBRARY = re.compile(r"lib[a-z_]+\.so(?:\.\d+)*")


class Scrubber:
    """Replaces what is personal by a word in <>, in texts and in all that holds texts.

    Args:
        names: words to take out wherever they stand, capitals or not: users, machines.
        folders: directories to take out, whatever they are below.
        own: directories whose files are this package's, and the word that takes their place.
    """

    def __init__(
        self,
        names: Sequence[str] = (),
        folders: Sequence[str] = (),
        own: Sequence[tuple[str, str]] = (),
    ) -> None:
        known = {name.strip() for name in names}
        words = sorted((name for name in known if _is_telling(name)), key=len, reverse=True)
        self._names = [_name_pattern(word) for word in words]
        long = {folder.rstrip("/") for folder in folders} - {""}
        deep = (folder for folder in long if "/" in folder[1:])
        self._folders = sorted(deep, key=len, reverse=True)
        self._own = sorted(own, key=lambda pair: len(pair[0]), reverse=True)

    def __call__(self, value: Any) -> Any:
        """The same value without what is personal; keys of mappings stay.

        Args:
            value: text, number, None, or lists and dicts of them.

        Returns:
            A copy.
        """
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self._under(key, item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self(item) for item in value]
        return value

    def text(self, text: str) -> str:
        """A text without what is personal."""
        text = text.replace(_MARK, " ").replace(_BREAK, " ")
        text = _ESCAPED_BREAK.sub(rf"\1{_BREAK}", text)
        for folder, word in self._own:
            text = re.sub(rf"{re.escape(folder)}(?![\w.-])", word, text)
        for folder in self._folders:
            text = re.sub(rf"{re.escape(folder)}(?![\w.-])", f"{_MARK}/-", text)
        text = _LABELLED.sub(r"\1 <removed>", text)
        for form, replacement in _FORMS:
            text = re.sub(form, replacement, text)
        text = _QUOTED_PATH.sub(lambda found: f"{found[1]}{_placed_path(found[2])}{found[1]}", text)
        text = _RELATIVE.sub(_placed, _PATH.sub(_placed, text)).replace(_MARK, "")
        return self._without_names(text).replace(_BREAK, "")

    def _under(self, key: Any, value: Any) -> Any:
        """A version may look like an address, and is none."""
        if key not in _VERSIONS:
            return self(value)
        if isinstance(value, dict):
            return {name: self._under(key, version) for name, version in value.items()}
        if isinstance(value, str) and _VERSION.fullmatch(value):
            return self._without_names(value)
        return self(value)

    def search_path(self, text: str) -> str:
        """A list of paths, such as LD_LIBRARY_PATH, each scrubbed by itself.

        Args:
            text: paths between colons, semicolons, commas or blanks.

        Returns:
            The list, with the same separators.
        """
        return "".join(
            part if _SEPARATOR.fullmatch(part) else self._part(part)
            for part in _SEPARATOR.split(text)
        )

    def _part(self, part: str) -> str:
        for folder, word in self._own:
            if part == folder or part.startswith(f"{folder}/"):
                return self._without_names(word + part[len(folder) :])
        if any(part == folder or part.startswith(f"{folder}/") for folder in self._folders):
            return "<path>"
        if is_path(part):
            # After a blank, what begins below the system's may end elsewhere.
            return "<path>" if " " in part else self._without_names(_placed_path(part))
        return self.text(part)

    def _without_names(self, text: str) -> str:
        text = _NUMBER.sub("<number>", text)
        for pattern in self._names:
            text = pattern.sub("<name>", text)
        return text


def of_this_machine() -> Scrubber:
    """A scrubber that knows this machine's names, its users and their directories."""
    # An editable installation has its compiled parts elsewhere.
    parts = {Path(__file__).resolve().parents[1], Path(_core.__file__).resolve().parent}
    return Scrubber(
        [*_user_names(), *_host_names()],
        [*_homes(), _working_directory(), *_relative_folders()],
        [(str(part), _PACKAGE) for part in parts],
    )


def is_path(part: str) -> bool:
    """Whether a part of a list is a path, of whatever kind.

    Args:
        part: text without separators.

    Returns:
        Whether it is one.
    """
    return part.startswith(("~", ".")) or "/" in part.partition("=")[0]


def _placed(found: re.Match[str]) -> str:
    return _placed_path(found[0])


def _placed_path(path: str) -> str:
    """A path of the system's as it is; of another one the name, if that is a library's."""
    plain = re.sub("/+", "/", path)
    is_plain = "/.." not in plain and "/home/" not in plain
    if is_plain and (_is_system(plain) or plain.startswith(_PACKAGE)):
        return path
    name = plain.rpartition("/")[2]
    return f"<path>/{name}" if _LIBRARY.fullmatch(name) else "<path>"


def _is_system(path: str) -> bool:
    if path.startswith("/usr/local/"):
        return _LOCAL.match(path) is not None
    return f"{path}/".startswith(_SYSTEM)


def _is_telling(name: str) -> bool:
    return bool(name) and name.lower() not in _COMMON


def _name_pattern(name: str) -> re.Pattern[str]:
    """Anywhere, inside of words too; a short name only where it stands alone."""
    escaped = re.escape(name)
    if len(name) >= _SHORTEST_PART:
        return re.compile(escaped, re.IGNORECASE)
    return re.compile(rf"(?<![A-Za-z0-9]){escaped}(?![A-Za-z0-9])", re.IGNORECASE)


def _user_names() -> Iterator[str]:
    for variable in ("USER", "LOGNAME", "USERNAME", "SUDO_USER"):
        yield os.environ.get(variable, "")
    with contextlib.suppress(KeyError):
        entry = pwd.getpwuid(os.getuid())
        yield entry.pw_name
        yield from entry.pw_gecos.split(",")[:1]


def _host_names() -> Iterator[str]:
    for name in (socket.gethostname(), os.uname().nodename, os.environ.get("HOSTNAME", "")):
        yield name
        yield name.partition(".")[0]
        yield name.partition(".")[2]


def _homes() -> Iterator[str]:
    yield os.environ.get("HOME", "")
    with contextlib.suppress(KeyError):
        yield pwd.getpwuid(os.getuid()).pw_dir


def _working_directory() -> str:
    # It may have been removed.
    with contextlib.suppress(OSError):
        here = str(Path.cwd())
        return "" if _is_system(here) else here
    return ""


def _relative_folders() -> Iterator[str]:
    """Those that variables name: one slash alone does not tell that a word is a path."""
    for name, value in os.environ.items():
        if _FOLDER_VARIABLES.fullmatch(name):
            yield from (part for part in _SEPARATOR.split(value) if not part.startswith(("/", "~")))
