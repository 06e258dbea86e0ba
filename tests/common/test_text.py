# SPDX-License-Identifier: Apache-2.0
from mgn_fast.common.text import csv_bytes, csv_text, printable, sentence


def test_names_show_what_would_command_a_terminal_or_turn_text_around():
    assert printable("a\x00\x1b[2J\u202e\udcff\n") == "a\\x00\\x1b[2J\\u202e\\udcff\\n"
    assert printable("行人 <b>é") == "行人 <b>é"
    assert printable("\udcff").encode()


def test_cells_are_quoted_and_names_that_are_no_utf8_keep_their_bytes():
    assert csv_bytes([["a,b\n", 'c"', "\udcff"]]) == b'"a,b\n","c""",\xff\n'
    assert csv_text([("a", 1), ("b", 0.5)]) == "a,1\nb,0.5\n"


def test_words_become_a_sentence():
    assert sentence("no picture is junk") == "No picture is junk."
    assert sentence("") == "."
