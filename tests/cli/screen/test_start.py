# SPDX-License-Identifier: Apache-2.0
import os
import shlex

import pytest

from mgn_fast.cli.program import build_parser
from mgn_fast.cli.screen import start
from mgn_fast.cli.screen.start import first_screen


def commands(folder):
    """The command lines of the screen, without what they are good for."""
    lines = [line[2:] for line in first_screen(folder) if line.startswith("  mgn-fast ")]
    return [line.partition("  ")[0] for line in lines]


ALWAYS = ["mgn-fast doctor", "mgn-fast --help", "mgn-fast COMMAND --help"]


def make(folder, *names):
    for name in names:
        path = folder / name
        if name.endswith("/"):
            path.mkdir(parents=True)
        else:
            path.touch()


def test_where_nothing_lies_the_demo_comes_first(tmp_path):
    got = commands(tmp_path)
    assert got[0] == "mgn-fast demo"
    assert got[-3:] == ALWAYS


def test_a_checkpoint_is_exported(tmp_path):
    make(tmp_path, "a.pt", "b.pth", "c.safetensors", "notes.txt")
    assert commands(tmp_path) == [
        "mgn-fast export a.pt -o a.onnx",
        "mgn-fast export b.pth -o b.onnx",
        *ALWAYS,
    ]


@pytest.mark.parametrize("name", ["mgn.onnx", "mgn.om"])
def test_a_model_embeds_and_is_evaluated(tmp_path, name):
    make(tmp_path, name)
    assert commands(tmp_path) == [
        f"mgn-fast evaluate DATASET --model {name}",
        f"mgn-fast embed PICTURES --model {name} -o people.npy",
        *ALWAYS,
    ]


def test_a_dataset_is_known_by_its_halves(tmp_path):
    make(tmp_path, "mgn.onnx", "market/query/", "market/bounding_box_test/", "other/query/")
    assert commands(tmp_path)[0] == "mgn-fast evaluate market --model mgn.onnx"
    make(tmp_path, "query/", "bounding_box_test/")
    got = commands(tmp_path)
    assert got[:2] == [
        "mgn-fast evaluate . --model mgn.onnx",
        "mgn-fast evaluate market --model mgn.onnx",
    ]


def test_a_dataset_without_a_model_is_shown_what_it_is_for(tmp_path):
    make(tmp_path, "market/query/", "market/bounding_box_test/")
    assert commands(tmp_path)[0] == "mgn-fast evaluate market --model mgn.onnx"


@pytest.mark.parametrize("name", ["people.gallery", "people.gallery/"])
def test_a_gallery_is_searched(tmp_path, name):
    make(tmp_path, name)
    assert commands(tmp_path)[0] == "mgn-fast search people.gallery picture.jpg"


def test_names_are_words_of_the_shell_and_command_no_terminal(tmp_path):
    make(tmp_path, "it's mine; rm -r.onnx", "-o.pt", "red\x1b[31m\n.pt")
    got = commands(tmp_path)
    assert shlex.split(got[0]) == ["mgn-fast", "export", "./-o.pt", "-o", "./-o.onnx"]
    assert "\x1b" not in "".join(first_screen(tmp_path))
    evaluate = next(line for line in got if "evaluate" in line)
    assert shlex.split(evaluate)[-1] == "it's mine; rm -r.onnx"


def test_hidden_files_and_a_directory_out_of_reach_are_nothing(tmp_path):
    make(tmp_path, ".a.pt", ".b.onnx")
    assert commands(tmp_path)[0] == "mgn-fast demo"
    assert commands(tmp_path / "missing")[0] == "mgn-fast demo"


def test_names_that_are_no_utf8_are_escaped(tmp_path):
    (tmp_path / os.fsdecode(b"\xff.pt")).touch()
    assert shlex.split(commands(tmp_path)[0])[2] == "\\udcff.pt"
    "\n".join(first_screen(tmp_path)).encode()


def test_nothing_is_opened(tmp_path, monkeypatch):
    make(tmp_path, "a.pt", "mgn.onnx", "market/query/", "market/bounding_box_test/")
    monkeypatch.setattr("builtins.open", None)
    assert len(commands(tmp_path)) == 6


def test_every_line_parses(tmp_path):
    make(tmp_path, "a.pt", "mgn.onnx", "market/query/", "market/bounding_box_test/")
    for line in [*commands(tmp_path), *commands(tmp_path / "market" / "query")]:
        words = shlex.split(line)[1:]
        if words[-1] != "--help":
            build_parser().parse_args(words)


@pytest.mark.parametrize(
    ("wanted", "there", "extras"),
    [
        (["export", "report"], [], "[export,report]"),
        (["export", "report"], ["torch"], "[report]"),
        (["export"], [], "[export]"),
        (["export"], ["torch"], None),
        ([], [], None),
    ],
)
def test_an_extra_that_is_missing_is_named(wanted, there, extras):
    lines = start._missing(wanted, lambda name: object() if name in there else None)
    if extras is None:
        assert lines == []
    else:
        assert f"pip install 'mgn-fast{extras}'" in lines[0]
