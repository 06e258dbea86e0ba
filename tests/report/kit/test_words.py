# SPDX-License-Identifier: Apache-2.0
from mgn_fast.report.kit.words import count, shown


def test_names_show_what_would_command_a_terminal_or_turn_text_around():
    assert shown("a\x00\x1b[2J\u202e\udcff\n") == "a\\x00\\x1b[2J\\u202e\\udcff\\n"
    assert shown("行人 <b>é") == "行人 <b>é"
    assert shown("\udcff").encode()


def test_numbers_of_things():
    assert count(1, "query", "queries") == "1 query"
    assert count(3368, "query", "queries") == "3,368 queries"
    assert count(0, "picture") == "0 pictures"
