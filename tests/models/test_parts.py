# SPDX-License-Identifier: Apache-2.0
import itertools

from mgn_fast.models.parts import PART_WIDTH, PARTS, WHOLE_PARTS


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
