# SPDX-License-Identifier: Apache-2.0
import pytest

from mgn_fast import DatasetError
from mgn_fast.datasets.label_file import read_label_splits, read_labels


def write(tmp_path, content, name="labels.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_persons_and_cameras_are_words(tmp_path):
    lines = ["camera,Person,path,note", 'door,"Anna, B.",a/1.jpg,x', "hall,Ben,2.jpg,"]
    pictures = read_labels(write(tmp_path, "\n".join([*lines, 'door,"Anna, B.",3.jpg,'])))
    who = pictures.identities
    assert pictures.paths == tuple(tmp_path / name for name in ("a/1.jpg", "2.jpg", "3.jpg"))
    assert pictures.names == ("a/1.jpg", "2.jpg", "3.jpg")
    assert (who.person.tolist(), who.person_names) == ([0, 1, 0], ("Anna, B.", "Ben"))
    assert (who.camera.tolist(), who.camera_names) == ([0, 1, 0], ("door", "hall"))
    assert who.pictures[0] == str(tmp_path / "a/1.jpg")


def test_whole_numbers_are_the_persons_numbers_and_minus_one_is_junk(tmp_path):
    content = b"\xef\xbb\xbfpath,person\r\n/x/a.jpg,0012\r\n\r\nb.jpg,-1\r\nc.jpg,0\r\n"
    pictures = read_labels(write(tmp_path, content))
    assert [str(path) for path in pictures.paths] == ["/x/a.jpg", str(tmp_path / "c.jpg")]
    assert (pictures.person.tolist(), pictures.num_junk) == ([12, 0], 1)
    assert pictures.identities.person_names is None
    assert pictures.camera is None


def test_one_word_makes_all_persons_words(tmp_path):
    pictures = read_labels(write(tmp_path, "path,person\na.jpg,-1\nb.jpg,01\nc.jpg,x\n"))
    assert pictures.identities.person_names == ("-1", "01", "x")
    assert pictures.num_junk == 0


def test_cameras_that_are_nowhere_told_are_not_known(tmp_path):
    assert read_labels(write(tmp_path, "path,person,camera\na.jpg,x,\nb.jpg,y,\n")).camera is None
    with pytest.raises(DatasetError, match="line 3, have no camera, expected one in every row"):
        read_labels(write(tmp_path, "path,person,camera\na.jpg,x,1\nb.jpg,y,\n"))


def test_boxes_are_parts_of_one_file(tmp_path):
    pictures = read_labels(
        write(tmp_path, "path,person,x,y,w,h\nf.png,a,0,1,20,40\nf.png,b,5.5,1,20,40\n")
    )
    assert pictures.names == ("f.png#0,1,20,40", "f.png#5.5,1,20,40")
    assert [crop.frame for crop in pictures.sources] == [tmp_path / "f.png"] * 2
    assert [crop.box.edges for crop in pictures.sources] == [(0, 1, 20, 41), (6, 1, 26, 41)]
    assert pictures.identities.pictures[1] == f"{tmp_path / 'f.png'}#5.5,1,20,40"


SPLIT = (
    "path,person,split\na.jpg,ann,query\nb.jpg,bob,gallery\nc.jpg,ann,Gallery\nd.jpg,cid,train\n"
)


def test_splits_are_numbered_together(tmp_path):
    query, gallery, notes = read_label_splits(write(tmp_path, SPLIT))
    assert query.names == ("a.jpg",)
    assert gallery.names == ("b.jpg", "c.jpg")
    assert query.person.tolist() == [0]
    assert gallery.person.tolist() == [1, 0]
    assert query.identities.person_names == gallery.identities.person_names
    assert notes == ["1 rows of split 'train' were left out"]


def test_a_picture_may_be_in_both_splits(tmp_path):
    rows = "a.jpg,1,query\na.jpg,1,gallery\nb.jpg,1,gallery\n"
    query, gallery, _ = read_label_splits(write(tmp_path, f"path,person,split\n{rows}"))
    assert set(query.identities.pictures) < set(gallery.identities.pictures)


def test_without_splits_both_are_one(tmp_path):
    query, gallery, notes = read_label_splits(write(tmp_path, "path,person\na.jpg,1\nb.jpg,1\n"))
    assert query is gallery
    assert "every picture is a query among all others" in notes[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "have no rows"),
        ("path,person\n", "have no rows, expected at least one"),
        ("path,name\na,b\n", "have the columns path, name, expected path, person"),
        ("img_path,pid\na,b\n", "'img_path' looks like 'path': .*'pid' looks like 'person'"),
        ("paths,persons\na,b\n", "'paths' looks like 'path'"),
        ("path,person,person\na,b,c\n", "two columns 'person'"),
        ("path,person\na.jpg\n", r"line 2, are 'a\.jpg', expected 2 cells"),
        ("path,person\na.jpg,\n", "line 2, have no person, expected one in every row"),
        ("path,person\n,x\n", "line 2, have no path"),
        ("path,person\na.jpg,1\na.jpg,2\n", r"list 'a\.jpg' twice: line 2 and line 3"),
        ("path,person\na.jpg,-1\n", "list no picture to use, only junk"),
        ('path,person\n"a.jpg,1\n', "are no CSV"),
        (b"path,person\n\xff.jpg,1\n", "are not UTF-8 at byte 12"),
        ("path,person,x,y\na,b,1,2\n", "have x, y of a box, expected all of x, y, w, h"),
        ("path,person,x,y,w,h\na,b,1,2,3,q\n", "line 2, have the box '1, 2, 3, q'"),
        ("path,person,x,y,w,h\na,b,1,2,3,nan\n", "line 2, have the box '1, 2, 3, nan'"),
    ],
)
def test_what_labels_nobody_is_refused(tmp_path, content, message):
    with pytest.raises(DatasetError, match=message):
        read_labels(write(tmp_path, content))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a.jpg,1,test\n", "line 2, have 'test' as split, expected 'query', 'gallery', 'train'"),
        ("a.jpg,1,query\n", "have no row of split 'gallery'"),
        ("a.jpg,1,gallery\n", "have no row of split 'query'"),
        ("a.jpg,1,query\nb.jpg,-1,gallery\n", "only junk"),
    ],
)
def test_splits_that_are_none_are_refused(tmp_path, rows, message):
    with pytest.raises(DatasetError, match=message):
        read_label_splits(write(tmp_path, f"path,person,split\n{rows}"))
