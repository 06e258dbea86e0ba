# SPDX-License-Identifier: Apache-2.0
"""Trained models and real pictures, which are no part of the project."""

import pytest

from support.repository import ROOT

_DATA = ROOT.parent / "shared" / "data"


def shared_data(*names):
    """A path below ../shared/data; the test is skipped where that is not there."""
    path = _DATA.joinpath(*names)
    if not path.exists():
        pytest.skip("needs ../shared/data: trained models and real pictures, no part of this")
    return path
