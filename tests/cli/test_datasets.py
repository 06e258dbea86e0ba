# SPDX-License-Identifier: Apache-2.0
import argparse

import pytest

from mgn_fast import DatasetError, InvalidInputError
from mgn_fast.cli import datasets
from mgn_fast.cli.datasets import (
    add_dataset_options,
    given_dataset,
    has_dataset,
    require_files,
    say_what_labels_tell,
)


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_dataset_options(parser)
    return parser.parse_args([str(word) for word in words])


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("path,person,camera\na.jpg,ann,1\nb.jpg,ann,2\nc.jpg,bo,1\n")
    return path


@pytest.mark.parametrize("option", [["--labels"], []], ids=["option", "in the dataset's place"])
def test_a_table_is_a_dataset(table, option):
    dataset = given_dataset(parsed(*option, table), strict=False)
    assert (dataset.kind, len(dataset.query)) == ("csv", 3)


def test_a_camera_pattern_reaches_the_names(tmp_path):
    for name in ("ann/c1.jpg", "ann/c2.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    words = (tmp_path, "--kind", "folders", "--camera-pattern", r"c(\d)")
    assert given_dataset(parsed(*words), strict=False).query.camera.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("set", "--labels", "t.csv"), "DATASET is 'set' and --labels 't.csv', expected one"),
        (("--labels", "t.csv", "--kind", "own"), "--kind is 'own' for the table 't.csv'"),
        (("set", "--camera-pattern", "x"), "--camera-pattern is 'x' and --kind 'market1501'"),
    ],
)
def test_options_that_do_not_go_together_are_refused(words, message):
    with pytest.raises(InvalidInputError, match=message):
        given_dataset(parsed(*words), strict=False)


def test_whether_labels_are_given():
    assert has_dataset(parsed("set"))
    assert has_dataset(parsed("--labels", "t.csv"))
    assert not has_dataset(parsed())


def told(monkeypatch, table, *rules):
    lines = []
    monkeypatch.setattr(datasets, "say", lines.append)
    say_what_labels_tell(given_dataset(parsed(table), strict=False), *rules)
    return lines


def test_what_labels_alone_can_tell(table, monkeypatch):
    (line,) = told(monkeypatch, table, "drop", "auto")
    assert line.startswith("note: of 1 queries every gallery picture of the person is by their own")
    assert told(monkeypatch, table, "keep", "auto") == [
        "note: 1 queries are the only picture of their person"
    ]
    assert told(monkeypatch, table, "keep", "keep") == []


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a.jpg,1,1\nb.jpg,2,1\n", "the other 2 every gallery .* removed by --same-camera 'drop'"),
        ("a.jpg,1,\nb.jpg,2,\n", "the other 2 have no other picture of their person"),
    ],
)
def test_labels_without_a_match_are_an_error_before_any_work(tmp_path, monkeypatch, rows, message):
    table = tmp_path / "t.csv"
    table.write_text(f"path,person,camera\n{rows}")
    with pytest.raises(DatasetError, match=message):
        told(monkeypatch, table, "drop", "auto")


def test_files_that_are_not_there_are_named(table, tmp_path):
    (tmp_path / "b.jpg").write_bytes(b"")
    with pytest.raises(
        DatasetError, match=r"2 of 3 files of .* are not there: '.*a\.jpg', '.*c\.j"
    ):
        require_files(given_dataset(parsed(table), strict=False))
