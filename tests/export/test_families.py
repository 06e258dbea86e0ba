# SPDX-License-Identifier: Apache-2.0
"""Whose MGN a checkpoint is of is told by its names and sizes, and what they leave open is open."""

import pytest

from mgn_fast.export.families import LEVYFAN, MGN_PYTORCH, REID_MGN, design_of
from oracles import other_networks, recipe_network


def without_heads(shapes):
    return {name: shape for name, shape in shapes.items() if not name.startswith("fc_id_")}


def of(family, num_identities=751, thin=1):
    if family == "ReID-MGN":
        return recipe_network.shapes(num_identities, thin)
    return other_networks.shapes(family, num_identities, thin)


@pytest.mark.parametrize(
    ("family", "design"),
    [("ReID-MGN", REID_MGN), ("seathiefwang", MGN_PYTORCH), ("levyfan", LEVYFAN)],
)
def test_each_family_is_known_with_and_without_classifiers(family, design):
    assert design_of(of(family)) == design
    assert design_of(of(family, 41)).num_identities == 41
    bare = design_of(without_heads(of(family)))
    assert bare.num_identities is None
    assert (bare.order, bare.interpolation) == (design.order, design.interpolation)


def test_pooling_is_known_where_the_names_leave_no_doubt():
    pools = {
        family: design_of(of(family)).pool for family in ("ReID-MGN", "seathiefwang", "levyfan")
    }
    assert pools == {"ReID-MGN": "max", "seathiefwang": None, "levyfan": "max"}
    # seathiefwang's with the trunk's name put right, and what may be that.
    fork = {name.replace("backone.", "backbone."): x for name, x in of("seathiefwang").items()}
    assert (design_of(fork).pool, design_of(fork).order) == (None, MGN_PYTORCH.order)
    assert design_of(fork).trunk == "backbone"
    headless = design_of(without_heads(of("levyfan")))
    assert headless.pool is None
    assert headless.title == "levyfan's reid-mgn or seathiefwang's MGN-pytorch"


def test_sizes_are_the_files_by_majority():
    shapes = of("seathiefwang", 41)
    shapes |= {name: (512, 2048, 1, 1) for name in shapes if name.endswith("reduction_0.0.weight")}
    shapes["fc_id_2048_1.weight"] = (9, 256)
    assert (design_of(shapes).part_width, design_of(shapes).num_identities) == (256, 41)
    wide = {
        name: (512, *shape[1:]) if name.startswith("reduction_") and len(shape) == 4 else shape
        for name, shape in of("seathiefwang").items()
    }
    assert design_of(wide).parts[0] == ("fg_p1", 512)


def test_the_embeddings_parts_are_in_the_familys_order():
    assert " ".join(name for name, _ in REID_MGN.parts) == (
        "fg_p1 fg_p2 fg_p3 f0_p2 f1_p2 f0_p3 f1_p3 f2_p3"
    )
    assert MGN_PYTORCH.parts == REID_MGN.parts
    assert " ".join(name for name, _ in LEVYFAN.parts) == (
        "fg_p1 fg_p2 f0_p2 f1_p2 fg_p3 f0_p3 f1_p3 f2_p3"
    )
    assert {width for _, width in LEVYFAN.parts} == {256}


def test_names_and_widths_are_those_of_the_family():
    assert [REID_MGN.reduction(index) for index in (0, 7)] == ["reduction", "reduction"]
    assert [LEVYFAN.reduction(index) for index in (0, 7)] == ["reduction_0", "reduction_7"]
    assert [LEVYFAN.head_width(index) for index in (0, 2, 3, 7)] == [2048, 2048, 256, 256]
    assert [MGN_PYTORCH.head_width(index) for index in (0, 3)] == [256, 256]
    assert MGN_PYTORCH.in_file("backbone.0.weight") == "backone.0.weight"
    assert MGN_PYTORCH.in_file("p1.0.0.conv1.weight") == "p1.0.0.conv1.weight"


@pytest.mark.parametrize("shapes", [{}, {"conv1.weight": (64, 3, 7, 7)}])
def test_what_is_no_mgn_is_held_against_reid_mgns(shapes):
    assert design_of(shapes).title == REID_MGN.title
