// SPDX-License-Identifier: Apache-2.0
// Descriptions of channels for pictures.
#include "simulator/media/media.h"

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

#pragma GCC visibility push(default)
extern "C" {

acldvppChannelDesc* acldvppCreateChannelDesc() {
    const Call call("acldvppCreateChannelDesc");
    return check_context(call) == kSuccess ? create<acldvppChannelDesc>(call) : nullptr;
}

aclError acldvppDestroyChannelDesc(acldvppChannelDesc* channelDesc) {
    return destroy(ReleaseCall("acldvppDestroyChannelDesc"), channelDesc);
}

std::uint64_t acldvppGetChannelDescChannelId(const acldvppChannelDesc* channelDesc) {
    return value_of(Call("acldvppGetChannelDescChannelId"), channelDesc,
                    ACL_DVPP_CHANNEL_ID_UINT64);
}

aclError acldvppSetChannelDescMode(acldvppChannelDesc* channelDesc, std::uint32_t mode) {
    return set_value(Call("acldvppSetChannelDescMode"), channelDesc, ACL_DVPP_MODE_UINT32, mode);
}

aclError acldvppSetChannelDescParam(acldvppChannelDesc* channelDesc,
                                    acldvppChannelDescParamType paramType, std::size_t length,
                                    const void* param) {
    return set_parameter(Call("acldvppSetChannelDescParam"), channelDesc, paramType, length, param);
}

aclError acldvppGetChannelDescParam(const acldvppChannelDesc* channelDesc,
                                    acldvppChannelDescParamType paramType, std::size_t length,
                                    std::size_t* paramRetSize, void* param) {
    return get_parameter(Call("acldvppGetChannelDescParam"), channelDesc, paramType, length,
                         paramRetSize, param);
}

}  // extern "C"
#pragma GCC visibility pop
