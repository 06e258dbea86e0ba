# SPDX-License-Identifier: Apache-2.0
"""Names and lists, one trap at a time; arbitrary names and lists are read or refused."""

from __future__ import annotations

import re
import string

import pytest

from mgn_fast.datasets import layouts
from mgn_fast.datasets.layouts import LAYOUTS, Found, find_root, parse_name, read_split
from mgn_fast.errors import DatasetError
from support.late import late

hypothesis = late("hypothesis")
st = late("hypothesis.strategies")

MSMT17 = LAYOUTS["msmt17"]
LISTED = "0000/0000_000_01_0303morning_0015_0.jpg"

NAMES = {
    "market": ("market1501", "0002_c1s1_000451_03.jpg", (2, 1)),
    "market junk": ("market1501", "-1_c4s2_000301_05.jpg", (-1, 4)),
    "market distractor": ("market1501", "0000_c6s3_070967_01.jpg", (0, 6)),
    "four digits": ("market1501", "1501_c5s3_000001_00.jpg", (1501, 5)),
    "duke": ("dukemtmc", "0001_c8_f0046182.jpg", (1, 8)),
    "occluded duke": ("occluded-duke", "0023_c2_f0046182.jpg", (23, 2)),
    "cuhk03": ("cuhk03-np-labeled", "0034_c2_7.png", (34, 2)),
    "veri, camera of three digits": ("veri776", "0776_c018_00016450_0.jpg", (776, 18)),
    "synthetic": ("synthetic", "0001_c3s1_000025_00.jpg", (1, 3)),
}

NO_NAMES = {
    "no camera": ("market1501", "0002.jpg"),
    "no person": ("market1501", "c1s1_000451_03.jpg"),
    "ids not at the start": ("market1501", "x0002_c1s1_000451_03.jpg"),
    "a camera of three digits is not camera 0": ("market1501", "0001_c001_00016450_0.jpg"),
    "a camera of one digit is not VeRi's": ("veri776", "0002_c1s1_000451_03.jpg"),
    "a camera of four digits": ("veri776", "0002_c0011_00016450_0.jpg"),
    "five digits": ("market1501", "00002_c1s1_000451_03.jpg"),
    "minus two": ("market1501", "-2_c1s1_000451_03.jpg"),
    "junk in VeRi": ("veri776", "-1_c001_00016450_0.jpg"),
    "digits of another script": ("market1501", "\u0660\u0661_c\u0662s1.jpg"),
    "empty": ("market1501", ""),
}

LINES = {
    "as published": (f"{LISTED} 7", (LISTED, 7, 1)),
    "camera is the third field": ("0001/0001_004_15_x.jpg 1", ("0001/0001_004_15_x.jpg", 1, 15)),
    "the person is the number after the space": ("0003/0009_000_02_x.jpg 3",
                                                 ("0003/0009_000_02_x.jpg", 3, 2)),
    "a path with a space": ("my set/0001_004_02_x y.jpg 1", ("my set/0001_004_02_x y.jpg", 1, 2)),
    "a directory that looks like a name": ("2024_000_09_/0001_004_02_x.jpg 1",
                                           ("2024_000_09_/0001_004_02_x.jpg", 1, 2)),
    "windows line end": (f"{LISTED} 0\r", (LISTED, 0, 1)),
    "byte order mark": (f"\ufeff{LISTED} 0", (LISTED, 0, 1)),
}  # fmt: skip

NO_LINES = {
    "no person": (LISTED, "is not a path, a space and a person"),
    "person is no number": (f"{LISTED} seven", "is not a path, a space and a person"),
    "person beyond int32": (f"{LISTED} 99999999999", "is not a path, a space and a person"),
    "person below junk": (f"{LISTED} -2", "is not a path, a space and a person"),
    "person alone": (" 7", "is not a path, a space and a person"),
    "absolute": (f"/etc/{LISTED} 7", "path '/etc/0000/0000_.*' leaves the pictures' directory"),
    "upward": (f"a/../../{LISTED} 7", "path 'a/../../0000/0000_.*' leaves the pictures' directory"),
    "no camera": ("0000/0000_000.jpg 7", "'0000_000.jpg' is not named like"),
    "no picture": ("0000/0000_000_01_x.txt 7", "'0000_000_01_x.txt' is not named like"),
    "a control character": ("0000/0000_000_01_\x1b[2J.jpg 7", "characters that no picture's name"),
}


