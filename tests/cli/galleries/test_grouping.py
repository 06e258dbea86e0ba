# SPDX-License-Identifier: Apache-2.0
import csv
import io

import numpy as np
import pytest

from mgn_fast import Gallery, InvalidInputError, group
from mgn_fast.cli.galleries.grouping import (
    Grouping,
    agreement_words,
    described,
    grouped,
    lines,
    table,
)
from mgn_fast.common import memory
from mgn_fast.common.progress import no_progress

SETTINGS = {"k1": 4, "k2": 2, "eps": 0.5, "min_pictures": 2}
NAMES = ["a.jpg", 'b, "b".jpg', "c\n.jpg", "d.jpg", "e.jpg", "\udcff.jpg"]
GROUPS = np.array([1, 0, 1, -1, 1, 0], np.int32)


def gallery_of(tmp_path, labels=None):
    path = tmp_path / "a.gallery"
    Gallery.of(np.eye(6, 8), NAMES, labels).save(path)
    return Gallery.load(path)


def grouping(tmp_path, labels=None, groups=GROUPS):
    gallery = gallery_of(tmp_path, labels)
    persons = [gallery.label(place).get("person") for place in range(6)]
    return Grouping(gallery, groups, SETTINGS, persons)


LABELS = {
    "a.jpg": {"person": "ann"},
    "e.jpg": {"person": "ann"},
    "d.jpg": {"person": "bob"},
    'b, "b".jpg': {"person": "bob"},
}


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("sizes", [(30,), (7, 23)])
def test_groups_are_those_of_all_rows(random, tmp_path, dtype, sizes, monkeypatch):
    monkeypatch.setattr("mgn_fast.gallery.gallery.MERGED_ROWS", sizes[0])
    rows = (5 * np.eye(3)[np.arange(30) % 3] + random.standard_normal((30, 3))).astype(dtype)
    gallery = Gallery.of(rows, list(map(str, range(30))), dtype=dtype)
    found = grouped(gallery, SETTINGS, 1, no_progress)
    np.testing.assert_array_equal(found.groups, group(rows, **SETTINGS))
    assert found.num_groups + found.num_alone > 1


def test_embeddings_that_do_not_fit_are_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 0)
    half = Gallery.of(np.ones((3, 4)), list("abc"), dtype="float16")
    with pytest.raises(InvalidInputError, match="reading 3 embeddings needs"):
        grouped(half, SETTINGS, 1, no_progress)


def test_lines_tell_sizes_and_the_largest_groups(tmp_path):
    found = grouping(tmp_path)
    assert list(lines(found)) == [
        f"6 pictures in {found.gallery.path}: 2 groups, 1 alone",
        "groups by size: 1 of 3, 1 of 2",
        "group, pictures, the first",
        "    1       3  a.jpg",
        '    0       2  b, "b".jpg',
    ]
    alone = grouping(tmp_path, groups=np.full(6, -1, np.int32))
    assert list(lines(alone)) == [f"6 pictures in {found.gallery.path}: 0 groups, 6 alone"]


def test_many_groups_are_told_in_few_lines(tmp_path, monkeypatch):
    monkeypatch.setattr("mgn_fast.cli.galleries.grouping._MOST_LINES", 1)
    said = list(lines(grouping(tmp_path)))
    assert said[1] == "groups by size: 1 of 3, ..."
    assert said[3:] == ["    1       3  a.jpg", "       and 1 group more"]


def test_labels_judge_the_groups(tmp_path):
    found = grouping(tmp_path, LABELS)
    # Of ann's two pictures both are in group 1; of bob's one is in 0 and one is alone. Of 6 pairs
    # one is together in both and one in the persons only; by chance 1 * 2 / 6 are in both.
    assert found.agreement() == {
        "num_labelled": 4,
        "num_persons": 2,
        "adjusted_rand_index": pytest.approx((1 - 1 / 3) / (1.5 - 1 / 3)),
    }
    (said,) = agreement_words(found)
    assert said == "adjusted Rand index 0.5714 against the labels of 4 pictures: 2 persons"
    assert list(lines(found))[3:5] == [
        "    1       3  a.jpg  (ann: 2, not known: 1)",
        '    0       2  b, "b".jpg  (bob: 1, not known: 1)',
    ]
    assert list(agreement_words(grouping(tmp_path))) == []


def test_json_has_every_picture_once(tmp_path):
    said = described(grouping(tmp_path, LABELS))
    assert said["groups"] == [
        {"group": 1, "names": ["a.jpg", "c\n.jpg", "e.jpg"]},
        {"group": 0, "names": ['b, "b".jpg', "\udcff.jpg"]},
    ]
    assert said["alone"] == ["d.jpg"]
    assert (said["num_pictures"], said["num_groups"], said["num_alone"]) == (6, 2, 1)
    assert {key: said[key] for key in SETTINGS} == SETTINGS
    assert said["num_persons"] == 2
    assert described(grouping(tmp_path))["adjusted_rand_index"] is None


def test_a_table_keeps_the_gallerys_order_and_any_name(tmp_path):
    content = table(grouping(tmp_path, LABELS))
    text = content.decode("utf-8", "surrogateescape")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert header == ["name", "group", "person"]
    assert [row[0] for row in rows] == NAMES
    assert [int(row[1]) for row in rows] == GROUPS.tolist()
    assert [row[2] for row in rows] == ["ann", "bob", "", "bob", "ann", ""]
