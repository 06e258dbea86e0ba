# SPDX-License-Identifier: Apache-2.0
import csv
import io
import json

import numpy as np
import pytest

from mgn_fast import Gallery
from mgn_fast.cli import main
from support import galleries


@pytest.fixture
def path(tmp_path):
    """a0.jpg to a3.jpg, the first two of ann, by camera 1."""
    labels = {f"a{n}.jpg": {"person": "ann", "camera": 1} for n in range(2)}
    labels["a0.jpg"]["hat"] = ["red"]
    rows = np.eye(4)
    return Gallery.of(rows, [f"a{n}.jpg" for n in range(4)], labels).save(tmp_path / "a.gallery")


def run(action, path, *words):
    return main(["gallery", action, str(path), *map(str, words)])


def told(capsys):
    return capsys.readouterr().out


def test_info_tells_counts_model_and_labels(path, capsys):
    assert run("info", path) == 0
    lines = told(capsys).splitlines()
    assert lines[0] == str(path)
    assert lines[1] == "  pictures   4 pictures, float32 4 wide"
    assert lines[2] == "  model      not known"
    assert lines[3] == "  labels     person of 2 (1 different), camera of 2 (1 different), hat of 1"
    assert lines[4].endswith(f"{path.stat().st_size:,} bytes")
    run("remove", path, "a0.jpg")
    capsys.readouterr()
    run("info", path)
    assert "(1 removed pictures, 1 edits) wait for `mgn-fast gallery compact`" in told(capsys)


def test_info_as_json_has_all_of_it(path, capsys):
    assert run("info", path, "--json") == 0
    said = json.loads(told(capsys))
    assert said["num_pictures"] == 4
    assert said["contract"] is None
    assert said["num_labelled"] == {"person": 2, "camera": 2, "hat": 1}


def test_the_contract_of_a_model_is_told(searched, capsys):
    assert run("info", searched / "a.gallery") == 0
    assert "tiny.onnx" in (out := told(capsys))
    assert "  contract   " in out
    assert run("info", searched / "a.gallery", "--json") == 0
    assert json.loads(told(capsys))["contract"]["height"] > 0


def test_list_has_a_line_for_each_picture(path, capsys):
    assert run("list", path) == 0
    assert told(capsys).splitlines() == [
        'a0.jpg  person=ann  camera=1  hat=["red"]',
        "a1.jpg  person=ann  camera=1",
        "a2.jpg",
        "a3.jpg",
    ]
    assert run("list", path, "--person", "ann", "--match", "*3*") == 0
    assert [line.split()[0] for line in told(capsys).splitlines()] == ["a0.jpg", "a1.jpg", "a3.jpg"]
    assert run("list", path, "--person", "eve") == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "person 'eve': not in the gallery" in said.err


def test_list_as_json_and_as_csv(path, tmp_path, capsys):
    assert run("list", path, "--json") == 0
    first = json.loads(told(capsys))["pictures"][0]
    assert first["name"] == "a0.jpg"
    assert first["labels"] == {"person": "ann", "camera": "1", "hat": ["red"]}
    assert run("list", path, "--csv", tmp_path / "a.csv", "--match", "a1*") == 0
    assert run("list", path, "--csv", "-", "--match", "a1*") == 0
    out = told(capsys)
    assert (tmp_path / "a.csv").read_bytes().decode() == out.replace("\n", "\r\n").replace(
        "\r\r", "\r"
    )
    (line,) = csv.DictReader(io.StringIO(out))
    assert (line["name"], line["person"], line["camera"]) == ("a1.jpg", "ann", "1")


def test_names_that_would_write_to_the_terminal_are_escaped(tmp_path, capsys):
    path = Gallery.of(np.eye(1), ["\x1b[31m"], {"\x1b[31m": {"x": "\x1b"}}).save(
        tmp_path / "a.gallery"
    )
    run("list", path)
    assert "\x1b" not in told(capsys)


def test_pictures_are_removed_by_name_list_and_person(path, tmp_path, capsys, monkeypatch):
    (tmp_path / "gone").write_text("a3.jpg\r\n\nnope.jpg\n")
    assert run("remove", path, "a2.jpg", "--list", tmp_path / "gone", "--missing-ok") == 0
    said = capsys.readouterr()
    assert "2 removed; 2 pictures; " in said.out
    assert "bytes wait for `mgn-fast gallery compact`" in said.out
    assert "'nope.jpg': not in the gallery" in said.err
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a0.jpg\n")))
    assert run("remove", path, "--list", "-", "--compact", "--json") == 0
    assert json.loads(told(capsys)) == {
        "gallery": str(path),
        "num_changed": 1,
        "num_pictures": 1,
        "waiting_bytes": 0,
        "missing": [],
        "same_bytes": [],
    }
    assert galleries.names_of(path) == ["a1.jpg"]


