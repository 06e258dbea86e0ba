# SPDX-License-Identifier: Apache-2.0
"""How loaded sets compare with the published sizes: silence on the true ones."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mgn_fast.datasets.dataset import Dataset, Split, count_problems, load_dataset, synthetic
from mgn_fast.types import Identities

pytestmark = pytest.mark.usefixtures("drawing")


def full_market(root):
    """Empty files with Market-1501's published sizes."""
    query = [f"{1 + i % 750:04d}_c{1 + i % 6}s1_{i:06d}_00.jpg" for i in range(3368)]
    true = [f"{1 + i % 750:04d}_c{1 + i % 6}s1_{i:06d}_01.jpg" for i in range(13115)]
    nobody = [f"0000_c{1 + i % 6}s1_{i:06d}_02.jpg" for i in range(2798)]
    junk = [f"-1_c{1 + i % 6}s1_{i:06d}_03.jpg" for i in range(3819)]
    for name, names in (("query", query), ("bounding_box_test", true + nobody + junk)):
        (root / name).mkdir(parents=True)
        for file in names:
            os.close(os.open(root / name / file, os.O_CREAT))
    return root


def test_a_set_of_the_published_size_has_no_problems_and_one_short_has_one(tmp_path):
    dataset = load_dataset(full_market(tmp_path))
    assert (len(dataset.query), len(dataset.gallery)) == (3368, 15913)
    assert (dataset.num_junk, dataset.num_distractors) == (3819, 2798)
    assert count_problems(dataset) == []
    for path in dataset.gallery.paths[:13]:
        path.unlink()
    assert count_problems(load_dataset(tmp_path)) == [
        "gallery has 15,900 pictures, published 15,913"
    ]


def invented(kind, query, gallery):
    """A data set with the given persons and cameras and no files."""
    splits = [
        Split(tuple(Path(str(i)) for i in range(len(persons))), Identities(persons, cameras))
        for persons, cameras in (query, gallery)
    ]
    return Dataset(Path(), kind, *splits, num_junk=0, num_distractors=0)


def test_each_count_that_differs_is_one_sentence():
    query = (1 + np.arange(2228) % 701, 1 + np.arange(2228) % 9)
    gallery = (1 + np.arange(17661) % 1110, 1 + np.arange(17661) % 8)
    assert count_problems(invented("dukemtmc", query, gallery)) == [
        "query has 701 persons, published 702",
        "query has 9 cameras, published 8",
    ]


def test_cameras_of_veri_are_not_compared_for_no_split_publishes_them():
    query = (1 + np.arange(1678) % 200, 1 + np.arange(1678) % 19)
    gallery = (1 + np.arange(11579) % 200, 1 + np.arange(11579) % 19)
    assert count_problems(invented("veri776", query, gallery)) == []


def test_msmt17_of_the_published_size_has_no_problems():
    query = (np.arange(11659) % 3060, 1 + np.arange(11659) % 15)
    gallery = (np.arange(82161) % 3060, 1 + np.arange(82161) % 15)
    assert count_problems(invented("msmt17", query, gallery)) == []


def test_the_synthetic_set_has_no_published_sizes_but_differs_from_market(tmp_path):
    dataset = synthetic(tmp_path / "drawn", persons=2)
    assert (dataset.kind, dataset.root) == ("synthetic", tmp_path / "drawn")
    assert count_problems(dataset) == []
    market = load_dataset(tmp_path / "drawn")
    assert market.gallery.paths == dataset.gallery.paths
    assert "query has 2 persons, published 750" in count_problems(market)
