# SPDX-License-Identifier: Apache-2.0
import io
import sys

from mgn_fast.cli.screen.bars import Bars
from mgn_fast.cli.screen.course import Course


class Terminal(io.StringIO):
    def isatty(self):
        return True


def on_terminal(monkeypatch):
    made = Terminal()
    monkeypatch.setattr(sys, "stderr", made)
    monkeypatch.setenv("TERM", "xterm")
    return made


def test_nothing_is_drawn_before_the_first_step(monkeypatch):
    terminal = on_terminal(monkeypatch)
    bars = Bars(Course())
    assert not bars.print("a line")
    bars.settle()
    bars.stop()
    assert terminal.getvalue() == ""


def test_a_line_shows_title_and_state_and_goes_away(monkeypatch):
    terminal = on_terminal(monkeypatch)
    course = Course()
    bars = Bars(course)
    step = course.begin("embedding", 4, "pictures")
    bars.show(step)
    step.reach(4)
    bars.update(step)
    step.finish()
    bars.settle()
    assert "embedding" in terminal.getvalue()
    assert "4/4" in terminal.getvalue()
    assert not bars.print("nothing moves any more")


def test_lines_stay_while_any_step_is_under_way(monkeypatch):
    terminal = on_terminal(monkeypatch)
    course = Course()
    bars = Bars(course)
    outer, inner = course.begin("outer", 2), course.begin("inner", 2)
    bars.show(outer)
    bars.show(inner)
    inner.finish()
    bars.settle()
    assert bars.print("still there: [bold]no markup[/bold]")
    outer.finish()
    bars.settle()
    assert "still there: [bold]no markup[/bold]" in terminal.getvalue()


def test_the_same_title_once_more_takes_the_line_of_the_one_before(monkeypatch):
    terminal = on_terminal(monkeypatch)
    course = Course()
    bars = Bars(course)
    bars.show(course.begin("outer", 2))
    for _ in range(3):
        step = course.begin("ranking", 2)
        bars.show(step)
        step.finish()
    bars.stop()
    assert terminal.getvalue().rpartition("outer")[2].count("ranking") == 1


def test_a_title_is_no_markup(monkeypatch):
    terminal = on_terminal(monkeypatch)
    course = Course()
    bars = Bars(course)
    bars.show(course.begin("[bold]a[/bold].onnx", 1))
    bars.stop()
    assert "[bold]a[/bold].onnx" in terminal.getvalue()


def test_what_is_printed_meanwhile_goes_where_it_belongs(monkeypatch, capsys):
    """To stdout, where a program may read it, and not to the terminal among the bars."""
    terminal = on_terminal(monkeypatch)
    course = Course()
    bars = Bars(course)
    bars.show(course.begin("measuring", 1))
    sys.stdout.write("a result\n")
    bars.stop()
    assert capsys.readouterr().out == "a result\n"
    assert "a result" not in terminal.getvalue()
