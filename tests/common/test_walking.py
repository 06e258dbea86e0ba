# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path

import pytest

from mgn_fast.common.walking import files_below, is_kept_out
from mgn_fast.errors import InvalidInputError


def made(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def below(root):
    return sorted(os.path.relpath(path, root) for path in files_below(root))


def test_what_is_hidden_or_kept_beside_is_left_out(tmp_path):
    kept = ["a.jpg", "b/c.txt", "b/Thumbs.db.jpg", "lost+found.jpg", "thumbs.db/x.jpg"]
    left = [".h.jpg", "b/.d/x.jpg", "b/Thumbs.db", "Desktop.ini", "@eaDir/x/y.jpg"]
    left += ["$RECYCLE.BIN/1.jpg", "__MACOSX/._a.jpg", ".ipynb_checkpoints/a-checkpoint.jpg"]
    made(tmp_path, *kept, *left)
    assert below(tmp_path) == sorted(kept)


def test_the_directory_itself_may_be_hidden(tmp_path):
    made(tmp_path, ".set/a.jpg")
    assert below(tmp_path / ".set") == ["a.jpg"]


def test_links_to_directories_are_followed_once_each(tmp_path):
    made(tmp_path, "set/cam1/a.jpg", "far/cam2/b.jpg")
    (tmp_path / "set/cam2").symlink_to(tmp_path / "far/cam2")
    (tmp_path / "set/cam1/again").symlink_to(tmp_path / "far/cam2")
    (tmp_path / "far/cam2/loop").symlink_to(tmp_path / "set")
    (tmp_path / "set/broken").symlink_to(tmp_path / "nowhere")
    names = below(tmp_path / "set")
    assert len(names) == 3
    assert {Path(name).name for name in names} == {"a.jpg", "b.jpg", "broken"}


def test_a_place_of_its_own_comes_before_a_link_to_it(tmp_path):
    made(tmp_path, "z/real/a.jpg")
    (tmp_path / "a").symlink_to(tmp_path / "z/real")
    assert below(tmp_path) == ["z/real/a.jpg"]


def test_a_directory_that_is_gone_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="none' cannot be read: No such file"):
        list(files_below(tmp_path / "none"))


@pytest.mark.parametrize(
    ("name", "is_directory", "expected"),
    [("Thumbs.DB", False, True), ("Thumbs.db", True, False), ("@EADIR", True, True),
     ("@eadir", False, False), (".x", True, True), (".x", False, True), ("x", True, False)],
)  # fmt: skip
def test_names(name, is_directory, expected):
    assert is_kept_out(name, is_directory=is_directory) is expected