def test_a_second_name_of_what_was_removed_is_told(tmp_path, capsys):
    path = Gallery.of(np.ones((2, 4)), ["a", "b"]).save(tmp_path / "a.gallery")
    assert run("remove", path, "a") == 0
    assert "1 pictures that stay have the bytes of removed ones, the first 'b'" in (
        capsys.readouterr().err
    )


def test_pictures_are_renamed_and_labelled(path, tmp_path, capsys):
    assert run("rename", path, "a0.jpg", "b.jpg") == 0
    assert run("rename", path, "a", "c/", "--prefix") == 0
    assert galleries.names_of(path) == ["b.jpg", "c/1.jpg", "c/2.jpg", "c/3.jpg"]
    words = ["--name", "b.jpg", "--name", "c/2.jpg", "--person", "7", "--unset", "hat"]
    assert run("label", path, *words, "--set", "n=[1]", "--set", "note=a=b") == 0
    assert "2 labelled; 4 pictures" in told(capsys)
    gallery = Gallery.load(path)
    assert gallery.label(0) == {"person": "7", "camera": "1", "n": [1], "note": "a=b"}
    assert gallery.label(2) == {"person": "7", "n": [1], "note": "a=b"}
    (tmp_path / "labels.csv").write_text("path,person\nc/3.jpg,bob\nb.jpg,eve\n")
    assert run("label", path, "--labels", tmp_path / "labels.csv") == 0
    gallery = Gallery.load(path)
    assert [gallery.label(place)["person"] for place in (0, 3)] == ["eve", "bob"]


def test_compact_tells_what_it_erased(path, capsys):
    run("remove", path, "a0.jpg")
    size = path.stat().st_size
    capsys.readouterr()
    assert run("compact", path, "--json") == 0
    assert json.loads(told(capsys))["saved_bytes"] == size - path.stat().st_size > 0
    assert run("compact", path) == 0
    assert told(capsys) == f"{path}: 3 pictures; 0 bytes erased\n"


def test_galleries_are_merged(path, tmp_path, capsys):
    other = Gallery.of(2 * np.eye(4), list("wxyz")).save(tmp_path / "b.gallery")
    output = tmp_path / "c.gallery"
    assert main(["gallery", "merge", str(path), str(other), "-o", str(output)]) == 0
    assert told(capsys) == f"{output}: 8 pictures\n"
    assert main(["gallery", "merge", str(path), str(other), "-o", str(output), "--json"]) == 0
    assert json.loads(told(capsys)) == {"gallery": str(output), "num_pictures": 8}


def test_a_gallery_is_exported(path, tmp_path, capsys):
    assert run("export", path, "-o", tmp_path / "a.npy") == 0
    assert told(capsys) == f"{tmp_path / 'a.csv'} and {tmp_path / 'a.npy'}: 4 pictures\n"
    assert run("export", path, "-o", tmp_path / "a.parquet", "--json") == 0
    assert json.loads(told(capsys))["files"] == [str(tmp_path / "a.parquet")]


@pytest.mark.parametrize(
    ("action", "words", "code", "message"),
    [
        ("remove", [], 2, "expected NAME, --list, --match or --person"),
        ("remove", ["nope"], 2, "'nope': not in gallery"),
        ("remove", ["--list", "none.txt"], 2, "cannot be read"),
        ("rename", ["nope", "x"], 2, "'nope': not in gallery"),
        ("rename", ["a0.jpg", "a1.jpg"], 2, "another picture of the name"),
        ("label", [], 2, "expected either --labels"),
        ("label", ["--labels", "x.csv", "--name", "a0.jpg"], 2, "expected either --labels"),
        ("label", ["--labels", "none.csv"], 3, "cannot be read"),
        ("label", ["--name", "a0.jpg", "--set", "x"], 2, "expected KEY=VALUE"),
        ("label", ["--name", "a0.jpg", "--set", "=x"], 2, "expected KEY=VALUE"),
        ("label", ["--name", "a0.jpg"], 2, "--name is given without labels"),
        ("label", ["--name", "a0.jpg", "--set", "x=NaN"], 2, "cannot be kept"),
        ("label", ["--name", "nope", "--person", "x"], 2, "'nope': not in gallery"),
        ("export", ["-o", "a.txt"], 2, "ends in '.txt'"),
        ("merge", ["-o", "c.gallery"], 2, "1 galleries are given"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    path, capsys, action, words, code, message
):
    content = path.read_bytes()
    assert run(action, path, *words) == code
    assert message in capsys.readouterr().err
    assert path.read_bytes() == content


@pytest.mark.parametrize("action", ["info", "list", "remove", "label", "compact", "export"])
def test_what_is_no_gallery_is_refused(tmp_path, capsys, action):
    (tmp_path / "x.gallery").write_text("mine")
    words = {
        "remove": ["a"],
        "label": ["--name", "a", "--person", "x"],
        "export": ["-o", tmp_path / "a.npy"],
    }
    assert run(action, tmp_path / "x.gallery", *words.get(action, [])) == 3
    assert "is no gallery" in capsys.readouterr().err
    assert (tmp_path / "x.gallery").read_text() == "mine"
