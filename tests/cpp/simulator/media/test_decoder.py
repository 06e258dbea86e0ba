# SPDX-License-Identifier: Apache-2.0
from support.acl_models import Machine
from support.acl_settings import (
    ADDRESS,
    U32,
    U64,
    check_life,
    check_members,
    check_parameters,
    make,
)

CREATE, DESTROY = "aclvdecCreateChannelDesc", "aclvdecDestroyChannelDesc"
WIDE = {"ThreadId": U64, "Callback": ADDRESS}
NAMES = [
    "ChannelId",
    "ThreadId",
    "Callback",
    "EnType",
    "OutPicFormat",
    "OutPicWidth",
    "OutPicHeight",
    "RefFrameNum",
    "BitDepth",
    "OutMode",
]


def test_descriptions_live_until_they_are_destroyed():
    check_life(CREATE, DESTROY, "decoder_channel_description")
    check_life("aclvdecCreateFrameConfig", "aclvdecDestroyFrameConfig", "decoder_frame_config")


def test_what_is_set_is_kept():
    with Machine() as machine:
        members = [(WIDE.get(name, U32), f"aclvdec*ChannelDesc{name}") for name in NAMES]
        check_members(machine, make(machine, CREATE, DESTROY), members)


def test_parameters_are_kept_and_are_the_same_values():
    with Machine() as machine:
        channel = make(machine, CREATE, DESTROY)
        check_parameters(machine, channel, "aclvdec", [4, 4, 8, 8, 4, 4, 4, 4, 4, 4, 4])
        machine.call("aclvdecSetChannelDescOutPicWidth", channel, 1920)
        assert machine.raw("aclvdecGetChannelDescOutPicWidth", channel) == 1920
