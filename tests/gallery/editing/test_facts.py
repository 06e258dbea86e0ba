# SPDX-License-Identifier: Apache-2.0
import os

import numpy as np
import pytest

from mgn_fast import DatasetError, Embedder, Gallery
from mgn_fast.gallery.editing.facts import info
from support import galleries


def test_a_gallery_of_embeddings_in_numbers(tmp_path):
    labels = {"a": {"person": "ann", "camera": 1}, "b": {"person": "ann"}, "c": {"x": 1}}
    path = Gallery.of(np.eye(4), list("abcd"), labels, dtype="float16").save(tmp_path / "a.gallery")
    facts = info(path)
    assert (facts.num_pictures, facts.width, facts.dtype) == (4, 4, "float16")
    assert facts.num_labelled == {"person": 2, "camera": 1, "x": 1}
    assert (facts.num_persons, facts.num_cameras) == (1, 1)
    assert facts.model is facts.contract is facts.mirror is None
    assert (facts.num_removed, facts.num_edits, facts.waiting_bytes) == (0, 0, 0)
    assert facts.num_bytes == path.stat().st_size


def test_what_waits_for_compact_is_counted(tmp_path):
    facts = info(galleries.write_edited(tmp_path / "a.gallery"))
    assert (facts.num_pictures, facts.num_removed, facts.num_edits) == (7, 3, 4)
    assert 4 * 400 < facts.waiting_bytes < facts.num_bytes


def test_pictures_of_one_name_are_told(tmp_path):
    path = Gallery.of(np.eye(3), ["a", "b", "a"]).save(tmp_path / "a.gallery")
    assert (info(path).num_pictures, info(path).num_names) == (3, 2)


def test_the_model_is_told_where_it_is_known(tiny_model, tmp_path):
    folder = galleries.write_pictures(tmp_path / "pictures", 2)
    with Embedder(tiny_model) as embedder:
        Gallery.add(tmp_path / "a.gallery", embedder, folder)
    facts = info(tmp_path / "a.gallery")
    assert facts.model == "tiny.onnx"
    assert facts.contract.height > 0
    assert facts.mirror is True


def test_damage_is_found(tmp_path):
    path = galleries.write_edited(tmp_path / "a.gallery")
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(DatasetError, match="is cut short"):
        info(path)