def write_msmt17(root, lines, pictures="test", create=True):
    """A root with one query list as given, and a gallery list of one picture."""
    (root / pictures).mkdir(parents=True)
    (root / "list_gallery.txt").write_text("0000/0000_000_02_g.jpg 0\n")
    content = "".join(line + "\n" for line in lines).encode()
    (root / "list_query.txt").write_bytes(content)
    names = [line.lstrip("\ufeff").rstrip("\r").rpartition(" ")[0] for line in lines]
    for name in ["0000/0000_000_02_g.jpg", *names] if create else []:
        path = root / pictures / name
        path.parent.mkdir(exist_ok=True)
        path.touch()


@pytest.mark.parametrize(("kind", "name", "ids"), NAMES.values(), ids=NAMES.keys())
def test_names_give_person_and_camera(kind, name, ids):
    assert parse_name(name, LAYOUTS[kind]) == ids


@pytest.mark.parametrize(("kind", "name"), NO_NAMES.values(), ids=NO_NAMES.keys())
def test_names_of_another_form_are_refused_by_name(kind, name):
    expected = f"picture {name!r} is not named like {LAYOUTS[kind].example!r}"
    with pytest.raises(DatasetError, match=re.escape(expected)):
        parse_name(name, LAYOUTS[kind])


@pytest.mark.parametrize("kind", [kind for kind in LAYOUTS if kind != "msmt17"])
def test_each_example_is_a_name_of_its_own_set(kind):
    person, camera = parse_name(LAYOUTS[kind].example, LAYOUTS[kind])
    assert person > 0
    assert camera > 0


def test_any_text_parses_or_is_refused():
    @hypothesis.settings(deadline=None)
    @hypothesis.given(st.text(st.characters(exclude_characters="/\0")))
    def check(name):
        for layout in (LAYOUTS["market1501"], LAYOUTS["veri776"]):
            try:
                person, camera = parse_name(name, layout)
            except DatasetError:
                continue
            assert -1 <= person <= 9999
            assert 0 <= camera <= 999

    check()


def test_what_a_name_says_is_what_is_read():
    @hypothesis.settings(deadline=None)
    @hypothesis.given(
        st.integers(-1, 9999), st.integers(1, 9), st.text(string.ascii_letters, max_size=5)
    )
    def check(person, camera, tail):
        name = f"{person:04d}_c{camera}s1_{tail}.jpg" if person >= 0 else f"-1_c{camera}{tail}.jpg"
        assert parse_name(name, LAYOUTS["market1501"]) == (person, camera)

    check()


@pytest.mark.parametrize(("line", "expected"), LINES.values(), ids=LINES.keys())
def test_list_lines_give_path_person_and_camera(tmp_path, line, expected):
    write_msmt17(tmp_path, [line])
    found = read_split(tmp_path, MSMT17, "list_query.txt")
    assert found == Found([tmp_path / "test" / expected[0]], [expected[1]], [expected[2]], [])


@pytest.mark.parametrize(("line", "message"), NO_LINES.values(), ids=NO_LINES.keys())
def test_list_lines_of_another_form_are_refused_by_number(tmp_path, line, message):
    write_msmt17(tmp_path, [f"{LISTED} 0", "", line], create=False)
    with pytest.raises(DatasetError, match=f"list_query.txt line 3: .*{message}"):
        read_split(tmp_path, MSMT17, "list_query.txt")


def test_any_list_parses_or_is_refused(tmp_path_factory):
    @hypothesis.settings(deadline=None)  # the disk's speed is not what is asked
    @hypothesis.given(st.lists(st.text(max_size=60), max_size=5))
    def check(lines):
        root = tmp_path_factory.mktemp("list")
        write_msmt17(root, [], create=False)
        text = "\n".join(lines)
        (root / "list_query.txt").write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            found = read_split(root, MSMT17, "list_query.txt")
        except DatasetError:
            return
        assert not text.strip()
        assert found.paths == []

    check()


def test_lists_are_ordered_by_name_and_blank_lines_are_no_pictures(tmp_path):
    lines = ["0002/0002_000_01_x.jpg 2", "", "0001/0001_000_03_x.jpg 1", "0001/0001_000_02_x.jpg 1"]
    write_msmt17(tmp_path, [line for line in lines if line])
    (tmp_path / "list_query.txt").write_text("\n".join(lines))
    found = read_split(tmp_path, MSMT17, "list_query.txt")
    assert found.persons == [1, 1, 2]
    assert found.cameras == [2, 3, 1]
    assert found.paths == sorted(found.paths)


