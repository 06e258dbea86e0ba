// SPDX-License-Identifier: Apache-2.0
// What a tensor description says to an operator alone: taken and checked, and but for the range of
// its dimensions read by nothing, because no operator runs.
#include "simulator/operators/operators.h"

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

namespace {

constexpr std::size_t kBounds = 2;  // of a range

aclError check_desc(const Call& call, const aclTensorDesc* desc) {
    return tensor_descs().check(call, desc, "desc");
}

aclError check_shape(const Call& call, const aclTensorDesc* desc, int count,
                     const std::int64_t* dims) {
    if (const aclError code = check_desc(call, desc)) return code;
    if (count >= 0 && static_cast<std::size_t>(count) <= kMaxDimensions &&
        (count == 0 || dims != nullptr)) {
        return kSuccess;
    }
    return call.fail(kInvalidParam, "numDims is " + std::to_string(count) +
                                        ", expected 0 to 128 and dims that are not null");
}

aclError check_ranges(const Call& call, const aclTensorDesc* desc, std::size_t count,
                      const void* ranges) {
    if (const aclError code = check_desc(call, desc)) return code;
    if (count == 0 || ranges != nullptr) return kSuccess;
    return call.fail(kInvalidParam, std::to_string(count) + " ranges, but their address is null");
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

aclError aclSetTensorFormat(aclTensorDesc* desc, aclFormat) {
    return check_desc(Call("aclSetTensorFormat"), desc);
}

aclError aclSetTensorOriginFormat(aclTensorDesc* desc, aclFormat) {
    return check_desc(Call("aclSetTensorOriginFormat"), desc);
}

aclError aclSetTensorStorageFormat(aclTensorDesc* desc, aclFormat) {
    return check_desc(Call("aclSetTensorStorageFormat"), desc);
}

aclError aclSetTensorShape(aclTensorDesc* desc, int numDims, const std::int64_t* dims) {
    return check_shape(Call("aclSetTensorShape"), desc, numDims, dims);
}

aclError aclSetTensorOriginShape(aclTensorDesc* desc, int numDims, const std::int64_t* dims) {
    return check_shape(Call("aclSetTensorOriginShape"), desc, numDims, dims);
}

aclError aclSetTensorStorageShape(aclTensorDesc* desc, int numDims, const std::int64_t* dims) {
    return check_shape(Call("aclSetTensorStorageShape"), desc, numDims, dims);
}

aclError aclSetTensorShapeRange(aclTensorDesc* desc, std::size_t dimsCount,
                                std::int64_t dimsRange[][kBounds]) {
    const Call call("aclSetTensorShapeRange");
    if (const aclError code = check_ranges(call, desc, dimsCount, dimsRange)) return code;
    if (dimsCount > kMaxDimensions) {
        return call.fail(kInvalidParam,
                         "dimsCount is " + std::to_string(dimsCount) + ", expected 0 to 128");
    }
    desc->ranges.clear();
    for (std::size_t axis = 0; axis < dimsCount; ++axis) {
        desc->ranges.push_back({dimsRange[axis][0], dimsRange[axis][1]});
    }
    return kSuccess;
}

aclError aclGetTensorDescDimRange(const aclTensorDesc* desc, std::size_t index,
                                  std::size_t dimRangeNum, std::int64_t* dimRange) {
    const Call call("aclGetTensorDescDimRange");
    if (const aclError code = check_desc(call, desc)) return code;
    if (index >= desc->ranges.size() || dimRangeNum < kBounds || dimRange == nullptr) {
        return call.fail(kInvalidParam, "index " + std::to_string(index) + " of " +
                                            std::to_string(desc->ranges.size()) +
                                            " ranges, dimRangeNum below 2, or dimRange is null");
    }
    dimRange[0] = desc->ranges[index].first;
    dimRange[1] = desc->ranges[index].second;
    return kSuccess;
}

aclError aclSetTensorValueRange(aclTensorDesc* desc, std::size_t valueCount,
                                std::int64_t valueRange[][kBounds]) {
    return check_ranges(Call("aclSetTensorValueRange"), desc, valueCount, valueRange);
}

aclError aclSetTensorDynamicInput(aclTensorDesc* desc, const char* dynamicInputName) {
    const Call call("aclSetTensorDynamicInput");
    if (const aclError code = check_desc(call, desc)) return code;
    if (dynamicInputName != nullptr) return kSuccess;
    return call.fail(kInvalidParam, "dynamicInputName is null");
}

aclError aclSetTensorConst(aclTensorDesc* desc, void* dataBuffer, std::size_t length) {
    const Call call("aclSetTensorConst");
    if (const aclError code = check_desc(call, desc)) return code;
    if (dataBuffer != nullptr && length > 0) return kSuccess;
    return call.fail(kInvalidParam, "dataBuffer is null, or length is 0");
}

aclError aclSetTensorPlaceMent(aclTensorDesc* desc, aclMemType memType) {
    const Call call("aclSetTensorPlaceMent");
    if (const aclError code = check_desc(call, desc)) return code;
    if (memType >= ACL_MEMTYPE_DEVICE && memType <= kLastMemType) return kSuccess;
    return call.fail(kInvalidParam,
                     "memType is " + std::to_string(memType) + ", expected 0, 1 or 2");
}

aclError aclTransTensorDescFormat(const aclTensorDesc*, aclFormat, aclTensorDesc**) {
    return refuse_operator(Call("aclTransTensorDescFormat"));
}

}  // extern "C"
#pragma GCC visibility pop
