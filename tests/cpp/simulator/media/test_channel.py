# SPDX-License-Identifier: Apache-2.0
from support.acl_models import Machine
from support.acl_settings import ADDRESS, U64, check_life, check_parameters, give, make

CREATE, DESTROY = "acldvppCreateChannelDesc", "acldvppDestroyChannelDesc"


def test_a_description_lives_until_it_is_destroyed():
    check_life(CREATE, DESTROY, "media_channel_description")


def test_a_description_needs_a_context():
    with Machine() as machine:
        machine.call("aclrtResetDevice", 0)
        assert give(ADDRESS, CREATE) is None
        assert "returns 107002" in machine.message()
        machine.call("aclrtSetDevice", 0)


def test_parameters_are_kept():
    with Machine() as machine:
        channel = make(machine, CREATE, DESTROY)
        check_parameters(machine, channel, "acldvpp", [4, 4, 8, 4, 4])


def test_no_channel_has_no_number_and_modes_are_taken():
    with Machine() as machine:
        channel = make(machine, CREATE, DESTROY)
        assert give(U64, "acldvppGetChannelDescChannelId", channel) == 0
        machine.call("acldvppSetChannelDescMode", channel, 3)
        assert machine.code("acldvppSetChannelDescMode", None, 3) == 100000
