# SPDX-License-Identifier: Apache-2.0
import io
import sys
import time

import pytest

from mgn_fast.cli.screen.bars import Bars
from mgn_fast.cli.screen.course import Course
from mgn_fast.common.observer import Span


class Terminal(io.StringIO):
    def isatty(self):
        return True


def on_terminal(monkeypatch):
    made = Terminal()
    monkeypatch.setattr(sys, "stderr", made)
    monkeypatch.setenv("TERM", "xterm")
    return made


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def time_of(monkeypatch):
    """The only time there is; no thread draws."""
    passing = Clock()
    monkeypatch.setattr(time, "perf_counter", passing)
    monkeypatch.setattr(Bars, "start", lambda bars: None)
    return passing


def drawing(course, time_of):
    """What asks for the text beside the newest bar."""
    bars = Bars(course)
    bars.get_time = time_of
    bars.show(course.steps[-1])

    def drawn():
        list(bars.get_renderables())
        return bars.columns[-1].render(bars.tasks[-1]).plain

    return drawn


def test_a_line_shows_title_and_state_and_goes_away(monkeypatch):
    terminal = on_terminal(monkeypatch)
    course = Course()
    bars = Bars(course)
    step = course.begin("embedding", 4, "pictures")
    bars.show(step)
    step.done = 4
    bars.stop()
    assert "embedding" in terminal.getvalue()
    assert "4/4" in terminal.getvalue()


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


def test_a_steady_step_tells_its_rate_the_time_left_and_its_bound(time_of):
    course = Course()
    step = course.begin("embedding", 1000, "pictures")
    drawn = drawing(course, time_of)
    assert drawn() == "0/1,000  00:00"
    for step.done in range(1, 301):
        time_of.now_s += 0.05
        drawn()
    course.tally.spent(Span("decode_wait", 1000.0, 1014.9, "main"))
    assert drawn() == "300/1,000  20.0/s  00:35 left  bound by decoding"
    course.interrupted = True
    assert drawn() == "300/1,000  ending; Ctrl-C once more ends at once"


def test_pictures_that_come_in_batches_are_counted_whole(time_of):
    """Eight at once every four seconds are two a second, from the first batch on."""
    course = Course()
    step = course.begin("embedding", 345, "pictures")
    drawn = drawing(course, time_of)
    for batch in range(1, 41):
        for _ in range(40):
            time_of.now_s += 0.1
            drawn()
        step.done = 8 * batch
        assert "  2.0/s  " in drawn()


def test_the_rate_is_that_of_late(time_of):
    course = Course()
    step = course.begin("embedding", None, "pictures")
    drawn = drawing(course, time_of)
    for step.done in range(1, 401):
        time_of.now_s += 0.1 if step.done <= 200 else 0.5
        drawn()
    assert drawn() == "400  2.0/s  02:00"


def test_what_is_over_tells_how_long_it_took(time_of):
    course = Course()
    step = course.begin("ranking", 10)
    drawn = drawing(course, time_of)
    time_of.now_s += 60
    step.done = 10
    step.finish()
    assert drawn() == "100%  6.0 s each  01:00"
    time_of.now_s += 60
    assert drawn() == "100%  6.0 s each  01:00"


def test_what_is_not_counted_shows_a_clock(time_of):
    course = Course()
    course.begin("exporting", 0)
    drawn = drawing(course, time_of)
    time_of.now_s += 7
    assert drawn() == "00:07"
    time_of.now_s += 3600
    assert drawn() == "1:00:07"


@pytest.mark.parametrize(
    ("done", "seconds", "words"),
    [
        (10, 10.0, "1.0/s"),
        (9999, 1.0, "10.0k/s"),
        (2_100_000, 1.0, "2.1M/s"),
        (1, 50.0, "50.0 s each"),
    ],
)
def test_rates_are_short(time_of, done, seconds, words):
    course = Course()
    step = course.begin("ranking", 10**7, "pairs")
    drawn = drawing(course, time_of)
    step.done = done
    time_of.now_s += seconds
    assert f"  {words}  " in drawn()
