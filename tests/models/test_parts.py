# SPDX-License-Identifier: Apache-2.0
import itertools

from mgn_fast.models.contract import MGN_PARTS
from mgn_fast.models.parts import PART_WIDTH, PARTS, WHOLE_PARTS, body_parts


def test_the_eight_parts_share_the_embedding_and_have_a_head_each():
    assert PART_WIDTH * len(PARTS) == 2048
    assert [part.region for part in PARTS] == ["whole"] * 3 + ["half"] * 2 + ["third"] * 3
    assert [part.name for part in WHOLE_PARTS] == ["fg_p1", "fg_p2", "fg_p3"]
    assert PARTS[3].logits == "logits_f0_p2"
    assert len({part.head for part in PARTS}) == len(PARTS)


def test_stripes_of_a_size_cover_the_picture_once():
    for region, count in (("whole", 1), ("half", 2), ("third", 3)):
        edges = sorted({(part.top, part.bottom) for part in PARTS if part.region == region})
        assert len(edges) == count
        assert edges[0][0] == 0
        assert edges[-1][1] == 1
        assert all(a[1] == b[0] for a, b in itertools.pairwise(edges))


def test_mgns_parts_are_those_of_its_contract():
    assert body_parts(MGN_PARTS) == PARTS


def test_known_names_keep_their_stripe_in_any_order_and_width():
    told = body_parts((("f2_p3", 64), ("fg_p1", 512), ("f0_p2", 1)))
    assert [part.name for part in told] == ["f2_p3", "fg_p1", "f0_p2"]
    assert [(part.region, part.top, part.bottom) for part in told] == [
        ("third", 2 / 3, 1.0),
        ("whole", 0.0, 1.0),
        ("half", 0.0, 0.5),
    ]


def test_other_names_have_no_stripe():
    (known, other) = body_parts((("fg_p2", 8), ("f0_p4", 8)))
    assert known in PARTS
    assert (other.name, other.region, other.top, other.bottom) == ("f0_p4", "unknown", 0, 0)
