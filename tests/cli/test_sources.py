# SPDX-License-Identifier: Apache-2.0
import argparse
import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mgn_fast import DatasetError, DecodeError, InvalidInputError
from mgn_fast.cli.sources import add_source_options, given_pictures, require_different, say_noticed
from mgn_fast.embedding.reading import Noticed
from mgn_fast.models.contract import Contract

PNG = b"\x89PNG\r\n\x1a\n" + bytes(30)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """cam1/{1,2}.png and cam2/1.png in the current directory."""
    for name in ("cam1/2.png", "cam1/1.png", "cam2/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(PNG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def given(*words, on_error="raise"):
    parser = argparse.ArgumentParser()
    add_source_options(parser)
    arguments = parser.parse_args([*map(str, words)])
    arguments.on_error = on_error
    return given_pictures(arguments)


def names(found):
    return [name for name, _ in found.listed.pictures]


def test_one_directory_names_its_pictures_and_more_words_themselves(folder):
    assert names(given("cam1")) == ["1.png", "2.png"]
    assert given("cam1").listed.folder == folder / "cam1"
    assert names(given("cam1/2.png", "cam2")) == ["cam1/2.png", "cam2/1.png"]
    assert names(given("cam?/1.png")) == ["cam1/1.png", "cam2/1.png"]
    assert names(given("cam[2]")) == ["1.png"]


def test_a_list_names_its_lines_and_beside_words_its_files(folder, monkeypatch):
    (folder / "far").mkdir()
    (folder / "far/list.txt").write_text("../cam2/1.png\n../cam1\n")
    lines = ["../cam2/1.png", "../cam1/1.png", "../cam1/2.png"]
    assert names(given("--list", "far/list.txt")) == lines
    both = names(given("cam1/1.png", "--list", "far/list.txt"))
    assert both == ["cam1/1.png", *(str(folder / "far" / line) for line in lines)]
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"cam1/1.png\n")))
    assert names(given("--list", "-")) == ["cam1/1.png"]


def test_nothing_given_is_refused(folder):
    with pytest.raises(InvalidInputError, match="no pictures are given, expected directories, fil"):
        given()
    with pytest.raises(InvalidInputError, match=r"'dog\*' is no file, and nothing matches"):
        given("dog*")
    with pytest.raises(DatasetError, match="list 'none' cannot be read"):
        given("--list", "none")


def test_strangers_end_the_command_or_are_said_and_left_out(folder, capsys):
    (folder / "cam1/a.txt").write_text("a")
    (folder / "cam1/b.csv").write_text("b")
    message = r"2 of 4 files are no readable pictures: 'a.txt', 'b.csv'; .*--on-error skip"
    with pytest.raises(DecodeError, match=message):
        given("cam1")
    found = given("cam1", on_error="skip")
    assert names(found) == ["1.png", "2.png"]
    assert [name for name, _ in found.left_out] == ["a.txt", "b.csv"]
    assert len(found) == 2
    assert (
        "note: 2 of 4 files are no readable pictures: 'a.txt', 'b.csv'" in capsys.readouterr().err
    )
    with pytest.raises(DecodeError, match="'none' cannot be read: No such file"):
        given("none")


def test_boxes_are_cut_out_of_the_frames_given(folder, capsys):
    (folder / "gt.txt").write_text("2,7,1,2,3,4\n1,8,1,2,3,4\n")
    found = given("cam1", "--boxes", "gt.txt")
    assert names(found) == ["1.png#1,2,3,4", "2.png#1,2,3,4"]
    assert found.persons == {"1.png#1,2,3,4": "8", "2.png#1,2,3,4": "7"}
    assert capsys.readouterr().err == ""
    (folder / "gt.txt").write_text("2,7,1,2,3,4\n")
    given("cam1", "--boxes", "gt.txt")
    assert capsys.readouterr().err == "note: 1 of 2 frames have no box\n"
    (folder / "boxes.csv").write_text("frame,x,y,w,h\ncam2/1.png,1,2,3,4\n")
    assert names(given("--boxes", "boxes.csv")) == ["cam2/1.png#1,2,3,4"]


def test_boxes_of_frames_that_are_not_there_are_told_before(folder, capsys):
    (folder / "gt.txt").write_text("2,7,1,2,3,4\n9,7,1,2,3,4\n8,7,1,2,3,4\n")
    message = r"of 'gt.txt', 2 boxes of frames that are not there; the first: .*line 2: frame '9'"
    with pytest.raises(DatasetError, match=message):
        given("cam1", "--boxes", "gt.txt")
    found = given("cam1", "--boxes", "gt.txt", on_error="skip")
    assert names(found) == ["2.png#1,2,3,4"]
    assert [name for name, _ in found.left_out] == ["9#1,2,3,4", "8#1,2,3,4"]
    assert "warning: of 'gt.txt', 2 boxes" in capsys.readouterr().err


def test_a_broken_frame_is_told_before_its_boxes_are_cut(folder):
    (folder / "boxes.csv").write_text("frame,x,y,w,h\ncam3/1.png,1,2,3,4\n")
    with pytest.raises(DecodeError, match=r"cam3/1\.png' cannot be read"):
        given("--boxes", "boxes.csv")


def test_names_that_tell_rows_apart_come_once(folder):
    require_different(given("cam1/1.png", "cam1/2.png"))
    with pytest.raises(InvalidInputError, match=r"'cam1/1\.png' comes twice among the pictures"):
        require_different(given("cam1/1.png", "cam1"))


@pytest.mark.parametrize(
    ("noticed", "exif", "lines"),
    [
        (Noticed(), "ignore", []),
        (Noticed(1, 0, 0), "ignore", ["note: 1 picture turned by EXIF, taken as stored"]),
        (Noticed(2000, 0, 0), "apply", ["note: 2,000 pictures turned upright, as EXIF says"]),
        (Noticed(0, 3, 1), "ignore", ["note: 3 pictures wider than high", "note: 1 box cut off"]),
    ],
)
def test_what_was_noticed_is_a_line_each(noticed, exif, lines, capsys):
    say_noticed(noticed, Contract(exif=exif))
    said = capsys.readouterr().err.splitlines()
    assert len(said) == len(lines)
    assert all(line.startswith(start) for line, start in zip(said, lines, strict=True))


def test_paths_are_what_is_decoded(folder):
    assert given("cam1").listed.pictures[0][1] == Path("cam1/1.png")
