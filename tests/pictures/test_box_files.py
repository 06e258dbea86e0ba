# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import pytest

from mgn_fast import DatasetError
from mgn_fast.pictures.box_files import read_boxes
from mgn_fast.pictures.sources import Listed
from mgn_fast.types import Crop


def frames(*names, folder="/frames"):
    return Listed(Path(folder), [(name, Path(folder, name)) for name in names])


def read(tmp_path, content, given=None, name="boxes.csv"):
    (tmp_path / name).write_text(content)
    return read_boxes(tmp_path / name, given)


def told(boxes):
    """(name, file, box, person) of each crop."""
    return [
        (name, str(crop.frame), str(crop.box), (boxes.persons or {}).get(name))
        for name, crop in boxes.listed.pictures
    ]


def test_a_table_names_frames_and_crops_come_by_frame(tmp_path):
    got = read(tmp_path, "frame,x,y,w,h\nb.jpg,1,2,3,4\na.jpg,5,6.5,7,8\nb.jpg,9,10,11,12\n")
    assert told(got) == [
        ("b.jpg#1,2,3,4", f"{tmp_path}/b.jpg", "1,2,3,4", None),
        ("b.jpg#9,10,11,12", f"{tmp_path}/b.jpg", "9,10,11,12", None),
        ("a.jpg#5,6.5,7,8", f"{tmp_path}/a.jpg", "5,6.5,7,8", None),
    ]
    assert got.listed.folder == tmp_path
    assert got.persons is None
    assert all(isinstance(crop, Crop) for _, crop in got.listed.pictures)


def test_columns_may_have_other_names_and_order(tmp_path):
    content = "HEIGHT;Width;bb_top;x;path;id;name\n4;3;2;1;a.jpg;ann;first\n4;3;2;9;a.jpg;;\n"
    assert told(read(tmp_path, content)) == [
        ("first", f"{tmp_path}/a.jpg", "1,2,3,4", "ann"),
        ("a.jpg#9,2,3,4", f"{tmp_path}/a.jpg", "9,2,3,4", None),
    ]
    rows = [{"frame": "a.jpg", "x": 1, "y": 2, "w": 3.5, "h": 4, "person": 7}]
    got = read(tmp_path, json.dumps(rows), name="boxes.json")
    assert told(got) == [("a.jpg#1,2,3.5,4", f"{tmp_path}/a.jpg", "1,2,3.5,4", "7")]


def test_frames_given_are_known_by_their_names_and_order_the_crops(tmp_path):
    content = "frame,x,y,w,h\nc/b.jpg,1,2,3,4\na.jpg,5,6,7,8\nz.jpg,1,1,1,1\nz.jpg,2,1,1,1\n"
    got = read(tmp_path, content, frames("a.jpg", "c/b.jpg", "e.jpg"))
    assert [(name, file) for name, file, _, _ in told(got)] == [
        ("a.jpg#5,6,7,8", "/frames/a.jpg"),
        ("c/b.jpg#1,2,3,4", "/frames/c/b.jpg"),
    ]
    assert [name for name, _ in got.unknown] == ["z.jpg#1,1,1,1", "z.jpg#2,1,1,1"]
    assert got.unknown[0][1].endswith("line 4: frame 'z.jpg' is none of those given")
    assert got.num_without == 1


MOT = "10,3,5,6,7,8,1,1,0.5\n2,-1,1,2,3,4,0.9,-1,-1,-1\n\n2,3,1.5,2,3,4,0,7,0\n"


@pytest.mark.parametrize("name", ["gt.txt", "gt.csv"])
def test_motchallenges_rows_are_of_numbered_frames(tmp_path, name):
    got = read(tmp_path, MOT, frames("000010.jpg", "cam-2.jpg", "3.jpg"), name=name)
    assert told(got) == [
        ("cam-2.jpg#1,2,3,4", "/frames/cam-2.jpg", "1,2,3,4", None),
        ("cam-2.jpg#1.5,2,3,4", "/frames/cam-2.jpg", "1.5,2,3,4", "3"),
        ("000010.jpg#5,6,7,8", "/frames/000010.jpg", "5,6,7,8", "3"),
    ]
    assert got.num_without == 1


