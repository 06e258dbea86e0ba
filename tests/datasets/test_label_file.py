# SPDX-License-Identifier: Apache-2.0
import pytest

from mgn_fast import DatasetError
from mgn_fast.datasets.label_file import read_labels


def write(tmp_path, content):
    path = tmp_path / "labels.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_persons_and_cameras_are_numbered_by_first_appearance(tmp_path):
    lines = ["camera,Person,path,note", 'door,"Anna, B.",a/1.jpg,x', "hall,Ben,2.jpg,"]
    labelled = read_labels(write(tmp_path, "\n".join([*lines, 'door,"Anna, B.",3.jpg,'])))
    assert labelled.paths == tuple(tmp_path / name for name in ("a/1.jpg", "2.jpg", "3.jpg"))
    assert labelled.identities.person.tolist() == [1, 2, 1]
    assert labelled.identities.camera.tolist() == [1, 2, 1]


def test_without_cameras_each_picture_has_its_own(tmp_path):
    content = b"\xef\xbb\xbfpath,person\r\n/x/a.jpg,7\r\n\r\nb.jpg,7\r\n"
    labelled = read_labels(write(tmp_path, content))
    assert [str(path) for path in labelled.paths] == ["/x/a.jpg", str(tmp_path / "b.jpg")]
    assert labelled.identities.person.tolist() == [1, 1]
    assert len(set(labelled.identities.camera.tolist())) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "begin with '', expected a line that names the columns"),
        ("path,name\na,b\n", "begin with 'path, name', expected"),
        ("path,person,person\na,b,c\n", "expected a line that names the columns"),
        ("path,person\n", "list no picture"),
        ("path,person\na.jpg\n", r"line 2, are 'a\.jpg', expected 2 cells"),
        ("path,person\na.jpg,\n", "line 2, .* not empty"),
        ("path,person\na.jpg,1\na.jpg,2\n", r"list .*a\.jpg' twice"),
        ('path,person\n"a.jpg,1\n', "are no CSV in UTF-8"),
        (b"path,person\n\xff.jpg,1\n", "are no CSV in UTF-8"),
    ],
)
def test_what_labels_nobody_is_refused(tmp_path, content, message):
    with pytest.raises(DatasetError, match=message):
        read_labels(write(tmp_path, content))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"labels .*none\.csv' cannot be read"):
        read_labels(tmp_path / "none.csv")
