# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import pytest

from mgn_fast.cli import main
from mgn_fast.cli.completion import SHELLS, completion_script
from mgn_fast.cli.program import build_parser

# What bash sets before it asks for the words that may stand at the end of the line.
ASK = """
source script.bash
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
COMP_LINE="${{COMP_WORDS[*]}}"
COMP_POINT=${{#COMP_LINE}}
function=$(complete -p mgn-fast | sed 's/.*-F \\([^ ]*\\).*/\\1/')
$function mgn-fast "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def bash(tmp_path):
    (tmp_path / "script.bash").write_text(completion_script(build_parser(), "bash"))
    (tmp_path / "pictures").mkdir()
    (tmp_path / "people.onnx").touch()

    def ask(words):
        done = subprocess.run(
            ["bash", "--norc", "-c", ASK.format(words=words)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stderr == ""
        return set(done.stdout.split())

    return ask


def test_a_command_is_completed(bash):
    assert bash("mgn-fast ev") == {"evaluate"}
    assert {"embed", "export"} <= bash("mgn-fast e")


def test_an_action_of_a_command_is_completed(bash):
    assert bash("mgn-fast bins wr") == {"write"}


def test_an_option_is_completed(bash):
    assert bash("mgn-fast embed --batch") == {"--batch-size"}
    assert bash("mgn-fast bins write --recipe") == {"--recipe-order"}


def test_a_choice_is_completed(bash):
    assert bash("mgn-fast embed --backend onnx") == {"onnxruntime"}
    assert bash("mgn-fast --print-completion z") == {"zsh"}


def test_paths_are_completed_by_their_kind(bash):
    assert bash("mgn-fast embed --model p") == {"people.onnx", "pictures"}
    assert bash("mgn-fast embed p") == {"people.onnx", "pictures"}
    assert bash("mgn-fast bench --images p") == {"pictures"}
    assert bash("mgn-fast evaluate p") == {"pictures"}


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_gets_its_script(shell, capsys):
    with pytest.raises(SystemExit) as end:
        main(["--print-completion", shell])
    assert end.value.code == 0
    captured = capsys.readouterr()
    assert "mgn-fast" in captured.out
    assert "quantize" in captured.out
    assert captured.err == ""


def test_another_shell_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--print-completion", "csh"])
    assert end.value.code == 2
    assert "'tcsh'" in capsys.readouterr().err


@pytest.mark.usefixtures("own_process")
def test_the_command_line_starts_without_what_it_rarely_needs():
    code = (
        "import sys; from mgn_fast.cli.program import build_parser; build_parser(); "
        "print([name for name in ('shtab', 'rich', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
