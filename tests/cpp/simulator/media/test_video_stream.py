# SPDX-License-Identifier: Apache-2.0
from support.acl_models import Machine
from support.acl_settings import ADDRESS, U8, U32, U64, check_life, check_members, make

CREATE, DESTROY = "acldvppCreateStreamDesc", "acldvppDestroyStreamDesc"
MEMBERS = {
    "Data": ADDRESS,
    "Size": U32,
    "Format": U32,
    "Timestamp": U64,
    "RetCode": U32,
    "Eos": U8,
}


def test_a_description_lives_until_it_is_destroyed():
    check_life(CREATE, DESTROY, "video_stream_description")


def test_what_is_set_is_kept():
    with Machine() as machine:
        members = [(kind, f"acldvpp*StreamDesc{name}") for name, kind in MEMBERS.items()]
        check_members(machine, make(machine, CREATE, DESTROY), members)
