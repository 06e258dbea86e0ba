# SPDX-License-Identifier: Apache-2.0
import pytest

from mgn_fast import DatasetError, InvalidInputError
from mgn_fast.datasets.folders import read_folders


def made(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def test_a_directory_per_person(tmp_path):
    root = made(tmp_path, "bob/2.PNG", "ann/day 1/x.webp", "ann/1.jpg", "ann/notes.txt")
    query, gallery, notes = read_folders(root)
    assert query is gallery
    assert query.names == ("ann/1.jpg", "ann/day 1/x.webp", "bob/2.PNG")
    assert query.identities.person_names == ("ann", "bob")
    assert query.camera is None
    assert "every picture is a query among all others" in notes[0]
    assert notes[1] == (
        "1 files are no pictures by their names and were left out, the first 'ann/notes.txt'"
    )


def test_query_and_gallery(tmp_path):
    root = made(tmp_path, "query/b/1.jpg", "gallery/a/1.jpg", "gallery/b/2.jpg", "train/c/3.jpg")
    query, gallery, notes = read_folders(root)
    assert query.names == ("query/b/1.jpg",)
    assert query.identities.person_names == gallery.identities.person_names
    assert gallery.person.tolist() == [1, 0]
    assert notes == ["1 more directories were left out, the first 'train'"]


def test_numbers_are_as_everywhere(tmp_path):
    root = made(tmp_path, "-1/a.jpg", "0000/b.jpg", "0012/c.jpg")
    (split, _, _) = read_folders(root)
    assert (split.person.tolist(), split.num_junk) == ([0, 12], 1)


def test_cameras_are_found_below_the_persons_directory(tmp_path):
    root = made(tmp_path / "set_c9", "ann_c8/cam_3/1.jpg", "bob_c8/x_c12_7.jpg")
    assert read_folders(root, r"c(?:am_)?(\d+)")[0].camera.tolist() == [3, 12]
    assert read_folders(root, r"cam|x")[0].identities.camera_names == ("cam", "x")


def test_strangers_stay_out_and_links_are_followed_once(tmp_path):
    made(tmp_path, "far/cam/1.jpg", "set/ann/2.jpg", "set/.trash/3.jpg", "set/@eaDir/4.jpg")
    (tmp_path / "set/bob").symlink_to(tmp_path / "far")
    (tmp_path / "far/back").symlink_to(tmp_path / "set")
    assert read_folders(tmp_path / "set")[0].names == ("ann/2.jpg", "bob/cam/1.jpg")


@pytest.mark.parametrize(
    ("names", "camera", "message"),
    [
        (["1.jpg"], None, r"1\.jpg' lies in no person's directory"),
        (["query/1.jpg", "gallery/a/1.jpg"], None, r"query/1\.jpg' lies in no person's"),
        (["ann/1.txt"], None, "holds no picture of a person"),
        (["query/a/1.jpg", "gallery/a/1.txt"], None, "gallery' holds no picture of a person"),
        (["-1/1.jpg"], None, "holds no picture of a person"),
        (["ann/1.jpg"], r"c(\d)", r"picture '1\.jpg' has no camera by the pattern 'c"),
        (["ann/c.jpg"], r"c(\d?)", r"picture 'c\.jpg' has no camera"),
    ],
)
def test_what_is_no_set_is_refused(tmp_path, names, camera, message):
    with pytest.raises(DatasetError, match=message):
        read_folders(made(tmp_path, *names), camera)


def test_no_directory_and_no_pattern_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="is no directory, expected one that holds persons'"):
        read_folders(tmp_path / "none")
    with pytest.raises(InvalidInputError, match=r"camera is '\(', expected a regular expression"):
        read_folders(tmp_path, "(")