@pytest.mark.parametrize("pictures", ["test", "mask_test_v2"])
def test_both_versions_of_msmt17_are_read(tmp_path, pictures):
    write_msmt17(tmp_path / "MSMT17_V2", [f"{LISTED} 0"], pictures=pictures)
    root = find_root(tmp_path, MSMT17)
    found = read_split(root, MSMT17, "list_query.txt")
    assert found.paths == [tmp_path / "MSMT17_V2" / pictures / LISTED]


def test_two_picture_directories_for_one_list_are_refused(tmp_path):
    write_msmt17(tmp_path, [f"{LISTED} 0"])
    (tmp_path / "mask_test_v2").mkdir()
    with pytest.raises(DatasetError, match="holds test and mask_test_v2, expected one of them"):
        read_split(tmp_path, MSMT17, "list_query.txt")


def test_a_picture_listed_twice_is_refused(tmp_path):
    write_msmt17(tmp_path, [f"{LISTED} 0", f"0000/./{LISTED[5:]} 0"])
    with pytest.raises(DatasetError, match=f"list_query.txt' names '{LISTED}' twice"):
        read_split(tmp_path, MSMT17, "list_query.txt")


def test_listed_pictures_that_are_missing_are_counted_and_the_first_are_named(tmp_path):
    lines = [f"0000/000{i}_000_01_x.jpg {i}" for i in range(6)]
    write_msmt17(tmp_path, lines)
    for i in (1, 2, 4, 5):
        (tmp_path / "test" / f"0000/000{i}_000_01_x.jpg").unlink()
    message = (
        "list_query.txt lists 4 of 6 pictures that are not below '.*test': 0000/0001_000_01_x.jpg, "
        "0000/0002_000_01_x.jpg, 0000/0004_000_01_x.jpg, ..."
    )
    with pytest.raises(DatasetError, match=message):
        read_split(tmp_path, MSMT17, "list_query.txt")


def test_a_listed_name_too_long_for_the_system_is_missing(tmp_path):
    write_msmt17(tmp_path, [f"0000_000_01_{'x' * 400}.jpg 0"], create=False)
    with pytest.raises(DatasetError, match="lists 1 of 1 pictures that are not below"):
        read_split(tmp_path, MSMT17, "list_query.txt")


def test_a_list_that_is_not_utf8_is_refused_at_its_byte(tmp_path):
    write_msmt17(tmp_path, [])
    (tmp_path / "list_query.txt").write_bytes(b"abc\xff 1\n")
    with pytest.raises(DatasetError, match=r"list_query.txt' is not UTF-8 at byte 3"):
        read_split(tmp_path, MSMT17, "list_query.txt")


def test_a_list_above_the_size_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(layouts, "MAX_LIST_BYTES", 20)
    write_msmt17(tmp_path, [])
    (tmp_path / "list_query.txt").write_bytes(b"\n" * 20)
    assert read_split(tmp_path, MSMT17, "list_query.txt").paths == []
    (tmp_path / "list_query.txt").write_bytes(b"\n" * 21)
    with pytest.raises(DatasetError, match="has 21 bytes, expected at most 20"):
        read_split(tmp_path, MSMT17, "list_query.txt")


def test_the_list_size_limit_holds_the_largest_published_list():
    # MSMT17's gallery: 82,161 lines of about 45 characters.
    assert layouts.MAX_LIST_BYTES > 10 * 82161 * 45


@pytest.mark.usefixtures("many_examples")
def test_any_file_names_load_or_are_refused(tmp_path_factory):
    characters = st.characters(exclude_characters="/\0", exclude_categories=["Cs"])
    names_of_files = st.text(characters, min_size=1)

    @hypothesis.settings(deadline=None)  # the disk's speed is not what is asked
    @hypothesis.given(
        st.lists(
            names_of_files.filter(lambda name: name not in (".", "..") and len(name.encode()) < 200)
            | st.from_regex(r"-?\d{1,5}_c\d{1,4}[a-z_]{0,3}\.(jpg|png|txt)", fullmatch=True),
            max_size=4,
            unique=True,
        )
    )
    def check(names):
        root = tmp_path_factory.mktemp("any")
        for name in names:
            (root / name).touch()
        try:
            found = read_split(root, LAYOUTS["market1501"], ".")
        except DatasetError:
            return
        kept = {path.name for path in found.paths}
        assert kept | set(found.others) <= set(names)
        assert not kept & set(found.others)
        assert all(re.match(r"(-1|[0-9]{1,4})_c[0-9](?![0-9])", name) for name in kept)

    check()
