# SPDX-License-Identifier: Apache-2.0
import pytest

from support.acl_models import Machine, ledger
from support.acl_settings import ADDRESS, INVALID, U32, check_life, check_members, give, make

CREATE, DESTROY = "acldvppCreatePicDesc", "acldvppDestroyPicDesc"
CREATE_BATCH, DESTROY_BATCH = "acldvppCreateBatchPicDesc", "acldvppDestroyBatchPicDesc"
MEMBERS = [
    (ADDRESS, "acldvpp*PicDescData"),
    *(
        (U32, f"acldvpp*PicDesc{name}")
        for name in ["Size", "Format", "Width", "Height", "WidthStride", "HeightStride", "RetCode"]
    ),
]


def test_descriptions_live_until_they_are_destroyed():
    check_life(CREATE, DESTROY, "picture_description")
    check_life(CREATE_BATCH, DESTROY_BATCH, "picture_batch_description", 2)


@pytest.mark.parametrize(("create", "arguments"), [(CREATE, ()), (CREATE_BATCH, (2,))])
def test_a_description_needs_a_context(create, arguments):
    with Machine() as machine:
        machine.call("aclrtResetDevice", 0)
        assert give(ADDRESS, create, *arguments) is None
        assert "returns 107002" in machine.message()
        machine.call("aclrtSetDevice", 0)


def test_what_is_set_is_kept():
    with Machine() as machine:
        check_members(machine, make(machine, CREATE, DESTROY), MEMBERS)


def test_a_batch_has_its_pictures():
    with Machine(violations=["part of a batch destroyed"]) as machine:
        batch = make(machine, CREATE_BATCH, DESTROY_BATCH, 3)
        pictures = [give(ADDRESS, "acldvppGetPicDesc", batch, index) for index in range(3)]
        assert len(set(pictures)) == ledger()["live"]["picture_description"] == 3
        check_members(machine, pictures[1], MEMBERS)
        assert give(ADDRESS, "acldvppGetPicDesc", batch, 3) is None
        assert "index 3 of a batch of 3" in machine.message()
        assert machine.code(DESTROY, pictures[0]) == INVALID
    assert ledger()["live"]["picture_description"] == 0


@pytest.mark.parametrize("size", [0, 257])
def test_a_batch_has_1_to_256_pictures(size):
    with Machine() as machine:
        assert give(ADDRESS, CREATE_BATCH, size) is None
        assert f"batchSize is {size}, expected 1 to 256" in machine.message()


def test_leftovers_are_named_at_the_end():
    with Machine(violations=["leak of picture_description"]):
        leaked = give(ADDRESS, CREATE)
    give(U32, DESTROY, leaked)
