# SPDX-License-Identifier: Apache-2.0
"""Libraries that a run of the tests does without: a test that imports one is skipped, and says why.

MGN_FAST_TESTS_WITHOUT names them, `torch,openvino` for example; `.ci/pythons` sets it. Without it
nothing is left out, so that a library missing from the full run is a failure there.
"""

import os

import pytest

VARIABLE = "MGN_FAST_TESTS_WITHOUT"
# By the names of their modules, what may be left out: large, or a second runtime.
PACKAGES = {"torch": "torch", "openvino": "openvino", "faiss": "faiss-cpu"}


class LeftOut:
    """First of the finders: ends the test, past any `except Exception` of what imports."""

    def __init__(self, names):
        self.names = names

    def find_spec(self, name, path=None, target=None):
        library = name.partition(".")[0]
        if library in self.names:
            pytest.skip(f"needs {library}, which this run does without ({VARIABLE})")


def finders():
    """What goes in front of `sys.meta_path`."""
    names = {name.strip() for name in os.environ.get(VARIABLE, "").split(",")} - {""}
    if unknown := names - PACKAGES.keys():
        raise pytest.UsageError(f"{VARIABLE} names {unknown}, expected some of {set(PACKAGES)}")
    return [LeftOut(names)] if names else []
