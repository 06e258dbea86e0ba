# SPDX-License-Identifier: Apache-2.0
"""The written set: one seed, the same bytes; Market-1501's form; no file of others touched."""

from __future__ import annotations

import hashlib
import re
import shutil

import cv2
import numpy as np
import pytest

from mgn_fast.datasets import drawn_set
from mgn_fast.datasets.dataset import load_dataset, synthetic
from mgn_fast.datasets.drawn_set import DIRECTORIES, MARKER, MAX_PERSONS, write_set
from mgn_fast.errors import DatasetError, InvalidInputError

pytestmark = pytest.mark.usefixtures("drawing")


def digests(root):
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Twelve persons; no test may change the files."""
    return synthetic(tmp_path_factory.mktemp("drawn") / "set", persons=12, seed=4)


def test_one_seed_gives_the_same_bytes_and_another_others(tmp_path, drawn):
    again = digests(write_set(tmp_path / "again", persons=12, seed=4))
    assert again == digests(drawn.root)
    other = digests(write_set(tmp_path / "other", persons=12, seed=5))
    assert not set(again.values()) & set(other.values())


def test_a_person_is_the_same_in_a_larger_set(tmp_path, drawn):
    few = digests(write_set(tmp_path / "few", persons=3, seed=4))
    many = digests(drawn.root)
    for name in few:
        if re.match(r"(query|bounding_box_test)/(-1|000[0-3])", name):
            assert few[name] == many[name]


def test_files_are_jpeg_pictures_of_market_size_under_market_names(drawn):
    for directory in DIRECTORIES:
        paths = sorted((drawn.root / directory).iterdir())
        assert paths
        for path in paths:
            assert re.fullmatch(r"(-1|\d{4})_c[1-6]s1_\d{6}_\d{2}\.jpg", path.name)
            assert path.read_bytes().startswith(b"\xff\xd8\xff")
            assert cv2.imread(str(path)).shape == (128, 64, 3)


def test_the_file_shows_the_drawing_in_the_right_colour_order(drawn):
    from mgn_fast.datasets.scenes import draw_person

    name = drawn.query.paths[0]
    person, camera = int(drawn.query.person[0]), int(drawn.query.camera[0])
    read = cv2.imread(str(name))[..., ::-1].astype(float)
    expected = draw_person(person, camera, 0, seed=4).astype(float)
    error = np.abs(read - expected).mean()
    assert error < 8 < np.abs(read[..., ::-1] - expected).mean()


def test_each_person_has_queries_and_matches_in_other_cameras(drawn):
    assert set(drawn.query.person.tolist()) == set(range(1, 13))
    for person in range(1, 13):
        cameras = drawn.query.camera[drawn.query.person == person]
        seen_by = drawn.gallery.camera[drawn.gallery.person == person]
        assert 2 <= len(cameras) == len(set(cameras.tolist())) <= 3
        assert 6 <= len(seen_by) <= 8
        assert all((seen_by != camera).any() for camera in cameras)
        # The camera rule has something to remove: the query's own camera is in the gallery too.
        assert all((seen_by == camera).any() for camera in cameras)


def test_all_cameras_junk_and_distractors_are_there(drawn):
    assert (
        set(drawn.query.camera.tolist()) == set(drawn.gallery.camera.tolist()) == set(range(1, 7))
    )
    assert drawn.num_junk == 6
    assert drawn.num_distractors == 12
    assert drawn.notes == ()


def test_training_persons_are_others(drawn):
    names = [path.name for path in (drawn.root / "bounding_box_train").iterdir()]
    assert {int(name[:4]) for name in names} == {13}


def test_no_two_pictures_are_the_same(drawn):
    contents = digests(drawn.root)
    assert len(set(contents.values())) == len(contents)


def test_the_largest_set_has_one_name_per_picture_and_an_empty_training_directory():
    files = [f"{file.directory}/{file.name}" for file in drawn_set._plan(MAX_PERSONS, 0)]
    assert len(files) == len(set(files)) > 10 * MAX_PERSONS
    assert not any(name.startswith("bounding_box_train") for name in files)
    assert max(len(name.split("/")[1]) for name in files) == len("0002_c1s1_000451_03.jpg")


def test_a_set_written_before_is_replaced(tmp_path):
    write_set(tmp_path, persons=3, seed=0)
    write_set(tmp_path, persons=1, seed=0)
    assert set(load_dataset(tmp_path).query.person.tolist()) == {1}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*DIRECTORIES, MARKER])


@pytest.mark.parametrize(
    "extra", ["notes.txt", "query/holiday.jpg", ".hidden", "query/0001_c1.jpg"]
)
def test_a_directory_with_a_file_of_others_is_refused_and_left_alone(tmp_path, extra):
    write_set(tmp_path, persons=1, seed=0)
    (tmp_path / extra).write_text("mine")
    before = digests(tmp_path)
    with pytest.raises(DatasetError, match=f"holds '{extra}', which is no part of a synthetic set"):
        write_set(tmp_path, persons=2, seed=0)
    assert digests(tmp_path) == before


@pytest.mark.parametrize("marker", [None, "", "{}", "[1]", '{"persons": -1, "seed": 0}', "\xff"])
def test_a_set_without_a_marker_of_ours_is_refused(tmp_path, marker):
    write_set(tmp_path, persons=1, seed=0)
    (tmp_path / MARKER).unlink()
    if marker is not None:
        (tmp_path / MARKER).write_bytes(marker.encode("latin-1"))
    with pytest.raises(DatasetError, match="which is no part of a synthetic set"):
        write_set(tmp_path, persons=1, seed=0)
    assert (tmp_path / "query").is_dir()


def test_a_link_in_place_of_a_directory_is_refused(tmp_path):
    write_set(tmp_path / "set", persons=1, seed=0)
    (tmp_path / "set/query").rename(tmp_path / "kept")
    (tmp_path / "set/query").symlink_to(tmp_path / "kept")
    with pytest.raises(DatasetError, match="holds 'query'"):
        write_set(tmp_path / "set", persons=1, seed=0)
    assert any((tmp_path / "kept").iterdir())


def test_a_failure_midway_leaves_nothing_of_a_new_set(tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(drawn_set, "draw_fragment", fail)
    with pytest.raises(DatasetError, match="set' cannot be written: No space left on device"):
        write_set(tmp_path / "set", persons=1, seed=0)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_midway_leaves_an_earlier_set_as_it_was(tmp_path, monkeypatch):
    write_set(tmp_path, persons=1, seed=0)
    before = digests(tmp_path)

    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(drawn_set, "draw_fragment", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_set(tmp_path, persons=2, seed=1)
    assert digests(tmp_path) == before


def test_an_empty_directory_and_a_new_one_below_a_new_one_are_filled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(synthetic(".", persons=1).query) >= 2
    assert (tmp_path / "query").is_dir()
    shutil.rmtree(tmp_path / "query")
    assert len(synthetic(tmp_path / "a" / "b", persons=1).query) >= 2


def test_a_file_in_the_directorys_place_is_refused(tmp_path):
    (tmp_path / "set").write_text("x")
    with pytest.raises(DatasetError, match="set' is a file, expected a directory"):
        write_set(tmp_path / "set", persons=1, seed=0)


def test_a_path_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DatasetError, match="cannot be written: Not a directory"):
        write_set(tmp_path / "file" / "set", persons=1, seed=0)


@pytest.mark.parametrize("persons", [0, -1, 10000, 2.5, "3", None])
def test_a_number_of_persons_outside_its_range_is_refused(tmp_path, persons):
    message = re.escape(f"persons is {persons!r}, expected a whole number from 1 to 9999")
    with pytest.raises(InvalidInputError, match=message):
        synthetic(tmp_path / "set", persons=persons)
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("seed", [-1, 0.5, None])
def test_a_seed_outside_its_range_is_refused(tmp_path, seed):
    with pytest.raises(InvalidInputError, match=r"seed is .*, expected a whole number from 0 up"):
        synthetic(tmp_path / "set", persons=1, seed=seed)
