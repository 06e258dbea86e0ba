# SPDX-License-Identifier: Apache-2.0
import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mgn_fast import __version__, errors
from mgn_fast.cli import main
from mgn_fast.cli.commands import doctor
from mgn_fast.cli.program import build_parser
from mgn_fast.cli.screen.level import is_quiet

COMMANDS = ("export", "compile", "embed", "evaluate", "verify", "bins", "doctor", "demo")


def mgn_fast(*words):
    """The command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "mgn_fast", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.usefixtures("own_process")
def test_the_version_is_the_packages():
    done = mgn_fast("--version")
    assert done.returncode == 0
    assert done.stdout == f"mgn-fast {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example_that_parses(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    examples = text.split("example:\n")[1].strip().splitlines()
    for example in examples:
        words = example.split()
        assert words[:2] == ["mgn-fast", command]
        build_parser().parse_args(words[1:])


@pytest.mark.parametrize("words", [["fly"], ["embed"], ["export", "--opset", "x", "-o", "a"]])
def test_wrong_words_are_usage_errors(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "usage: mgn-fast" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidInputError("bad"), 2),
        (errors.ModelError("bad"), 3),
        (errors.DatasetError("bad"), 3),
        (errors.DecodeError("bad"), 3),
        (errors.ExportError("bad"), 3),
        (errors.DeviceError("bad"), 4),
        (errors.RuntimeUnavailableError("bad"), 4),
        (errors.CompileError("bad"), 4),
        (errors.MgnError("bad"), 1),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_error_has_its_exit_code_and_one_line(monkeypatch, capsys, error, code):
    def fails(models):
        raise error

    monkeypatch.setattr(doctor, "examine", fails)
    assert main(["doctor"]) == code
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["mgn-fast: " + (str(error) or "interrupted at examining")]


def test_an_error_of_our_own_making_keeps_its_traceback(monkeypatch):
    def fails(models):
        raise KeyError("a bug")

    monkeypatch.setattr(doctor, "examine", fails)
    with pytest.raises(KeyError, match="a bug"):
        main(["doctor"])


def test_verbose_tells_the_settings_and_where_an_error_came_from(monkeypatch, capsys):
    def fails(models):
        raise errors.ModelError("bad")

    monkeypatch.setattr(doctor, "examine", fails)
    assert main(["doctor", "-v"]) == 3
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"mgn_fast {__version__} (")
    assert any(line.endswith(" in fails") for line in lines)
    assert lines[-1] == "mgn-fast: bad"


@pytest.mark.usefixtures("whole_command")
def test_quiet_keeps_errors_and_results(monkeypatch, capsys):
    assert main(["doctor", "-q"]) == 0
    captured = capsys.readouterr()
    assert "onnxruntime" in captured.out
    assert captured.err == ""
    monkeypatch.setattr(doctor, "examine", lambda models: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["doctor", "-q"])
    assert not is_quiet()  # the next command is asked anew


def test_without_a_word_it_says_what_to_do(tmp_path, monkeypatch, capsys):
    (tmp_path / "mgn.onnx").touch()
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    captured = capsys.readouterr()
    assert "mgn-fast embed PICTURES --model mgn.onnx -o people.npy" in captured.out
    assert captured.err == ""


@pytest.mark.usefixtures("own_process")
def test_a_full_disk_behind_the_output_is_said():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mgn_fast", "doctor"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "mgn-fast: [Errno 28] No space left on device\n"


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_missing_streams_are_no_error(closed):
    command = f"{sys.executable} -m mgn_fast doctor {closed}"
    assert subprocess.run(["bash", "-c", command], timeout=120, check=False).returncode == 0


SLOW_COMMAND = """
import sys, time
from mgn_fast.cli import main
from mgn_fast.cli.commands import doctor
from mgn_fast.common.files import replacing

def rest():
    # A signal that comes just before a sleep begins is seen when that is over.
    for _ in range(600):
        time.sleep(0.1)

def examine(models):
    with replacing("half.txt"):
        try:
            print("started", flush=True)
            rest()
        finally:
            CLEANING

doctor.examine = examine
sys.exit(main(["doctor"]))
"""


@contextlib.contextmanager
def slow_command(folder, cleaning):
    """A command that has started its work and takes a minute; killed if it outlives the test."""
    with subprocess.Popen(
        [sys.executable, "-c", SLOW_COMMAND.replace("CLEANING", cleaning)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline() == "started\n"
            yield process
        finally:
            process.kill()


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 128 + 15), (signal.SIGHUP, 128 + 1)],
)
def test_signals_end_a_command_in_order(tmp_path, number, code):
    with slow_command(tmp_path, "pass") as process:
        process.send_signal(number)
        assert "Traceback" not in process.communicate(timeout=20)[1]
        assert process.returncode == code
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("own_process")
def test_a_second_interrupt_ends_at_once(tmp_path):
    with slow_command(tmp_path, "print('cleaning', flush=True); rest()") as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "cleaning\n"
        # Python misses a signal that comes just before it begins to sleep, until the next one.
        for _ in range(20):
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=1)
                break
        assert process.returncode == 130


@pytest.mark.usefixtures("own_process")
def test_a_reader_that_leaves_is_no_error():
    command = f"{sys.executable} -m mgn_fast doctor --json | head -c 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr == ""
