# SPDX-License-Identifier: Apache-2.0
"""Loading of every layout, with the traps of real sets: empty files with the right names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mgn_fast.datasets.dataset import Split, count_problems, load_dataset
from mgn_fast.errors import DatasetError, InvalidInputError
from mgn_fast.types import Identities

QUERY = "0002_c1s1_000451_03.jpg"
GALLERY = "0002_c3s1_000551_00.jpg"


def make(root, *names):
    """Empty files, with their directories."""
    for name in names:
        path = Path(root) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def make_market(root, query=(QUERY,), gallery=(GALLERY,)):
    make(root, *(f"query/{name}" for name in query))
    return make(root, *(f"bounding_box_test/{name}" for name in gallery))


def ids(split):
    return list(zip(split.person.tolist(), split.camera.tolist(), strict=True))


# Kind: files, then persons and cameras of query and gallery in order of name.
SETS = {
    "market1501": (
        ["query/0005_c2s1_1_00.jpg", "query/0002_c1s1_1_00.jpg",
         "bounding_box_test/0005_c1s1_1_00.jpg", "bounding_box_test/0000_c4s1_1_00.jpg",
         "bounding_box_test/-1_c6s1_1_00.jpg", "bounding_box_test/0002_c2s1_1_00.jpg"],
        [(2, 1), (5, 2)], [(0, 4), (2, 2), (5, 1)],
    ),
    "dukemtmc": (
        ["query/0005_c2_f0046985.jpg", "bounding_box_test/0005_c8_f0046985.jpg",
         "bounding_box_test/7140_c1_f0046985.jpg"],
        [(5, 2)], [(5, 8), (7140, 1)],
    ),
    "occluded-duke": (
        ["query/0005_c2_f0046985.jpg", "bounding_box_test/0005_c8_f0046985.jpg"],
        [(5, 2)], [(5, 8)],
    ),
    "cuhk03-np-labeled": (
        ["labeled/query/0003_c1_1.png", "labeled/bounding_box_test/0003_c2_6.png",
         "detected/query/0004_c1_1.png", "detected/bounding_box_test/0004_c2_6.png"],
        [(3, 1)], [(3, 2)],
    ),
    "cuhk03-np-detected": (
        ["labeled/query/0003_c1_1.png", "labeled/bounding_box_test/0003_c2_6.png",
         "detected/query/0004_c1_1.png", "detected/bounding_box_test/0004_c2_6.png"],
        [(4, 1)], [(4, 2)],
    ),
    "veri776": (
        ["image_query/0002_c002_00030600_0.jpg", "image_test/0002_c016_00030600_0.jpg",
         "image_test/0002_c002_00030600_1.jpg"],
        [(2, 2)], [(2, 2), (2, 16)],
    ),
    "synthetic": (
        ["query/0001_c2s1_000001_00.jpg", "bounding_box_test/0001_c3s1_000001_00.jpg"],
        [(1, 2)], [(1, 3)],
    ),
}  # fmt: skip

# Kind, and the directories that other programs expect between their root and the set.
HOMES = [
    ("market1501", "Market-1501-v15.09.15"),
    ("market1501", "market1501/Market-1501-v15.09.15"),
    ("dukemtmc", "DukeMTMC-reID"),
    ("dukemtmc", "dukemtmc-reid/DukeMTMC-reID"),
    ("occluded-duke", "Occluded_Duke"),
    ("cuhk03-np-labeled", "CUHK03-NP"),
    ("cuhk03-np-detected", "cuhk03-np"),
    ("veri776", "veri"),
    ("veri776", "VeRi"),
]


@pytest.mark.parametrize("kind", SETS)
def test_each_set_gives_persons_and_cameras_in_order_of_name(tmp_path, kind):
    files, query, gallery = SETS[kind]
    dataset = load_dataset(make(tmp_path, *files), kind)
    assert dataset.kind == kind
    assert ids(dataset.query) == query
    assert ids(dataset.gallery) == gallery
    for split in (dataset.query, dataset.gallery):
        assert isinstance(split.identities, Identities)
        assert split.person.dtype == split.camera.dtype == np.int32
        assert list(split) == list(split.paths) == sorted(split.paths)
        assert all(path.is_file() for path in split)
        assert len(split) == len(split.identities)


@pytest.mark.parametrize(("kind", "home"), HOMES)
def test_the_root_may_be_the_set_or_the_directory_around_it(tmp_path, kind, home):
    files, query, _ = SETS[kind]
    make(tmp_path / home, *files)
    outer = load_dataset(tmp_path, kind)
    inner = load_dataset(tmp_path / home, kind)
    assert ids(outer.query) == query
    assert outer.query.paths == inner.query.paths
    assert outer.root == inner.root


def make_msmt17(root):
    make(root, "test/0000/0000_000_01_0303morning_0015_0.jpg",
         "test/0000/0000_001_04_0303morning_0020_0.jpg", "test/0001/0001_000_12_x.jpg")  # fmt: skip
    (root / "list_query.txt").write_text("0000/0000_000_01_0303morning_0015_0.jpg 0\n")
    (root / "list_gallery.txt").write_text(
        "0001/0001_000_12_x.jpg 1\n0000/0000_001_04_0303morning_0020_0.jpg 0\n"
    )
    return root


def test_msmt17_counts_persons_from_zero_so_zero_is_no_distractor(tmp_path):
    dataset = load_dataset(make_msmt17(tmp_path / "MSMT17_V1").parent, "msmt17")
    assert ids(dataset.query) == [(0, 1)]
    assert ids(dataset.gallery) == [(0, 4), (1, 12)]
    assert dataset.num_distractors == 0
    assert "query has 1 persons, published 3,060" in count_problems(dataset)


def test_junk_is_dropped_and_counted_and_distractors_stay_and_are_counted(tmp_path):
    junk = ["-1_c1s1_1_00.jpg", "-1_c2s1_1_00.jpg"]
    nobody = ["0000_c1s1_1_00.jpg", "0000_c5s1_1_00.jpg", "0000_c6s1_1_00.jpg"]
    make_market(tmp_path, [QUERY, "-1_c3s1_1_00.jpg"], [GALLERY, *junk, *nobody])
    dataset = load_dataset(tmp_path)
    assert (dataset.query.num_junk, dataset.gallery.num_junk, dataset.num_junk) == (1, 2, 3)
    assert dataset.num_distractors == 3
    assert ids(dataset.gallery) == [(0, 1), (0, 5), (0, 6), (2, 3)]
    assert dataset.notes == ()


def test_directories_above_do_not_decide_the_ids(tmp_path):
    root = make_market(tmp_path / "2024_c1" / "-1_c9")
    dataset = load_dataset(root)
    assert ids(dataset.query) == [(2, 1)]
    assert ids(dataset.gallery) == [(2, 3)]


def test_a_path_with_spaces_is_read(tmp_path):
    assert len(load_dataset(make_market(tmp_path / "my data set")).query) == 1


def test_the_root_may_be_text_and_may_be_relative(tmp_path, monkeypatch):
    make_market(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert load_dataset(".").query.paths == (Path("query") / QUERY,)
    assert load_dataset(str(tmp_path)).query.paths == (tmp_path / "query" / QUERY,)


def test_order_is_by_name_whatever_the_file_system_says(tmp_path, monkeypatch):
    names = [f"{p:04d}_c{c}s1_1_00.jpg" for p in (9, 3, 7, 1) for c in (5, 2)]
    make_market(tmp_path, gallery=names)
    real = os.scandir

    class Shuffled:
        def __init__(self, path):
            with real(path) as entries:
                self.entries = sorted(
                    entries, key=lambda entry: hash((entry.name, 3)), reverse=True
                )

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *error):
            return None

    monkeypatch.setattr(os, "scandir", Shuffled)
    assert [path.name for path in load_dataset(tmp_path).gallery] == sorted(names)


def test_thumbnails_and_hidden_files_are_ignored_without_a_note(tmp_path):
    make_market(tmp_path, gallery=[GALLERY, "Thumbs.db", ".DS_Store", f"._{GALLERY}"])
    dataset = load_dataset(tmp_path)
    assert len(dataset.gallery) == 1
    assert dataset.notes == ()


def test_other_files_and_directories_are_left_out_with_a_note(tmp_path):
    make_market(tmp_path, gallery=[GALLERY, "readme.txt", "0002_c2s1_000001_00.jpg.part",
                                   "more.jpg/0002_c2s1_000001_00.jpg"])  # fmt: skip
    dataset = load_dataset(tmp_path)
    assert len(dataset.gallery) == 1
    assert dataset.notes == (
        "gallery has 3 entries that are no pictures and were left out, "
        "the first '0002_c2s1_000001_00.jpg.part'",
    )


def test_capital_suffixes_and_other_formats_are_pictures(tmp_path):
    names = ["0001_c1s1.JPG", "0002_c1s1.jpeg", "0003_c1s1.PNG", "0004_c1s1.bmp", "0005_c1s1.ppm"]
    make_market(tmp_path, gallery=names)
    assert load_dataset(tmp_path).gallery.person.tolist() == [1, 2, 3, 4, 5]


def test_a_query_without_gallery_picture_is_no_error_and_others_are_noted(tmp_path):
    make_market(tmp_path, gallery=["0004_c3s1_000551_00.jpg", "0003_c3s1_000551_00.jpg"])
    dataset = load_dataset(tmp_path)
    assert dataset.notes == ("gallery has 2 pictures of 2 persons whom no query seeks",)


def test_a_query_of_a_distractor_and_a_name_in_both_splits_are_noted(tmp_path):
    zero = "0000_c1s1_000001_00.jpg"
    dataset = load_dataset(make_market(tmp_path, query=[QUERY, zero], gallery=[GALLERY, zero]))
    assert dataset.notes == (
        f"query and gallery share 1 names, the first '{zero}'",
        "query has 1 pictures of person 0, who is nobody sought",
    )


@pytest.mark.parametrize("name", ["portrait.jpg", "0001_c001_00016450_0.jpg", "\udcff.jpg"])
def test_a_picture_whose_name_does_not_parse_is_named(tmp_path, name):
    make_market(tmp_path, gallery=[GALLERY, name])
    message = (
        r"picture '.*\.jpg' is not named like '0002_c1s1_000451_03.jpg', in '.*bounding_box_test'"
    )
    with pytest.raises(DatasetError, match=message) as caught:
        load_dataset(tmp_path)
    assert repr(name) in str(caught.value)


def test_one_picture_in_two_formats_is_refused(tmp_path):
    make_market(tmp_path, gallery=["0002_c3s1_000551_00.jpg", "0002_c3s1_000551_00.png"])
    with pytest.raises(DatasetError, match="names '0002_c3s1_000551_00' twice"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("split", ["query", "bounding_box_test"])
def test_a_split_without_pictures_is_refused_with_what_it_holds(tmp_path, split):
    make_market(tmp_path)
    for path in (tmp_path / split).iterdir():
        path.unlink()
    make(tmp_path / split, "-1_c1s1_000001_00.jpg", "readme.txt")
    message = rf"{split}' holds no pictures to use \(1 junk, 1 other files\), expected at least one"
    with pytest.raises(DatasetError, match=message):
        load_dataset(tmp_path)


def test_a_missing_root_a_file_and_an_impossible_path_are_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"root '.*nowhere' does not exist"):
        load_dataset(tmp_path / "nowhere")
    make(tmp_path, "archive.zip")
    with pytest.raises(
        DatasetError, match=r"root '.*archive.zip' is a file, expected the data set's"
    ):
        load_dataset(tmp_path / "archive.zip")
    with pytest.raises(DatasetError, match="does not exist"):
        load_dataset("x" * 5000)


def test_a_missing_directory_is_named_with_every_place_that_was_looked_at(tmp_path):
    make(tmp_path, f"query/{QUERY}", f"Market-1501-v15.09.15/bounding_box_test/{GALLERY}")
    with pytest.raises(DatasetError) as caught:
        load_dataset(tmp_path)
    inner = tmp_path / "Market-1501-v15.09.15"
    assert f"{tmp_path} has no bounding_box_test; {inner} has no query; " in str(caught.value)
    assert str(caught.value).endswith("market1501/Market-1501-v15.09.15 is not there")


def test_a_missing_list_and_missing_pictures_are_named(tmp_path):
    make_msmt17(tmp_path)
    (tmp_path / "list_query.txt").unlink()
    with pytest.raises(DatasetError, match=f"{tmp_path} has no list_query.txt; "):
        load_dataset(tmp_path, "msmt17")
    (tmp_path / "test").rename(tmp_path / "elsewhere")
    message = f"{tmp_path} has no list_query.txt and no test or mask_test_v2; "
    with pytest.raises(DatasetError, match=message):
        load_dataset(tmp_path, "msmt17")


def test_two_versions_below_one_root_are_refused(tmp_path):
    make_msmt17(tmp_path / "MSMT17_V1")
    make_msmt17(tmp_path / "MSMT17_V2")
    with pytest.raises(
        DatasetError, match=r"holds .*MSMT17_V1 and .*MSMT17_V2; give the directory"
    ):
        load_dataset(tmp_path, "msmt17")


def test_the_variant_of_cuhk03_must_be_chosen_where_both_are_present(tmp_path):
    make(tmp_path, *SETS["cuhk03-np-labeled"][0])
    with pytest.raises(DatasetError, match=r"holds .*labeled and .*detected; give the directory"):
        load_dataset(tmp_path, "cuhk03-np")
    assert load_dataset(tmp_path / "detected", "cuhk03-np").kind == "cuhk03-np-detected"
    assert load_dataset(tmp_path / "labeled", "cuhk03-np-labeled").query.person.tolist() == [3]


def test_the_other_variant_of_cuhk03_is_refused(tmp_path):
    make(tmp_path, *SETS["cuhk03-np-labeled"][0])
    message = "is the labeled variant, expected the one of 'cuhk03-np-detected'"
    with pytest.raises(DatasetError, match=message):
        load_dataset(tmp_path / "labeled", "cuhk03-np-detected")


def test_an_unnamed_variant_of_cuhk03_must_be_said(tmp_path):
    make_market(tmp_path, query=["0003_c1_1.png"], gallery=["0003_c2_1.png"])
    with pytest.raises(DatasetError, match="does not say whether it is labeled or detected"):
        load_dataset(tmp_path, "cuhk03-np")
    assert load_dataset(tmp_path, "cuhk03-np-labeled").kind == "cuhk03-np-labeled"


def test_an_unknown_kind_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(
        InvalidInputError, match=r"kind is 'market', expected one of 'market1501', .*'veri776'"
    ):
        load_dataset(tmp_path, "market")


def test_a_split_must_have_one_identity_per_path():
    with pytest.raises(InvalidInputError, match="paths has 1 entries and identities 2"):
        Split((Path("a"),), Identities(np.array([1, 2]), np.array([1, 2])))


@pytest.mark.usefixtures("own_process")
def test_importing_the_loader_imports_neither_opencv_nor_simplejpeg():
    code = (
        "import sys, mgn_fast.datasets; "
        "print([m for m in ('cv2', 'simplejpeg', 'mgn_fast.datasets.scenes') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def own_set(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


@pytest.mark.parametrize("gallery", ["bounding_box_test", "gallery"])
def test_own_names_have_any_number_of_digits(tmp_path, gallery):
    names = ["query/123456_c10_x.webp", f"{gallery}/123456_c2.jpg", f"{gallery}/-1_c011_y.jpg"]
    dataset = load_dataset(own_set(tmp_path, *names, f"{gallery}/0_c7.JPEG"), kind="own")
    assert (dataset.query.person.tolist(), dataset.query.camera.tolist()) == ([123456], [10])
    assert dataset.gallery.person.tolist() == [0, 123456]
    assert (dataset.num_junk, dataset.num_distractors) == (1, 1)
    assert count_problems(dataset) == []


def test_own_pictures_in_one_directory_are_all_against_all(tmp_path):
    dataset = load_dataset(own_set(tmp_path, "7_c1_a.jpg", "7_c2_b.jpg", "x.txt"), kind="own")
    assert dataset.query is dataset.gallery
    assert "every picture is a query among all others" in dataset.notes[0]
    assert dataset.notes[1].startswith("it has 1 entries that are no pictures")


def test_half_a_set_of_ones_own_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="has no bounding_box_test"):
        load_dataset(own_set(tmp_path, "query/7_c1_a.jpg"), kind="own")


def test_a_table_is_a_set(tmp_path):
    table = tmp_path / "people.csv"
    table.write_text("path,person,split\na.jpg,ann,query\nb.jpg,ann,gallery\nc.jpg,bo,gallery\n")
    dataset = load_dataset(table, kind="csv")
    assert dataset.root == table
    assert dataset.notes == ("gallery has 1 pictures of 1 persons whom no query seeks",)
    assert (dataset.num_distractors, len(dataset.gallery)) == (0, 2)
    with pytest.raises(DatasetError, match=r"is a file, .* a table of labels is of kind 'csv'"):
        load_dataset(table)


def test_directories_of_persons_are_a_set(tmp_path):
    root = own_set(tmp_path, "ann/c1_1.jpg", "ann/c1_2.jpg", "bo/c1_3.jpg")
    dataset = load_dataset(root, kind="folders", camera=r"c(\d)_")
    assert dataset.query is dataset.gallery
    assert dataset.notes[-1].startswith("all pictures are by one camera")
    with pytest.raises(InvalidInputError, match="camera is 'x' and kind 'own', expected kind 'fol"):
        load_dataset(root, kind="own", camera="x")
