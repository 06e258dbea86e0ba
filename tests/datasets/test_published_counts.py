# SPDX-License-Identifier: Apache-2.0
"""The published sizes agree with each other, and every set that has them can be loaded."""

from __future__ import annotations

from mgn_fast.datasets.layouts import LAYOUTS
from mgn_fast.datasets.published_counts import PUBLISHED


def test_every_published_set_has_a_layout_and_both_splits():
    assert set(PUBLISHED) <= set(LAYOUTS)
    assert all(set(splits) == {"query", "gallery"} for splits in PUBLISHED.values())


def test_only_drawn_and_own_sets_and_the_undecided_kind_have_no_published_sizes():
    assert set(LAYOUTS) - set(PUBLISHED) == {"synthetic", "own", "cuhk03-np"}


def test_sizes_add_up_to_the_published_totals():
    def pictures(kind):
        return PUBLISHED[kind]["query"].pictures, PUBLISHED[kind]["gallery"].pictures

    assert pictures("market1501") == (3368, 19732 - 3819)
    assert sum(pictures("dukemtmc")) + 16522 == 36411
    assert sum(pictures("msmt17")) + 30248 + 2373 == 126441
    # Occluded-Duke, per camera 1 to 8, counted from the authors' lists.
    assert pictures("occluded-duke") == (
        sum([1137, 215, 97, 164, 92, 314, 80, 111]),
        sum([2704, 2798, 828, 1139, 1209, 3308, 1255, 4420]),
    )


def test_each_query_split_seeks_no_more_persons_than_the_gallery_holds():
    for splits in PUBLISHED.values():
        assert splits["query"].persons <= splits["gallery"].persons
        assert splits["query"].pictures >= splits["query"].persons
