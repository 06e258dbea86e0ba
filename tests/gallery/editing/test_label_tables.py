# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from mgn_fast import DatasetError
from mgn_fast.gallery.editing.label_tables import labels_in_table
from support.late import late

pandas = late("pandas")


def written(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_csv_by_name_sets_what_is_not_empty(tmp_path):
    path = written(tmp_path / "a.csv", "Name,person,camera,hat\na.jpg,ann,,red\nb.jpg, ,3,\n")
    assert labels_in_table(path, []) == {
        "a.jpg": {"person": "ann", "hat": "red"},
        "b.jpg": {"camera": "3"},
    }


def test_paths_are_names_that_are_there_or_relative_to_the_file(tmp_path):
    path = written(tmp_path / "a.csv", "path,person\na.jpg,ann\nb/c.jpg,bob\n")
    assert set(labels_in_table(path, ["a.jpg"])) == {"a.jpg", str(tmp_path / "b" / "c.jpg")}


def test_a_name_goes_before_a_path(tmp_path):
    path = written(tmp_path / "a.csv", "path,name,person\nx.jpg,a.jpg,ann\ny.jpg,,bob\n")
    assert set(labels_in_table(path, [])) == {"a.jpg", str(tmp_path / "y.jpg")}


def test_json_has_values_of_any_kind(tmp_path):
    path = written(tmp_path / "a.json", [{"name": "a.jpg", "person": 7, "seen": [1], "x": None}])
    assert labels_in_table(path, []) == {"a.jpg": {"person": "7", "seen": [1]}}


def test_a_data_frame_is_a_table_whose_numbers_may_have_holes():
    table = pandas.DataFrame({"name": ["a", "b"], "person": [7.0, None], "age": [None, 3.5]})
    assert labels_in_table(table, []) == {"a": {"person": "7"}, "b": {"age": 3.5}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "have no rows|have the columns"),
        ("person\nann\n", "have the columns person, expected name or path among them"),
        ("name,person\na,x\na,y\n", "line 3, name 'a', which an earlier row does"),
        ("name,person\n,x\n", "line 2, have no name"),
        ("name,path,person\n,,x\n", "line 2, have neither name nor path"),
        ("name,person\na\n", "line 2"),
    ],
)
def test_other_tables_are_refused(tmp_path, content, message):
    with pytest.raises(DatasetError, match=message):
        labels_in_table(written(tmp_path / "a.csv", content), [])


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        labels_in_table(tmp_path / "none.csv", [])
