# SPDX-License-Identifier: Apache-2.0
import sys

import pytest

from mgn_fast import RuntimeUnavailableError
from mgn_fast.report.kit.drawing import plain_matplotlib
from support.late import late

matplotlib = late("matplotlib")


def test_what_the_user_set_has_no_part_and_comes_back():
    with matplotlib.rc_context({"lines.linewidth": 9.0, "text.usetex": True}):
        with plain_matplotlib(font__size=13):
            assert matplotlib.rcParams["lines.linewidth"] == 1.5
            assert matplotlib.rcParams["font.size"] == 13
            assert not matplotlib.rcParams["text.usetex"]
            assert not matplotlib.rcParams["text.parse_math"]
        assert matplotlib.rcParams["lines.linewidth"] == 9.0


def test_without_matplotlib_the_line_that_installs_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(RuntimeUnavailableError, match=r"pip install 'mgn-fast\[report\]'"):
        plain_matplotlib()
