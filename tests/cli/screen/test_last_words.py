# SPDX-License-Identifier: Apache-2.0
import argparse
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mgn_fast.cli import main
from mgn_fast.cli.screen.course import Course
from mgn_fast.cli.screen.last_words import OutputFiles, last_line
from mgn_fast.datasets.dataset import synthetic
from mgn_fast.embedding.embeddings_file import read_embeddings
from support.terminal import OnTerminal

NOTHING = OutputFiles(argparse.Namespace())


def test_a_command_without_steps_and_files_just_ended():
    assert last_line("interrupted", Course(), NOTHING) == "interrupted"


def test_the_step_that_is_not_over_says_how_far_it_was():
    course = Course()
    course.begin("drawing", 0).finish()
    course.begin("embedding", 1000, "pictures").done = 300
    got = last_line("interrupted", course, NOTHING)
    assert got == "interrupted at embedding: 300 of 1,000 pictures"


def test_a_file_was_written_or_not_or_left_alone(tmp_path):
    new, old, other = (tmp_path / name for name in ("new.npy", "old.npy", "other.npy"))
    old.write_text("old")
    for path, fate in ((new, "not written"), (old, "left as before")):
        outputs = OutputFiles(argparse.Namespace(output=path, json=True))
        assert outputs.fate() == f"{path} was {fate}"
    outputs = OutputFiles(argparse.Namespace(output=old))
    other.write_text("new")
    other.replace(old)
    assert outputs.fate() == f"{old} was written"


def test_files_of_one_fate_are_told_together(tmp_path):
    names = {name: tmp_path / name for name in ("json", "html")}
    fate = OutputFiles(argparse.Namespace(**names)).fate()
    assert fate == f"{tmp_path}/json and {tmp_path}/html were not written"


def test_a_name_that_no_file_can_have_was_not_written():
    outputs = OutputFiles(argparse.Namespace(output=Path("a" * 5000)))
    assert outputs.fate().endswith("was not written")
    assert OutputFiles(argparse.Namespace(output=Path("a\0b"))).fate().endswith("was not written")


def test_what_the_command_keeps_is_said_instead(tmp_path):
    course = Course()
    course.kept = "the same command goes on from there"
    outputs = OutputFiles(argparse.Namespace(output=tmp_path / "people.gallery"))
    got = last_line("ended by SIGTERM", course, outputs)
    assert got == "ended by SIGTERM; the same command goes on from there"


# Commands on pictures of which each takes a while, as those of a large model do.
SLOW_PICTURES = """
import sys, time
from mgn_fast.embedding import reading
from mgn_fast.cli import main

decoded = reading.decoded

def slowly(source, **options):
    time.sleep(0.05)
    return decoded(source, **options)

reading.decoded = slowly
sys.exit(main())
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """93 queries, 325 gallery pictures."""
    folder = tmp_path_factory.mktemp("interrupted")
    synthetic(folder / "data", persons=40)
    return folder / "data"


def slow(*words, cwd, columns=100):
    return OnTerminal(["-c", SLOW_PICTURES, *words], cwd=cwd, columns=columns)


@pytest.mark.usefixtures("own_process")
def test_embedding_says_how_far_it_was_and_keeps_it_under_another_name(
    dataset, tiny_model, tmp_path
):
    words = ["embed", dataset / "query", "--model", tiny_model, "-o", "e.npy", "--workers", 1]
    with slow(*words, cwd=tmp_path) as terminal:
        terminal.wait_for(" left  bound by decoding")
        terminal.process.send_signal(signal.SIGINT)
        code, out = terminal.end()
        last = terminal.last_line()
    assert code == 130
    assert out == ""
    how_far, _, fate = last.partition(" of 93 pictures; ")
    kept, _, remedy = fate.partition(" embeddings made until then; ")
    assert kept.startswith("e.partial.npy keeps the ")
    assert remedy == "an output that ends in .gallery goes on where it ended"
    assert how_far.startswith("mgn-fast: interrupted at embedding: ")
    assert 0 < int(how_far.rpartition(" ")[2]) < 93
    assert len(read_embeddings(tmp_path / "e.partial.npy").names) == int(kept.split()[-1])
    # What moved has gone, and the cursor is back.
    assert terminal.raw().count("\x1b[?25l") <= terminal.raw().count("\x1b[?25h")
    assert sorted(e.name for e in tmp_path.iterdir()) == ["e.partial.json", "e.partial.npy"]


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize(
    ("number", "code", "how"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "ended by SIGTERM"),
        (signal.SIGHUP, 129, "ended by SIGHUP"),
    ],
)
def test_without_a_terminal_the_last_line_is_the_only_one(
    dataset, tiny_model, tmp_path, number, code, how
):
    words = ["evaluate", dataset, "--kind", "synthetic", "--model", tiny_model, "--quiet"]
    command = [sys.executable, "-c", SLOW_PICTURES, *map(str, words), "-o", "r.json"]
    (tmp_path / "r.json").write_text("old")
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.communicate(timeout=3)
        process.send_signal(number)
        out, error = process.communicate(timeout=60)
    assert process.returncode == code
    assert out == ""
    (line,) = error.splitlines()
    assert line.startswith(f"mgn-fast: {how} at embedding ")
    assert line.endswith(" pictures; r.json was left as before")
    assert (tmp_path / "r.json").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


@pytest.mark.usefixtures("own_process")
def test_bins_say_that_the_next_run_goes_on_and_it_does(dataset, tmp_path, monkeypatch, capsys):
    words = ["bins", "write", str(dataset), "out", "--kind", "synthetic", "--workers", "1"]
    with slow(*words, cwd=tmp_path) as terminal:
        terminal.wait_for("/418  ")  # with a rate
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end()[0] == 130
        last = terminal.last_line()
    assert last.startswith("mgn-fast: interrupted at writing tensors: ")
    assert last.endswith("what was written stays in out; the same command goes on from there")
    assert not list(tmp_path.rglob("*.partial"))
    monkeypatch.chdir(tmp_path)
    assert main(words) == 0
    assert " of them kept" in capsys.readouterr().out


@pytest.mark.usefixtures("own_process")
def test_a_second_interrupt_shows_the_cursor_again(tmp_path):
    code = """if True:
        import sys, time
        from mgn_fast.cli import main
        from mgn_fast.cli.commands import doctor
        from mgn_fast.cli.screen.progress import working

        def rest():
            # A signal that comes just before a sleep begins is seen when that is over.
            for _ in range(600):
                time.sleep(0.1)

        def examine(models):
            with working("examining"):
                try:
                    print("started", file=sys.stderr)
                    rest()
                finally:
                    print("cleaning", file=sys.stderr)
                    rest()

        doctor.examine = examine
        sys.exit(main(["doctor"]))
    """
    with OnTerminal(["-c", code], cwd=tmp_path) as terminal:
        terminal.wait_for("started")
        terminal.process.send_signal(signal.SIGINT)
        terminal.wait_for("cleaning")
        terminal.wait_for("ending; Ctrl-C once more ends at once")
        for _ in range(20):
            terminal.process.send_signal(signal.SIGINT)
            try:
                assert terminal.process.wait(1) == 130
                break
            except subprocess.TimeoutExpired:
                continue
        assert terminal.process.returncode == 130
        terminal.end()
        assert terminal.raw().rindex("\x1b[?25h") > terminal.raw().rindex("\x1b[?25l")
