# SPDX-License-Identifier: Apache-2.0
import hashlib
import json
import subprocess
import sys
import time

import numpy as np
import pytest

from mgn_fast import DatasetError, Gallery, InvalidInputError, gallery
from mgn_fast.gallery.editing.changes import Changed, compact, label, remove, rename
from support import galleries

COUNT, WIDTH = 12, 16


@pytest.fixture(params=["float32", "float16"])
def dtype(request):
    return request.param


def rows_of(count=COUNT):
    rows = np.random.default_rng(0).standard_normal((count, WIDTH)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def write(path, dtype="float32"):
    """Pictures p00.jpg to p11.jpg, three of each person."""
    names = [f"p{n:02}.jpg" for n in range(COUNT)]
    labels = {name: {"person": f"person{n // 3}", "x": n} for n, name in enumerate(names)}
    return Gallery.of(rows_of(), names, labels, dtype=dtype).save(path)


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "a.gallery")


def names(path):
    return galleries.names_of(path)


ALL = [f"p{n:02}.jpg" for n in range(COUNT)]


def without(*numbers):
    return [name for n, name in enumerate(ALL) if n not in numbers]


def test_removed_pictures_are_gone_from_all_that_a_gallery_tells(path, dtype):
    write(path, dtype)
    before = Gallery.load(path)
    done = remove(path, ["p03.jpg", "p04.jpg", "p11.jpg"])
    assert (done.num_changed, done.num_pictures, done.missing) == (3, 9, ())
    now = Gallery.load(path)
    left = [0, 1, 2, 5, 6, 7, 8, 9, 10]
    assert names(path) == without(3, 4, 11)
    assert [now.sha256(place) for place in range(9)] == [before.sha256(n) for n in left]
    assert [now.label(place)["x"] for place in range(9)] == left
    for place, n in enumerate(left):
        np.testing.assert_array_equal(now.embedding(place), before.embedding(n))
    assert (
        repr(now) == f"<Gallery in {str(path)!r}: 9 pictures, {dtype} 16 wide, of an unknown model>"
    )


@pytest.mark.parametrize(
    "options", [{}, {"rerank": True}, {"rerank": True, "candidates": 6}], ids=str
)
def test_search_is_that_of_a_gallery_that_never_held_them(path, dtype, options):
    write(path, dtype)
    remove(path, ["p03.jpg", "p04.jpg", "p11.jpg"])
    left = [0, 1, 2, 5, 6, 7, 8, 9, 10]
    fresh = Gallery.of(rows_of()[left], [ALL[n] for n in left], dtype=dtype)
    queries = rows_of()
    found, expected = (g.search(queries, 6, **options) for g in (Gallery.load(path), fresh))
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_array_equal(found.distances, expected.distances)
    assert found.names == expected.names


def test_all_pictures_can_be_removed(path):
    assert remove(path, match="*").num_pictures == 0
    assert len(Gallery.load(path)) == 0
    with pytest.raises(InvalidInputError, match="holds no pictures"):
        Gallery.load(path).search(rows_of())
    assert compact(path).num_pictures == 0
    assert len(Gallery.load(path)) == 0


def test_persons_and_patterns_are_removed(path):
    assert remove(path, person="person1").num_changed == 3
    assert names(path) == without(3, 4, 5)
    assert remove(path, match="p0[01].jpg").num_changed == 2
    assert names(path) == without(0, 1, 3, 4, 5)
    # Removed ones are not met again.
    with pytest.raises(InvalidInputError, match="person 'person1': not in gallery"):
        remove(path, person="person1")


def test_a_name_that_is_missing_changes_nothing_unless_that_is_allowed(path):
    content = path.read_bytes()
    with pytest.raises(InvalidInputError, match=r"'nope': not in gallery .* nothing was changed"):
        remove(path, ["p00.jpg", "nope"])
    assert path.read_bytes() == content
    assert remove(path, ["p00.jpg", "nope"], missing_ok=True).missing == ("'nope'",)
    assert remove(path, "nope", missing_ok=True).num_changed == 0
    assert names(path) == without(0)


def test_what_stays_with_the_bytes_of_a_removed_picture_is_told(tmp_path):
    path = tmp_path / "a.gallery"
    Gallery.of(np.ones((3, 4)), ["a", "b", "c"]).save(path)
    assert remove(path, ["a", "c"]).same_bytes == ("b",)
    assert remove(path, "b").same_bytes == ()


def secrets_of(path, place):
    """All that a gallery's file may hold of a picture, as bytes."""
    found = Gallery.load(path)
    name, digest = found.name(place), found.sha256(place)
    words = [name, digest, *map(str, found.label(place).values())]
    escaped = [json.dumps(word)[1:-1] for word in words if len(word) > 3]
    return [found.embedding(place).tobytes(), *(word.encode() for word in escaped)]


