# SPDX-License-Identifier: Apache-2.0
from support.acl_models import Machine
from support.acl_settings import (
    ADDRESS,
    U8,
    U32,
    U64,
    check_life,
    check_members,
    check_parameters,
    give,
    make,
)

CREATE, DESTROY = "aclvencCreateChannelDesc", "aclvencDestroyChannelDesc"
WIDE = {"ThreadId": U64, "Callback": ADDRESS, "BufAddr": ADDRESS}
NAMES = [
    "ThreadId",
    "Callback",
    "PicFormat",
    "EnType",
    "PicWidth",
    "PicHeight",
    "KeyFrameInterval",
    "BufAddr",
    "BufSize",
    "RcMode",
    "SrcRate",
    "MaxBitRate",
]
FRAME = "aclvencCreateFrameConfig", "aclvencDestroyFrameConfig"


def test_descriptions_live_until_they_are_destroyed():
    check_life(CREATE, DESTROY, "encoder_channel_description")
    check_life(*FRAME, "encoder_frame_config")


def test_what_is_set_is_kept():
    with Machine() as machine:
        channel = make(machine, CREATE, DESTROY)
        members = [(WIDE.get(name, U32), f"aclvenc*ChannelDesc{name}") for name in NAMES]
        check_members(machine, channel, members)
        assert give(U32, "aclvencGetChannelDescChannelId", channel) == 0
        members = [(U8, f"aclvenc*FrameConfig{name}") for name in ("ForceIFrame", "Eos")]
        check_members(machine, make(machine, *FRAME), members)


def test_parameters_are_kept():
    with Machine() as machine:
        channel = make(machine, CREATE, DESTROY)
        check_parameters(machine, channel, "aclvenc", [8, 8, 4, 4, 4, 4, 4, 8, 4, 4, 4, 4, 4])
