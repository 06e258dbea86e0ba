# SPDX-License-Identifier: Apache-2.0
"""Where CANN, Huawei's toolkit for its NPUs, has ATC (its compiler) and set_env.sh."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from mgn_fast.common.files import is_regular_file, read_limited
from mgn_fast.errors import InvalidInputError, RuntimeUnavailableError
from mgn_fast.types import PathLike

VARIABLE = "MGN_FAST_ATC"
# Newest layout first; the one below /usr/local is an administrator's, the other a user's.
_PLACES = ("cann", "ascend-toolkit/latest", "latest", "ascend-toolkit", "nnae/latest", "")
_BELOW = ("bin/atc", "compiler/bin/atc", "atc/bin/atc", f"{platform.machine()}-linux/bin/atc")
_ENVIRONMENT_FILES = ("cann/set_env.sh", "ascend-toolkit/set_env.sh", "nnae/set_env.sh")
_VERSION_FILES = ("version.info", "ascend_toolkit_install.info", "version.cfg")
_VERSION = re.compile(r"^(?:package_)?version\s*=\s*\[?([^\s\]:]+)", re.IGNORECASE | re.MULTILINE)
_MAX_VERSION_BYTES = 1 << 16


def find_atc(chosen: PathLike | None = None) -> Path:
    """The absolute path of the ATC to call.

    It is, in this order: the one given, the one that MGN_FAST_ATC names, the first in PATH, the one
    below ASCEND_HOME_PATH or ASCEND_TOOLKIT_HOME, or the one in CANN's usual directories.

    Args:
        chosen: a path or a command's name; None searches the places above.

    Returns:
        Its absolute path.

    Raises:
        InvalidInputError: the one given, or named by MGN_FAST_ATC, is no program.
        RuntimeUnavailableError: there is none; the message has the line that brings it.
    """
    named = os.environ.get(VARIABLE)
    if chosen is not None or named:
        asked = os.fspath(chosen) if chosen is not None else str(named)
        found = shutil.which(asked)
        if found is None:
            origin = "atc" if chosen is not None else VARIABLE
            raise InvalidInputError(
                f"{origin} is {asked!r}, expected a program: a path, or a name in PATH"
            )
        return Path(found).absolute()
    if found := shutil.which("atc"):
        return Path(found).absolute()
    tried = ["PATH"]
    for path in _candidates():
        if is_regular_file(path) and os.access(path, os.X_OK):
            return path.absolute()
        tried.append(str(path))
    raise RuntimeUnavailableError(
        f"ATC, CANN's compiler, is not found: neither in PATH nor in {_roots_text()}; {remedy()}, "
        f"or set {VARIABLE} to it, or compile for the simulator with simulate=True",
        tried=tried,
    )


def environment_file() -> Path | None:
    """CANN's set_env.sh, which a shell has to source before ATC works; None without CANN."""
    for root in _roots():
        for name in ("set_env.sh", "../set_env.sh", *_ENVIRONMENT_FILES):
            path = root / name
            if is_regular_file(path):
                return Path(os.path.normpath(path))
    return None


def remedy() -> str:
    """The line to type where ATC is not found, or does not find its own parts."""
    found = environment_file()
    if found is not None:
        return f"source {found}"
    return (
        "install CANN's toolkit and `source /usr/local/Ascend/ascend-toolkit/set_env.sh` "
        "(from CANN 8.5 on /usr/local/Ascend/cann/set_env.sh)"
    )


def is_environment_set() -> bool:
    """True if set_env.sh was sourced: without ASCEND_OPP_PATH ATC finds no operators."""
    return bool(os.environ.get("ASCEND_OPP_PATH"))


def atc_version(atc: Path) -> str | None:
    """CANN's version by the files beside ATC, such as "8.0.RC3"; None where none tells it."""
    real = Path(os.path.realpath(atc))
    for folder in list(real.parents)[1:4]:
        for name in _VERSION_FILES:
            try:
                text = read_limited(folder / name, _MAX_VERSION_BYTES).decode(errors="replace")
            except OSError:
                continue
            if match := _VERSION.search(text):
                return match[1]
    return None


def _roots() -> list[Path]:
    homes = [os.environ.get(name) for name in ("ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME")]
    return [
        *(Path(home) for home in homes if home),
        Path("/usr/local/Ascend"),
        Path(os.path.expanduser("~"), "Ascend"),  # noqa: PTH111 (pathlib raises without a home)
    ]


def _roots_text() -> str:
    return ", ".join(map(str, _roots()))


def _candidates() -> Iterator[Path]:
    for root in _roots():
        for place in _PLACES:
            for below in _BELOW:
                yield root / place / below
