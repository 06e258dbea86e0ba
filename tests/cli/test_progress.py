# SPDX-License-Identifier: Apache-2.0
import io
import sys

from mgn_fast.cli.progress import printable, say, track


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
