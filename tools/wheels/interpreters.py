# SPDX-License-Identifier: Apache-2.0
"""This machine's Pythons. Needs Python's own library alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path


def find_interpreter(version: str) -> Path | None:
    """This machine's interpreter of a version such as "3.11".

    Returns:
        The one on the PATH, or the newest of pyenv's; None where none of them runs.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    # Releases only: neither candidates nor other implementations.
    releases = {
        int(found[1]): place / "bin/python"
        for place in pyenv.glob(f"{version}.*")
        if (found := re.fullmatch(r"3\.\d+\.(\d+)", place.name))
    }
    newest_first = [str(releases[number]) for number in sorted(releases, reverse=True)]
    for place in filter(None, [shutil.which(f"python{version}"), *newest_first]):
        if version_of(place) == version:
            return Path(place)
    return None


def version_of(program: str) -> str:
    """What a program says that it is; "" where it does not run.

    A shim of pyenv's is on the PATH for versions that it then refuses to start.
    """
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([program, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
