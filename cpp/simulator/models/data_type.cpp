// SPDX-License-Identifier: Apache-2.0
// aclDataTypeSize and the two conversions between float and half.
#include "simulator/models/data_type.h"

#include "common/half.h"
#include "simulator/core/call.h"

namespace mgn::simulator {

using namespace mgn::acl;

std::size_t data_type_bytes(aclDataType type) {
    switch (static_cast<int>(type)) {
        case ACL_INT8:
        case ACL_UINT8:
        case ACL_BOOL:
        case ACL_INT4:
        case ACL_UINT1:
            return 1;
        case ACL_FLOAT16:
        case ACL_BF16:
        case ACL_INT16:
        case ACL_UINT16:
            return 2;
        case ACL_FLOAT:
        case ACL_INT32:
        case ACL_UINT32:
        case ACL_COMPLEX32:
            return 4;
        case ACL_INT64:
        case ACL_UINT64:
        case ACL_DOUBLE:
        case ACL_COMPLEX64:
            return 8;
        case ACL_COMPLEX128:
            return 16;
        default:
            return 0;
    }
}

}  // namespace mgn::simulator

using namespace mgn::simulator;

#pragma GCC visibility push(default)
extern "C" {

std::size_t aclDataTypeSize(mgn::acl::aclDataType dataType) {
    const Call call("aclDataTypeSize");
    return call.fault() != 0 ? 0 : data_type_bytes(dataType);
}

float aclFloat16ToFloat(std::uint16_t value) {
    const Call call("aclFloat16ToFloat");
    return call.fault() != 0 ? 0.0f : mgn::half_to_float(value);
}

std::uint16_t aclFloatToFloat16(float value) {
    const Call call("aclFloatToFloat16");
    return call.fault() != 0 ? std::uint16_t{0} : mgn::float_to_half(value);
}

}  // extern "C"
#pragma GCC visibility pop
