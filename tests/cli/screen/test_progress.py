# SPDX-License-Identifier: Apache-2.0
import argparse
import io
import sys
import time

import numpy as np
import pytest

from mgn_fast import Embedder
from mgn_fast.cli.screen.course import Course
from mgn_fast.cli.screen.level import set_level
from mgn_fast.cli.screen.progress import (
    begin_run,
    bottleneck_words,
    detail,
    say,
    say_if_interrupted,
    stages,
    track,
    working,
)
from mgn_fast.common.observer import observing
from mgn_fast.common.text import printable
from mgn_fast.pictures.decoders import Decoded


@pytest.fixture(autouse=True)
def course(monkeypatch):
    """A run of its own, at the level that is asked for."""
    monkeypatch.setenv("TERM", "xterm")
    course = Course()
    begin_run(course)
    yield course
    set_level(argparse.Namespace())


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_items_pass_and_nothing_is_written_where_no_terminal_is(capsys):
    assert list(track(range(5), "counting", 5)) == [0, 1, 2, 3, 4]
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_a_terminal_sees_title_and_number(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert list(track(range(5), "counting", 5)) == [0, 1, 2, 3, 4]
    assert "counting" in terminal.getvalue()
    assert "5/5" in terminal.getvalue()


def test_messages_go_to_stderr(capsys):
    say("hello")
    assert capsys.readouterr().err == "hello\n"


def test_control_characters_are_escaped(capsys):
    assert printable("a\x1b[31m\n\u202eé\udcff") == "a\\x1b[31m\\n\\u202eé\\udcff"
    say("one\ntwo")
    assert capsys.readouterr().err == "one\\ntwo\n"


def test_a_run_that_tells_of_its_stages_is_shown_them(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with stages() as progress:
        progress("comparing pictures", 30, 200)
        progress("comparing pictures", 200, 200)
        progress("encoding", 1, 2)
    assert "comparing pictures" in terminal.getvalue()
    assert "100%" in terminal.getvalue()
    assert "encoding" in terminal.getvalue()


def test_stages_are_silent_where_no_terminal_is(capsys):
    with stages() as progress:
        progress("comparing pictures", 1, 2)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_quiet_leaves_warnings_and_what_the_results_need(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    set_level(argparse.Namespace(quiet=True))
    say("note: hello")
    say("warning: embeddings hardly differ")
    say("Ascend310P3 is simulated", always=True)
    detail("a detail")
    assert list(track(range(5), "counting", 5)) == [0, 1, 2, 3, 4]
    with stages() as progress, working("exporting"):
        progress("ranking", 1, 2)
    assert terminal.getvalue() == "warning: embeddings hardly differ\nAscend310P3 is simulated\n"


def test_details_are_for_who_asked(capsys):
    detail("one")
    set_level(argparse.Namespace(verbose=True))
    detail("two\x1b")
    assert capsys.readouterr().err == "two\\x1b\n"


def test_what_is_done_is_counted_where_no_terminal_is_too(course):
    for item in track(range(5), "embedding", 5):
        if item == 3:
            break
    assert course.under_way().where() == "embedding: 3 of 5 pictures"
    say_if_interrupted("the first three")
    assert course.kept == "the first three"


def test_a_stage_that_fails_says_how_far_it_was(course):
    def fails():
        with stages("files") as progress:
            progress("reading outputs", 4, 4)
            progress("writing", 1, 4)
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        fails()
    assert course.under_way().where() == "writing: 1 of 4 files"


def test_a_stage_may_begin_anew(course):
    with stages() as progress:
        for _ in range(2):
            for done in range(3):
                progress("ranking", done, 2)
    assert [(step.title, step.done) for step in course.steps] == 2 * [("ranking", 2)]
    assert course.under_way() is None


def test_lines_stay_while_any_step_is_under_way(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with working("outer"):
        with working("inner"):
            pass
        say("still there: [bold]no markup[/bold]")
        assert "\x1b[?25h" not in terminal.getvalue()  # the cursor is hidden while lines move
    assert "still there: [bold]no markup[/bold]" in terminal.getvalue()
    assert terminal.getvalue().count("\x1b[?25l") == 1
    assert terminal.getvalue().endswith("\x1b[2K")


def test_what_cannot_be_counted_shows_a_clock(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with working("exporting"):
        say("a note meanwhile")
    assert "exporting" in terminal.getvalue()
    assert "0:00" in terminal.getvalue()
    assert "a note meanwhile" in terminal.getvalue()


def test_a_title_cannot_command_the_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with working("measuring a\x1b[31mb"):
        pass
    assert "a\\x1b[31mb" in terminal.getvalue()


@pytest.mark.usefixtures("simulated_time")
def test_while_pictures_are_embedded_it_is_shown_what_bounds_them(tiny_model, monkeypatch, course):

    def decoded(source, **options):
        time.sleep(0.02)
        return Decoded(source)

    monkeypatch.setattr("mgn_fast.embedding.reading.decoded", decoded)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    pictures = [np.zeros((64, 32, 3), np.uint8)] * 60
    with observing(course.tally), Embedder(tiny_model, workers=1) as embedder:
        list(track(embedder.stream(pictures), "embedding", 60))
    assert "bound by decoding" in terminal.getvalue()
    assert bottleneck_words() == "bound by decoding"
    with stages() as progress:
        progress("ranking", 1, 2)
    assert "bound" not in terminal.getvalue().rpartition("ranking")[2]


def test_nothing_bounds_where_nothing_was_embedded():
    assert bottleneck_words() == ""
