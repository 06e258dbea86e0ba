# SPDX-License-Identifier: Apache-2.0
import argparse
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import Embedder, __version__
from mgn_fast.cli.screen import verbose
from mgn_fast.cli.screen.course import Course
from mgn_fast.cli.screen.level import set_level
from mgn_fast.common.observer import observing


@pytest.fixture
def _verbose():
    set_level(argparse.Namespace(verbose=True))
    yield
    set_level(argparse.Namespace())


def tell_all(arguments):
    verbose.tell_settings(arguments)
    verbose.tell_summary(Course(), 1.0)
    verbose.tell_traceback(ValueError("bad"))
    verbose.VerboseTally().using("session", {"lanes": 2})


def test_without_being_asked_nothing_is_told(capsys):
    tell_all(argparse.Namespace(lanes=2))
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


@pytest.mark.usefixtures("_verbose")
def test_settings_are_versions_paths_and_options(tmp_path, capsys):
    model = tmp_path / "mgn\x1b.onnx"
    model.write_bytes(b"12345")
    verbose.tell_settings(
        argparse.Namespace(
            run=print, command_line=["x"], verbose=True, model=model, lanes=2, threads=None,
            pictures=[tmp_path, Path("missing")],
        )
    )  # fmt: skip
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert lines[0].startswith(f"mgn_fast {__version__} (")
    assert lines[1].startswith("SIMD ")
    assert lines[2:] == [
        f"model: {tmp_path}/mgn\\x1b.onnx (5 bytes)",
        f"pictures: {tmp_path} (a directory)",
        "pictures: missing (not there yet)",
        "options: lanes 2",
    ]


@pytest.mark.usefixtures("_verbose")
def test_what_is_opened_tells_what_it_uses(tiny_model, capsys):
    with (
        observing(verbose.VerboseTally()),
        Embedder(tiny_model, lanes=3, workers=2, threads=1) as opened,
    ):
        opened(np.zeros((2, 64, 32, 3), np.uint8))
    session, embedder = capsys.readouterr().err.splitlines()
    assert session.startswith(f"session: model {tiny_model}, backend onnxruntime (1.")
    assert "lanes 3, batch_size 8, threads per lane 1, input float32 [3, 384, 128]" in session
    assert embedder == "embedder: workers 2, mirror True, on_error raise"


@pytest.mark.usefixtures("_verbose")
def test_the_summary_says_where_the_time_went(tiny_model, capsys):
    course = Course(verbose.VerboseTally())
    for _ in range(2):
        course.begin("ranking", 10).finish()
    with observing(course.tally), Embedder(tiny_model) as embedder:
        embedder(np.zeros((2, 64, 32, 3), np.uint8))
    capsys.readouterr()
    verbose.tell_summary(course, 12.345)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "ranking: 0.00 s"
    assert lines[1].startswith("while embedding, all threads added up: decode ")
    assert "compute " in lines[1]
    assert lines[2].startswith("libraries: numpy ")
    assert lines[3].startswith("12.35 s in all, ") or lines[3].startswith("12.34 s in all, ")


@pytest.mark.usefixtures("_verbose")
def test_an_error_is_told_with_its_origin(capsys):
    try:
        raise ValueError("bad\nname\x1b[31m")
    except ValueError as error:
        verbose.tell_traceback(error)
    text = capsys.readouterr().err
    assert "test_an_error_is_told_with_its_origin" in text
    assert "\x1b" not in text