def bytes_of(folder):
    """Every file of a directory, hidden ones too, up to its end on the disk."""
    return {path: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("at_once", [False, True])
def test_after_compact_no_byte_of_a_removed_picture_is_there(tmp_path, dtype, at_once):
    path = write(tmp_path / "a.gallery", dtype)
    label(path, {"p05.jpg": {"person": "erased-person", "note": "a secret \u00e9"}})
    rename(path, "p05.jpg", "erased-name-\u00e9.jpg")
    secrets = secrets_of(path, 5)
    assert len(secrets) == 5
    with path.open("ab") as file:  # as a writer that died might leave it
        file.write(b"".join(secrets))
    content = path.read_bytes()
    assert all(secret in content for secret in secrets)
    remove(path, "erased-name-\u00e9.jpg", compact=at_once)
    if not at_once:
        assert all(secret in path.read_bytes() for secret in secrets)
        done = compact(path)
        assert done == Changed(0, COUNT - 1, 0)
    for content in bytes_of(tmp_path).values():
        assert not [secret for secret in secrets if secret in content]
    assert b"p05.jpg" not in path.read_bytes()
    kept = Gallery.load(path)
    np.testing.assert_array_equal(kept.embedding(5), rows_of()[6].astype(dtype))
    assert names(path) == without(5)
    assert kept.label(5)["person"] == "person2"


def test_labels_that_were_replaced_are_gone_after_compact(path):
    label(path, {"p01.jpg": {"person": "first-word"}})
    label(path, {"p01.jpg": {"person": "second-word"}})
    assert b"first-word" in path.read_bytes()
    compact(path)
    assert b"first-word" not in path.read_bytes()
    assert Gallery.load(path).label(1) == {"person": "second-word", "x": 1}


def test_compact_of_a_gallery_without_edits_changes_nothing_that_it_holds(path):
    before = Gallery.load(path)
    compact(path)
    now = Gallery.load(path)
    assert names(path) == ALL
    np.testing.assert_array_equal(now.segments[0], before.segments[0])
    assert [now.label(n) for n in range(COUNT)] == [before.label(n) for n in range(COUNT)]


def test_who_has_it_open_goes_on_with_what_it_was(path):
    opened = Gallery.load(path)
    expected = opened.search(rows_of(), 5)
    remove(path, match="p0*")
    label(path, {"p11.jpg": {"person": "other"}})
    rename(path, "p10.jpg", "new.jpg")

    def same():
        found = opened.search(rows_of(), 5)
        np.testing.assert_array_equal(found.indices, expected.indices)
        assert found.names == expected.names
        assert opened.label(11)["person"] == "person3"
        assert len(opened) == COUNT

    same()
    edited = Gallery.load(path)
    assert names(path) == ["new.jpg", "p11.jpg"]
    compact(path)
    same()
    assert edited.search(rows_of()[11], 1).names == (("p11.jpg",),)
    assert edited.label(1)["person"] == "other"
    assert names(path) == ["new.jpg", "p11.jpg"]


def test_pictures_get_new_names(path):
    assert rename(path, "p03.jpg", "ann/3.jpg").num_changed == 1
    assert rename(path, "p0", "zero/", prefix=True).num_changed == 9
    expected = [f"zero/{n}.jpg" for n in range(10) if n != 3]
    assert names(path) == [*expected[:3], "ann/3.jpg", *expected[3:], "p10.jpg", "p11.jpg"]
    found = Gallery.load(path)
    assert found.picture_path(3) == path.parent / "ann" / "3.jpg"
    assert found.label(3) == {"person": "person1", "x": 3}
    assert rename(path, "p10.jpg", "p10.jpg") == Changed(1, COUNT, found_waiting(path))


def found_waiting(path):
    return gallery.info(path).waiting_bytes


@pytest.mark.parametrize(
    ("old", "new", "options", "message"),
    [
        ("nope", "x", {}, "'nope': not in gallery"),
        ("nope", "x", {"prefix": True}, "'nope' as a beginning: not in gallery"),
        ("p03.jpg", "p04.jpg", {}, r"another picture of the name 'p04\.jpg'"),
        ("p00", "p01", {"prefix": True}, r"another picture of the name 'p01\.jpg'"),
        ("p03.jpg", "", {}, "a new name is ''"),
    ],
)
def test_names_that_are_not_there_or_not_free_are_refused(path, old, new, options, message):
    content = path.read_bytes()
    with pytest.raises(InvalidInputError, match=message):
        rename(path, old, new, **options)
    assert path.read_bytes() == content


def test_labels_are_set_key_by_key(path):
    done = label(path, {"p00.jpg": {"person": 7, "x": None, "seen": [1]}, "p01.jpg": {"x": 1}})
    assert done.num_changed == 1  # the second one's are what they were
    found = Gallery.load(path)
    assert found.label(0) == {"person": "7", "seen": [1]}
    assert found.label(1) == {"person": "person0", "x": 1}
    assert remove(path, person=7).num_changed == 1


def test_labels_are_set_by_path_too(path):
    label(path, {str(path.parent / "p02.jpg"): {"camera": 3}})
    assert Gallery.load(path).label(2)["camera"] == "3"


def test_labels_are_set_by_a_table(path):
    table = path.with_name("labels.csv")
    table.write_text("path,person,camera\np02.jpg,eve,\np03.jpg,,4\n")
    assert label(path, table).num_changed == 2
    found = Gallery.load(path)
    assert found.label(2) == {"person": "eve", "x": 2}
    assert found.label(3) == {"person": "person1", "camera": "4", "x": 3}


def test_labels_of_pictures_that_are_not_there_change_nothing_unless_that_is_allowed(path):
    content = path.read_bytes()
    labels = {"p00.jpg": {"person": "x"}, "nope.jpg": {"person": "y"}}
    with pytest.raises(InvalidInputError, match=r"'nope\.jpg': not in gallery"):
        label(path, labels)
    with pytest.raises(InvalidInputError, match="cannot be kept"):
        label(path, {"p00.jpg": {"x": {1}}})
    assert path.read_bytes() == content
    assert label(path, labels, missing_ok=True).missing == ("'nope.jpg'",)
    assert Gallery.load(path).label(0)["person"] == "x"


def test_a_gallery_of_the_first_schema_is_edited_and_compacted_back_to_it(tmp_path):
    path = tmp_path / "a.gallery"
    path.write_bytes(galleries.first_schema())
    remove(path, "a.jpg")
    assert b'"mgn_fast.gallery/2"' in path.read_bytes()
    compact(path)
    assert b'"mgn_fast.gallery/1"' in path.read_bytes()
    assert names(path) == ["b/\u00e9.jpg", "c.jpg"]


def test_one_that_is_being_added_to_is_not_edited(path):
    from mgn_fast.gallery.writer import writing

    for change in (
        lambda: remove(path, "p00.jpg"),
        lambda: rename(path, "p00.jpg", "x"),
        lambda: label(path, {"p00.jpg": {"x": 1}}),
        lambda: compact(path),
    ):
        with writing(path), pytest.raises(InvalidInputError, match="another process writes"):
            change()


def test_what_is_no_gallery_is_refused(tmp_path):
    path = tmp_path / "a.gallery"
    path.write_text("mine")
    with pytest.raises(DatasetError, match="is no gallery"):
        compact(path)
    assert path.read_text() == "mine"
    with pytest.raises(DatasetError, match="cannot be read: No such file"):
        remove(tmp_path / "none.gallery", "a")


EDITS = """
import sys
from mgn_fast.gallery import compact, label, remove, rename
path = sys.argv[1]
print("ready", flush=True)
for n in range(1000):
    label(path, {"p00.jpg": {"n": n}})
    rename(path, "p01.jpg", f"n{n}.jpg")
    remove(path, f"p{n % 4 + 8:02}.jpg", missing_ok=True)
    compact(path)
    rename(path, f"n{n}.jpg", "p01.jpg")
"""


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize("seed", range(4))
def test_edits_that_are_killed_are_whole_or_not_there(path, seed):
    """`bench/check_gallery_edits.py` does it with the command, more often."""
    words = [sys.executable, "-c", EDITS, str(path)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    time.sleep(float(np.random.default_rng(seed).uniform(0.0, 0.3)))
    process.kill()
    process.communicate()
    found = Gallery.load(path)
    numbers = {f"p{n:02}.jpg": n for n in range(COUNT)}
    for place in range(len(found)):
        name = found.name(place)
        n = numbers.get(name, 1)
        assert name in numbers or name == f"n{found.label(0)['n']}.jpg"
        np.testing.assert_array_equal(found.embedding(place), rows_of()[n])
        assert found.sha256(place) == hashlib.sha256(rows_of()[n].tobytes()).hexdigest()
        assert found.label(place)["person"] == f"person{n // 3}"
    assert {found.name(place) for place in range(2, len(found))} >= {
        f"p{n:02}.jpg" for n in range(2, 8)
    }
    compact(path)
    assert list(path.parent.iterdir()) == [path]
