# SPDX-License-Identifier: Apache-2.0
import pytest

from mgn_fast.report.kit.words import count, short_name


def test_numbers_of_things():
    assert count(1, "query", "queries") == "1 query"
    assert count(3368, "query", "queries") == "3,368 queries"
    assert count(0, "picture") == "0 pictures"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a.jpg", "a.jpg"),
        ("/data/set/ann/001.jpg", "ann/001.jpg"),
        ("bounding_box_test/0001_c1s1_000002_00.jpg", "0001_c1s1_000002_00.jpg"),
        ("x" * 40 + ".jpg", "x" * 40 + ".jpg"),
        ("ann/", "ann/"),
        ("a\x1b.jpg", r"a\x1b.jpg"),
    ],
)
def test_a_name_has_a_folder_where_there_is_room(name, shown):
    assert short_name(name) == shown
