# SPDX-License-Identifier: Apache-2.0
"""What an extra of the package brings: there, or told how to install it, in one wording."""

from __future__ import annotations

import importlib

from mgn_fast.errors import MgnError, RuntimeUnavailableError

# The extras that complete an installation, and the packages of each.
EXTRAS = {
    "export": ("torch", "onnx", "safetensors"),
    "report": ("matplotlib", "jinja2"),
    "search": ("faiss",),
    "group": ("sklearn",),
}


def install_line(*extras: str) -> str:
    """What a shell is told to install them, such as "pip install 'mgn-fast[export,report]'"."""
    return f"pip install 'mgn-fast[{','.join(extras)}]'"


def require_extra(
    extra: str, *packages: str, error: type[MgnError] = RuntimeUnavailableError
) -> None:
    """Refuses to go on where a package of an extra cannot be imported.

    Args:
        extra: its name, as in `pip install 'mgn-fast[report]'`.
        packages: to import.
        error: the class that is raised.

    Raises:
        RuntimeUnavailableError: a package is missing or broken; of the class `error` if given.
    """
    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError as failure:
            raise error(
                f"{package} cannot be imported ({failure}): {install_line(extra)}"
            ) from failure
