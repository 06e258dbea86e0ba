# SPDX-License-Identifier: Apache-2.0
from mgn_fast.common.text import printable


def test_names_show_what_would_command_a_terminal_or_turn_text_around():
    assert printable("a\x00\x1b[2J\u202e\udcff\n") == "a\\x00\\x1b[2J\\u202e\\udcff\\n"
    assert printable("行人 <b>é") == "行人 <b>é"
    assert printable("\udcff").encode()
