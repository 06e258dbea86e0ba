# SPDX-License-Identifier: Apache-2.0
import sys

import pytest

from mgn_fast import RuntimeUnavailableError
from mgn_fast.report.kit.drawing import legible, plain_matplotlib, rectangle, write_text
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


def test_letters_that_the_font_lacks_are_escaped():
    assert legible("é行") == "é\\u884c"


def test_text_is_one_picture_of_its_lines(plots):
    from matplotlib.figure import Figure

    axes = Figure().add_axes((0, 0, 1, 1))
    write_text(axes, 1, 2, "a\x1b\n行", fontsize=3)
    (text,) = axes.texts
    assert text.get_text() == "a\\x1b\n\\u884c"
    assert text.get_fontsize() == 3


def test_a_rectangle_is_not_filled_unless_told_to(plots):
    assert rectangle(1, 2, 3, 4).get_facecolor()[3] == 0
    assert rectangle(1, 2, 3, 4, facecolor="red").get_facecolor() == (1, 0, 0, 1)
