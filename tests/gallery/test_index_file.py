# SPDX-License-Identifier: Apache-2.0
import importlib
import json

import numpy as np
import pytest

from mgn_fast import DatasetError
from mgn_fast.gallery.index_file import (
    IndexSettings,
    read_index,
    read_settings,
    write_index,
)

SETTINGS = IndexSettings("Flat", 3, 11, 0, 1, 10, 5, 0.75)


@pytest.fixture
def faiss():
    return importlib.import_module("faiss")


@pytest.fixture
def path(tmp_path, faiss):
    index = faiss.index_factory(4, "Flat")
    index.add(np.eye(3, 4, dtype=np.float32))
    write_index(faiss, tmp_path / "a.faiss", index, SETTINGS)
    return tmp_path / "a.faiss"


def test_both_files_are_read_back(faiss, path):
    settings = read_settings(path)
    assert settings.recall == 0.75
    assert settings.index_crc != 0
    assert read_index(faiss, path, settings).ntotal == 3
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["a.faiss", "a.faiss.json"]


def test_where_nothing_is_there_is_no_index(tmp_path):
    assert read_settings(tmp_path / "a.faiss") is None


def test_a_damaged_index_never_reaches_faiss(faiss, path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"a\.faiss' is damaged, or not the one that"):
        read_index(faiss, path, read_settings(path))
    path.unlink()
    with pytest.raises(DatasetError, match="cannot be read"):
        read_index(faiss, path, read_settings(path))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "[" * 10_000, '{"schema": "other"}', '{"schema": "mgn_fast.index/1", "x": 1}'],
    ids=range(6),
)
def test_another_description_is_refused(path, text):
    described = path.with_name("a.faiss.json")
    described.write_text(text)
    with pytest.raises(DatasetError, match=r"a\.faiss\.json' does not describe the index"):
        read_settings(path)
    described.unlink()
    with pytest.raises(DatasetError, match="remove both to make the index again"):
        read_settings(path)


def test_an_index_cut_off_from_its_description_is_noticed(faiss, path):
    """As if the process had been killed between the two renames."""
    described = path.with_name("a.faiss.json")
    fields = json.loads(described.read_text())
    described.write_text(json.dumps(fields | {"index_crc": 1}))
    with pytest.raises(DatasetError, match="remove both"):
        read_index(faiss, path, read_settings(path))
