# SPDX-License-Identifier: Apache-2.0
"""Programs of the repository whose names have no ending, as modules for tests."""

import importlib.util
import sys
from importlib.machinery import SourceFileLoader


def load_program(path):
    """The program as a module, not run; what it does to the path of imports is taken back."""
    before = list(sys.path), sys.dont_write_bytecode
    loader = SourceFileLoader(path.stem, str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(path.stem, loader))
    try:
        loader.exec_module(module)
    finally:
        sys.path[:], sys.dont_write_bytecode = before
    return module
