# SPDX-License-Identifier: Apache-2.0
"""The words of the command; what its actions do is in tests/cli/galleries/test_editing.py."""

import pytest

from mgn_fast.cli import main

ACTIONS = ("info", "list", "remove", "rename", "label", "merge", "export", "compact")


@pytest.mark.parametrize("action", [(), *((action,) for action in ACTIONS)], ids=str)
def test_every_action_has_help_with_an_example(capsys, action):
    with pytest.raises(SystemExit) as done:
        main(["gallery", *action, "--help"])
    assert done.value.code == 0
    said = capsys.readouterr().out
    assert f"mgn-fast gallery {' '.join(action)}".rstrip() in said.partition("example:")[2]
    assert all(word in said for word in ACTIONS) or action


@pytest.mark.parametrize("words", [[], ["nonsense"], ["merge", "a.gallery"], ["rename", "a", "b"]])
def test_words_that_are_missing_are_asked_for(capsys, words):
    with pytest.raises(SystemExit) as done:
        main(["gallery", *words])
    assert done.value.code == 2
    assert "usage: mgn-fast gallery" in capsys.readouterr().err
