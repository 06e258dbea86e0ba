# SPDX-License-Identifier: Apache-2.0
import io
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from mgn_fast.cann.run_atc import environment, run

pytestmark = pytest.mark.usefixtures("own_process")

QUICK_S = 5.0


def shell(script, folder, *, timeout_s=20.0, on_line=None, log=None):
    """Runs a script; the outcome, and the lines that were reported."""
    lines = []
    outcome = run(
        ["/bin/sh", "-c", script],
        folder=folder,
        variables=environment(),
        log=io.BytesIO() if log is None else log,
        timeout_s=timeout_s,
        on_line=lines.append if on_line is None else on_line,
    )
    return outcome, lines


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def written_pids(folder):
    return [int(path.read_text()) for path in folder.glob("*.pid")]


def test_both_outputs_reach_log_lines_and_outcome(tmp_path):
    log = io.BytesIO()
    outcome, lines = shell("echo one; echo two >&2; printf three", tmp_path, log=log)
    assert outcome.returncode == 0
    assert lines == ["one", "two", "three"]
    assert log.getvalue() == b"one\ntwo\nthree"
    assert outcome.output == "one\ntwo\nthree"


def test_the_exit_status_and_the_signal_are_told(tmp_path):
    assert shell("exit 255", tmp_path)[0].returncode == 255
    assert shell("kill -SEGV $$", tmp_path)[0].returncode == -signal.SIGSEGV


def test_lines_come_while_the_program_runs(tmp_path):
    (tmp_path / "go").touch()
    times = []
    shell(
        "echo first; while [ -e go ]; do sleep 0.05; done; echo second",
        tmp_path,
        on_line=lambda line: (times.append(time.monotonic()), (tmp_path / "go").unlink(True)),
    )
    assert len(times) == 2  # the second would never come if the first came at the end


def test_a_hanging_program_is_stopped_with_its_children(tmp_path):
    script = "sleep 300 & echo $! > child.pid; sh -c 'echo $$ > deep.pid; sleep 300' & wait"
    started = time.monotonic()
    outcome, _ = shell(script, tmp_path, timeout_s=0.5)
    assert outcome.returncode is None
    assert time.monotonic() - started < QUICK_S
    assert len(written_pids(tmp_path)) == 2
    assert not any(is_alive(pid) for pid in written_pids(tmp_path))


def test_a_program_that_ignores_the_request_is_stopped_by_force(tmp_path):
    outcome, _ = shell("trap '' TERM; while :; do sleep 0.1; done", tmp_path, timeout_s=0.5)
    assert outcome.returncode is None
    assert outcome.seconds < QUICK_S


def test_a_child_that_outlives_success_is_ended_and_not_waited_for(tmp_path):
    """It holds the output open, so reading to the end of that would take 300 s."""
    outcome, lines = shell("sleep 300 & echo $! > child.pid; echo done", tmp_path)
    assert outcome.returncode == 0
    assert outcome.seconds < QUICK_S
    assert lines == ["done"]
    assert not is_alive(written_pids(tmp_path)[0])


@pytest.mark.parametrize("timeout_s", [0.5, 20.0], ids=["stopped", "ended"])
def test_a_child_that_left_the_group_is_ended_too(tmp_path, timeout_s):
    detach = (
        "import os, sys, time\n"
        "os.setsid()\n"
        "open('stray.pid', 'w').write(str(os.getpid()))\n"
        "os.close(1), os.close(2)\n"
        "time.sleep(300)"
    )
    wait = "sleep 300" if timeout_s < 1 else "while [ ! -s stray.pid ]; do sleep 0.05; done"
    script = f'{sys.executable} -S -c "$CODE" & {wait}'.replace("$CODE", detach)
    outcome, _ = shell(script, tmp_path, timeout_s=timeout_s)
    assert (outcome.returncode is None) == (timeout_s < 1)
    assert len(written_pids(tmp_path)) == 1
    assert not is_alive(written_pids(tmp_path)[0])


def test_a_callback_that_fails_leaves_nothing_behind(tmp_path):
    def fails(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shell("echo $$ > self.pid; echo x; sleep 300", tmp_path, on_line=fails)
    assert not is_alive(written_pids(tmp_path)[0])


def test_an_interrupt_ends_the_wait_and_the_program(tmp_path):
    number = threading.main_thread().ident
    timer = threading.Timer(0.5, signal.pthread_kill, (number, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        shell("echo $$ > self.pid; sleep 300", tmp_path)
    assert not is_alive(written_pids(tmp_path)[0])


def test_a_log_that_cannot_be_written_ends_the_program(tmp_path):
    script = "echo $$ > self.pid; echo x; sleep 300"
    full = Path("/dev/full")
    with full.open("wb", buffering=0) as log, pytest.raises(OSError, match="No space left"):
        shell(script, tmp_path, log=log)
    assert not is_alive(written_pids(tmp_path)[0])


def test_input_is_empty_and_the_folder_is_the_given_one(tmp_path):
    assert shell("cat; pwd", tmp_path)[1] == [str(tmp_path)]


def test_a_flood_is_logged_whole_and_its_end_kept(tmp_path):
    log = io.BytesIO()
    script = "i=0; while [ $i -lt 300 ]; do head -c 10000 /dev/zero | tr '\\0' x; i=$((i+1)); done"
    outcome, lines = shell(script + "; echo; echo E10016: last", tmp_path, log=log)
    assert len(log.getvalue()) == 300 * 10000 + len("\nE10016: last\n")
    assert outcome.output.endswith("\nE10016: last\n")
    assert len(outcome.output) < 700_000
    assert lines[-1] == "E10016: last"
    assert len(lines[0]) <= 4096


def test_bytes_that_are_no_text_do_no_harm(tmp_path):
    outcome, lines = shell(r"printf 'a\377\r\033[31mb\n'", tmp_path)
    assert lines == ["a�", "\x1b[31mb"]
    assert "�" in outcome.output


def test_the_environment_keeps_what_cann_reads_and_nothing_else(monkeypatch):
    kept = {
        "ASCEND_OPP_PATH": "1",
        "TUNE_BANK_PATH": "2",
        "TE_PARALLEL_COMPILER": "3",
        "MAX_COMPILE_CORE_NUMBER": "4",
        "LD_LIBRARY_PATH": "5",
        "PYTHONPATH": "6",
        "LC_ALL": "C",
    }
    dropped = {"AWS_SECRET_ACCESS_KEY": "x", "BASH_ENV": "x", "PYTHONSTARTUP": "x", "IFS": "x"}
    for name, value in (kept | dropped).items():
        monkeypatch.setenv(name, value)
    found = environment()
    assert kept.items() <= found.items()
    assert not dropped.keys() & found.keys()
    assert found["PATH"] == os.environ["PATH"]


def test_a_program_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        run(
            [str(tmp_path / "missing")],
            folder=tmp_path,
            variables={},
            log=io.BytesIO(),
            timeout_s=1,
            on_line=print,
        )
