# SPDX-License-Identifier: Apache-2.0
import pytest

from mgn_fast.gallery.edits import shown
from mgn_fast.gallery.held import Held
from support import galleries

FIRST, SECOND = (f"{number:064x}" for number in (0, 1))


@pytest.fixture
def root(tmp_path):
    """Files 0.jpg and 1.jpg of a gallery that lies beside their directory."""
    (tmp_path / "pictures").mkdir()
    for name in ("0.jpg", "1.jpg"):
        (tmp_path / "pictures" / name).touch()
    return tmp_path


@pytest.fixture
def held(root):
    return Held(shown([galleries.batch(0, 2)]), root)


def met(held, root, digest, name, folder="pictures"):
    """What a picture is that is there under this name."""
    path = root / folder / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    meeting, entry = held.meet(digest, name, path, folder)
    return meeting, entry.row, entry.name, entry.folder


def test_what_is_held_is_known_by_its_bytes(held):
    assert len(held) == 2
    assert FIRST in held
    assert f"{2:064x}" not in held
    held.add([f"{2:064x}"], ["2.jpg"], "pictures", 2)
    assert f"{2:064x}" in held
    assert len(Held()) == 0


def test_a_picture_under_its_name_is_known(held, root):
    assert met(held, root, SECOND, "1.jpg") == ("known", 1, "1.jpg", "pictures")


def test_the_very_file_is_known_under_any_name(held, root):
    assert met(held, root, SECOND, "pictures/../pictures/1.jpg", ".")[0] == "known"


def test_a_new_name_beside_the_old_one_is_a_second_name(held, root):
    assert met(held, root, FIRST, "x.jpg") == ("named again", 0, "0.jpg", "pictures")


def test_a_new_name_whose_old_one_is_gone_is_the_pictures_own(held, root):
    (root / "pictures" / "0.jpg").unlink()
    assert met(held, root, FIRST, "x.jpg", "there") == ("moved", 0, "x.jpg", "there")
    assert met(held, root, FIRST, "x.jpg", "there")[0] == "known"
    assert met(held, root, FIRST, "y.jpg", "there")[0] == "named again"


def test_a_name_in_another_directory_is_its_own_once_the_old_file_is_gone(held, root):
    assert met(held, root, FIRST, "0.jpg", "there") == ("known", 0, "0.jpg", "pictures")
    (root / "pictures" / "0.jpg").unlink()
    assert met(held, root, FIRST, "0.jpg", "there") == ("found elsewhere", 0, "0.jpg", "there")
