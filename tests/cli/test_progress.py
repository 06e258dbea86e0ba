# SPDX-License-Identifier: Apache-2.0
import io
import sys

from mgn_fast.cli.progress import printable, say, stages, track


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
