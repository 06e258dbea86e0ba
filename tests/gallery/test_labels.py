# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast import InvalidInputError
from mgn_fast.gallery.labels import LabelTable, checked_labels, updated


def test_persons_and_cameras_become_words_and_all_else_stays():
    given = {"person": np.int64(7), "camera": "door", "box": [1, 2.5], "seen": {"by": None}}
    assert checked_labels("a", given) == given | {"person": "7"}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["person"], "expected a dict"),
        ({1: "ann"}, "expected a dict"),
        ({"": "ann"}, "expected a dict"),
        ({"person": 1.5}, "person is 1.5, expected a word or a whole number"),
        ({"camera": True}, "camera is True"),
        ({"person": ["ann"]}, r"person is \['ann'\]"),
        ({"score": float("nan")}, "cannot be kept"),
        ({"score": {1, 2}}, "cannot be kept"),
    ],
    ids=str,
)
def test_what_cannot_be_kept_is_refused_with_the_picture_named(labels, message):
    with pytest.raises(InvalidInputError, match=f"the labels of 'a.jpg' .*{message}"):
        checked_labels("a.jpg", labels)


def test_a_key_with_none_is_taken_away():
    assert updated({"person": "ann", "x": 1}, {"x": None, "y": 2}) == {"person": "ann", "y": 2}


def test_a_picture_is_looked_up_by_its_name_and_then_by_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = LabelTable({"a.jpg": {"person": 1}, "there/b.jpg": {"person": 2}})
    assert table.of("a.jpg") == {"person": "1"}
    assert table.of("a.jpg", "there/b.jpg") == {"person": "1"}
    assert table.of("b.jpg", tmp_path / "there" / "b.jpg") == {"person": "2"}
    assert table.of("b.jpg", tmp_path / "b.jpg") == {}
    assert table.of("b.jpg") == {}


def test_names_that_nobody_asks_for_are_told():
    assert LabelTable({"a": {}, "b": {}}).unused({"b", "c"}) == ["a"]
    assert not LabelTable(None)


def test_another_kind_of_labels_is_refused():
    with pytest.raises(InvalidInputError, match="labels is a list"):
        LabelTable([{}])
