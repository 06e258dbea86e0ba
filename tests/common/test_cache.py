# SPDX-License-Identifier: Apache-2.0
import hashlib
from pathlib import Path

import pytest

from mgn_fast import InvalidInputError, ModelError
from mgn_fast.common.cache import cache_directory, file_sha256


def test_the_cache_is_where_xdg_says(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "new"))
    assert cache_directory() == tmp_path / "new" / "mgn_fast"
    assert cache_directory().is_dir()


@pytest.mark.parametrize("setting", [None, ""])
def test_without_a_setting_the_cache_is_below_home(tmp_path, monkeypatch, setting):
    monkeypatch.setenv("HOME", str(tmp_path))
    if setting is None:
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", setting)
    assert cache_directory() == tmp_path / ".cache" / "mgn_fast"


def test_a_cache_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(InvalidInputError, match=r"file/mgn_fast' cannot be made.*XDG_CACHE_HOME"):
        cache_directory()


@pytest.mark.parametrize("count", [0, 1, (1 << 20) - 1, (1 << 20) + 1])
def test_the_hash_is_that_of_the_whole_file(tmp_path, count):
    content = bytes(i % 251 for i in range(count))
    (tmp_path / "a").write_bytes(content)
    assert file_sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("path", ["missing", "."])
def test_what_cannot_be_read_has_no_hash(tmp_path, path):
    with pytest.raises(ModelError, match="cannot be read"):
        file_sha256(Path(tmp_path, path))
