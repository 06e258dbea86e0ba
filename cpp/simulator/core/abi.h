// SPDX-License-Identifier: Apache-2.0
// Types and codes of AscendCL that only the simulator needs. As in acl/acl.h, values and layouts
// are the binary interface.
#pragma once

#include <cstdint>

#include "acl/acl.h"
#include "acl/acl_errors.h"

namespace mgn::acl {

using aclrtHostFunc = void (*)(void* arguments);

enum aclrtMemLocationType : int {
    ACL_MEM_LOCATION_TYPE_HOST = 0,
    ACL_MEM_LOCATION_TYPE_DEVICE = 1,
    ACL_MEM_LOCATION_TYPE_UNREGISTERED = 2
};
enum aclrtHostRegisterType : int { ACL_HOST_REGISTER_MAPPED = 0 };

struct aclrtPtrAttributes {
    struct {
        std::uint32_t id;
        aclrtMemLocationType type;
    } location;
    std::uint32_t pageSize;
    std::uint32_t rsv[4];
};
static_assert(sizeof(aclrtPtrAttributes) == 28);

constexpr std::uint64_t kContinueOnFailure = 0;  // ACL_CONTINUE_ON_FAILURE
constexpr std::uint64_t kStopOnFailure = 1;      // ACL_STOP_ON_FAILURE

constexpr aclError kParseFile = 100006;
constexpr aclError kRtWaitTimeout = 107019;
constexpr aclError kRtOverLimit = 207012;

}  // namespace mgn::acl
