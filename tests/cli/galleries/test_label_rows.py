# SPDX-License-Identifier: Apache-2.0
import argparse
import json

import pytest

from mgn_fast import DatasetError, InvalidInputError
from mgn_fast.cli.galleries.label_rows import labels_in_file, labels_in_words


def written(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_csv_by_name_sets_what_is_not_empty(tmp_path):
    path = written(tmp_path / "a.csv", "name,person,camera,hat\na.jpg,ann,,red\nb.jpg,,3,\n")
    assert labels_in_file(path, []) == {
        "a.jpg": {"person": "ann", "hat": "red"},
        "b.jpg": {"camera": "3"},
    }


def test_paths_are_names_that_are_there_or_relative_to_the_file(tmp_path):
    path = written(tmp_path / "a.csv", "path,person\na.jpg,ann\nb/c.jpg,bob\n")
    assert set(labels_in_file(path, ["a.jpg"])) == {"a.jpg", str(tmp_path / "b" / "c.jpg")}


@pytest.mark.parametrize(
    "content",
    [
        [{"name": "a.jpg", "person": 7, "seen": [1]}],
        {"a.jpg": {"person": 7, "seen": [1]}},
    ],
    ids=["rows", "by name"],
)
def test_json_has_values_of_any_kind(tmp_path, content):
    path = written(tmp_path / "a.json", content)
    assert labels_in_file(path, []) == {"a.jpg": {"person": 7, "seen": [1]}}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "list no picture"),
        ("a.csv", "person\nann\n", "row 1, are .* expected the column name or path"),
        ("a.csv", "name,person\na,x\na,y\n", "list 'a' twice"),
        ("a.json", "[", "cannot be read"),
        ("a.json", [1], "expected a list of objects"),
        ("a.json", {"a": 1}, "cannot be read"),
        ("a.json", 3, "expected a list of objects"),
    ],
)
def test_other_tables_are_refused(tmp_path, name, content, message):
    with pytest.raises(DatasetError, match=message):
        labels_in_file(written(tmp_path / name, content), [])


def test_a_table_that_is_missing_or_no_utf_8_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        labels_in_file(tmp_path / "none.csv", [])
    (tmp_path / "a.csv").write_bytes(b"name\n\xff\n")
    with pytest.raises(DatasetError, match="cannot be read"):
        labels_in_file(tmp_path / "a.csv", [])


def words(**given):
    none = {"name": ["a", "b"], "person": None, "camera": None, "set": [], "unset": []}
    return labels_in_words(argparse.Namespace(**(none | given)))


def test_options_say_labels_of_all_named_pictures():
    found = words(person="7", set=["hat=true", "note=a=b", "box=[1, 2]", "word=x"], unset=["old"])
    label = {"hat": True, "note": "a=b", "box": [1, 2], "word": "x", "old": None, "person": "7"}
    assert found == {"a": label, "b": label}


@pytest.mark.parametrize("word", ["hat", "=red"])
def test_a_key_without_value_is_refused(word):
    with pytest.raises(InvalidInputError, match="expected KEY=VALUE"):
        words(set=[word])
