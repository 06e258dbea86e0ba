# SPDX-License-Identifier: Apache-2.0
import pytest

from mgn_fast.cli.program import build_parser


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evalute"], "did you mean 'evaluate'?"),
        (["bins", "wrte"], "did you mean 'write'?"),
        (["embed", "p", "--model", "m", "-o", "e", "--backend", "onxruntime"], "'onnxruntime'?"),
        (["embed", "p", "--model", "m", "-o", "e", "--lnaes", "3"], "did you mean '--lanes'?"),
        (["embed", "p", "--model", "m", "-o", "e", "--lnaes=3"], "did you mean '--lanes'?"),
        (["--quiet", "doctor"], "the options of a command go after its name"),
    ],
)
def test_the_word_that_was_meant_is_named(words, message, capsys):
    with pytest.raises(SystemExit) as end:
        build_parser().parse_args(words)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("words", [["xyzzy"], ["doctor", "--xyzzy"], ["tune", "m.onnx", "extra"]])
def test_where_nothing_is_near_nothing_is_guessed(words, capsys):
    with pytest.raises(SystemExit) as end:
        build_parser().parse_args(words)
    assert end.value.code == 2
    assert "did you mean" not in capsys.readouterr().err


def test_a_wrong_option_shows_the_usage_of_its_command(capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["bins", "write", "a", "b", "--workes", "3"])
    captured = capsys.readouterr().err
    assert "usage: mgn-fast bins write" in captured
    assert "did you mean '--workers'?" in captured


def test_a_word_cannot_command_the_terminal(capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["tune", "m.onnx", "\x1b[31mred"])
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize("words", ["'embed', 'evaluate'", "embed, evaluate"])
def test_the_words_are_read_as_every_python_writes_them(words, capsys):
    """In quotes up to 3.11, without from 3.12 on."""
    with pytest.raises(SystemExit):
        build_parser().error(f"argument COMMAND: invalid choice: 'embd' (choose from {words})")
    assert capsys.readouterr().err.endswith(f"(choose from {words}); did you mean 'embed'?\n")