def test_numbers_in_tables_ask_for_numbered_frames_too(tmp_path):
    got = read(tmp_path, "frame,x,y,w,h\n7,1,2,3,4\n", frames("0007.jpg", "07x.jpg"))
    assert [name for name, *_ in told(got)] == ["0007.jpg#1,2,3,4"]
    with pytest.raises(
        DatasetError, match=r"ask for frame 7, and both 'a/7.jpg' and 'b/07.jpg' are"
    ):
        read(tmp_path, "frame,x,y,w,h\n7,1,2,3,4\n", frames("a/7.jpg", "b/07.jpg"))


def test_a_files_name_is_enough_where_one_frame_has_it(tmp_path):
    content = "frame,x,y,w,h\n7.jpg,1,2,3,4\n"
    got = read(tmp_path, content, frames("a/7.jpg", "b/8.jpg"))
    assert [name for name, *_ in told(got)] == ["a/7.jpg#1,2,3,4"]
    with pytest.raises(
        DatasetError, match=r"ask for frame 7.jpg, and both 'a/7.jpg' and 'b/7.jpg'"
    ):
        read(tmp_path, content, frames("a/7.jpg", "b/7.jpg"))
    content = "frame,x,y,w,h\nb/7.jpg,1,2,3,4\n"
    got = read(tmp_path, content, frames("a/7.jpg", "b/7.jpg"))
    assert [name for name, *_ in told(got)] == ["b/7.jpg#1,2,3,4"]


def test_equal_boxes_have_different_names(tmp_path):
    got = read(tmp_path, "1,4,1,2,3,4\n1,5,1,2,3,4\n1,6,1,2,3,4\n", frames("1.jpg"))
    assert [(name, who) for name, _, _, who in told(got)] == [
        ("1.jpg#1,2,3,4", "4"),
        ("1.jpg#1,2,3,4#2", "5"),
        ("1.jpg#1,2,3,4#3", "6"),
    ]
    content = "frame,x,y,w,h,name\na,1,1,1,1,x\nb,1,1,1,1,x\n"
    with pytest.raises(DatasetError, match="give the name 'x' twice"):
        read(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("frame,x,y,w\na,1,2,3\n", "have the columns frame, x, y, w and no h or height or bb_h"),
        ("file,x,y,w,h\na,1,2,3,4\n", "and no frame or path; expected frame"),
        ("frame,x,y,w,h\na,1,2,three,4\n", r"line 2, have the box '1, 2, three, 4', expected four"),
        ("frame,x,y,w,h\na,1,2,nan,4\n", "line 2, have the box '1, 2, nan, 4'"),
        ("frame,x,y,w,h\na,1,2,inf,4\n", "line 2, have the box"),
        ("frame,x,y,w,h\na,1,2,,4\n", "line 2, have no w"),
        ("frame,x,y,w,h\n,1,2,3,4\n", "line 2, have no frame"),
        ("frame,x,y,w,h\n", "have no rows"),
        ("", "have no rows"),
        ("1,2,3,4\n", "line 1, are '1,2,3,4', expected frame, id, x, y, w, h"),
        ("1,2,3,4,5,6\n1.5,2,3,4,5,6\n", "line 2, have '1.5', expected a whole number: frame"),
        ("1,2,3,4,5,x\n", "line 1, have the box '3, 4, 5, x'"),
        ("1,ann,3,4,5,6\n", "line 1, have 'ann', expected a whole number"),
    ],
)
def test_what_are_no_boxes_is_named_with_its_line(tmp_path, content, message):
    with pytest.raises(DatasetError, match=message):
        read(tmp_path, content)


def test_files_of_other_kinds_are_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"do not begin with a number.*name a table \.csv"):
        read(tmp_path, "frame,x,y,w,h\n", name="boxes.txt")
    with pytest.raises(DatasetError, match=r"end in '\.xml', expected"):
        read(tmp_path, "<a/>", name="boxes.xml")
    with pytest.raises(DatasetError, match=r"boxes '.*none\.csv' cannot be read"):
        read_boxes(tmp_path / "none.csv")
