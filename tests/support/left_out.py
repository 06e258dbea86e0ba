# SPDX-License-Identifier: Apache-2.0
"""Libraries that a run of the tests does without: a test that imports one is skipped, and says why.

MGN_FAST_TESTS_WITHOUT names them, `torch,openvino` for example; `.ci/pythons` and `.ci/aarch64` set
it. Otherwise nothing is left out, so that a library missing from the full run is a failure there.
"""

import os

import pytest

from support.pins import CAN_BE_LEFT_OUT, WITHOUT


class LeftOut:
    """First of the finders: ends the test, past any `except Exception` of what imports."""

    def __init__(self, names):
        self.names = names

    def find_spec(self, name, path=None, target=None):
        library = name.partition(".")[0]
        if library in self.names:
            pytest.skip(f"needs {library}, which this run does without ({WITHOUT})")


def finders():
    """What goes in front of `sys.meta_path`."""
    names = {name.strip() for name in os.environ.get(WITHOUT, "").split(",")} - {""}
    if unknown := names - CAN_BE_LEFT_OUT.keys():
        raise pytest.UsageError(
            f"{WITHOUT} names {unknown}, expected some of {set(CAN_BE_LEFT_OUT)}"
        )
    return [LeftOut(names)] if names else []
