// SPDX-License-Identifier: Apache-2.0
// Exported functions of tensor descriptions, and the query for an operator that failed.
#include "simulator/models/data_type.h"
#include "simulator/models/dataset.h"

using namespace mgn::acl;
using namespace mgn::simulator;

namespace {

constexpr int kMaxTensorDims = static_cast<int>(kMaxDimensions);

bool is_live(const Call& call, const aclTensorDesc* desc) {
    return tensor_descs().check(call, desc, "desc") == kSuccess;
}

// 0 where a dimension is not known.
std::size_t element_count(const aclTensorDesc& desc) {
    std::size_t count = 1;
    for (const std::int64_t size : desc.dims) {
        count = size < 0 ? 0 : count * static_cast<std::size_t>(size);
    }
    return count;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

aclTensorDesc* aclCreateTensorDesc(aclDataType dataType, int numDims, const std::int64_t* dims,
                                   aclFormat format) {
    const Call call("aclCreateTensorDesc");
    if (call.is_stopped()) return nullptr;
    if (numDims < 0 || numDims > kMaxTensorDims || (numDims > 0 && dims == nullptr)) {
        call.fail(kInvalidParam, "numDims is " + std::to_string(numDims) +
                                     ", expected 0 to 128 and dims that are not null");
        return nullptr;
    }
    auto desc = std::make_unique<aclTensorDesc>();
    desc->data_type = dataType;
    desc->format = format;
    if (numDims > 0) desc->dims.assign(dims, dims + numDims);
    return tensor_descs().add(call, std::move(desc));
}

void aclDestroyTensorDesc(const aclTensorDesc* desc) {
    const ReleaseCall call("aclDestroyTensorDesc");
    if (desc != nullptr) tensor_descs().destroy(call, desc, "desc");
}

aclDataType aclGetTensorDescType(const aclTensorDesc* desc) {
    return is_live(Call("aclGetTensorDescType"), desc) ? desc->data_type : ACL_DT_UNDEFINED;
}

aclFormat aclGetTensorDescFormat(const aclTensorDesc* desc) {
    return is_live(Call("aclGetTensorDescFormat"), desc) ? desc->format : ACL_FORMAT_UNDEFINED;
}

std::size_t aclGetTensorDescSize(const aclTensorDesc* desc) {
    const Call call("aclGetTensorDescSize");
    return is_live(call, desc) ? element_count(*desc) * data_type_bytes(desc->data_type) : 0;
}

std::size_t aclGetTensorDescElementCount(const aclTensorDesc* desc) {
    return is_live(Call("aclGetTensorDescElementCount"), desc) ? element_count(*desc) : 0;
}

std::size_t aclGetTensorDescNumDims(const aclTensorDesc* desc) {
    return is_live(Call("aclGetTensorDescNumDims"), desc) ? desc->dims.size() : 0;
}

aclError aclGetTensorDescDimV2(const aclTensorDesc* desc, std::size_t index,
                               std::int64_t* dimSize) {
    const Call call("aclGetTensorDescDimV2");
    if (const aclError code = tensor_descs().check(call, desc, "desc")) return code;
    if (dimSize == nullptr || index >= desc->dims.size()) {
        return call.fail(kInvalidParam, "index " + std::to_string(index) + " of " +
                                            std::to_string(desc->dims.size()) +
                                            " dimensions, or dimSize is null");
    }
    *dimSize = desc->dims[index];
    return kSuccess;
}

std::int64_t aclGetTensorDescDim(const aclTensorDesc* desc, std::size_t index) {
    const Call call("aclGetTensorDescDim");
    return is_live(call, desc) && index < desc->dims.size() ? desc->dims[index] : -1;
}

void aclSetTensorDescName(aclTensorDesc* desc, const char* name) {
    const Call call("aclSetTensorDescName");
    if (is_live(call, desc)) desc->name = name != nullptr ? name : "";
}

const char* aclGetTensorDescName(aclTensorDesc* desc) {
    return is_live(Call("aclGetTensorDescName"), desc) ? desc->name.c_str() : "";
}

// Descriptions that a client makes are single and have no memory; only those of a failed operator
// could be several with addresses, and the simulator has no operators.
void* aclGetTensorDescAddress(const aclTensorDesc* desc) {
    const Call call("aclGetTensorDescAddress");
    is_live(call, desc);
    return nullptr;
}

aclTensorDesc* aclGetTensorDescByIndex(aclTensorDesc* desc, std::size_t index) {
    return is_live(Call("aclGetTensorDescByIndex"), desc) && index == 0 ? desc : nullptr;
}

aclError aclmdlCreateAndGetOpDesc(std::uint32_t deviceId, std::uint32_t streamId,
                                  std::uint32_t taskId, char* opName, std::size_t opNameLen,
                                  aclTensorDesc** inputDesc, std::size_t* numInputs,
                                  aclTensorDesc** outputDesc, std::size_t* numOutputs) {
    const Call call("aclmdlCreateAndGetOpDesc");
    if (call.is_stopped()) return call.fault();
    if (opName == nullptr || opNameLen == 0 || inputDesc == nullptr || numInputs == nullptr ||
        outputDesc == nullptr || numOutputs == nullptr) {
        return call.fail(kInvalidParam, "an output argument is null or opNameLen is 0");
    }
    return call.fail(kGeFailure, "no operator is known for device " + std::to_string(deviceId) +
                                     ", stream " + std::to_string(streamId) + ", task " +
                                     std::to_string(taskId) +
                                     ": a simulated model is one task without operators");
}

}  // extern "C"
#pragma GCC visibility pop
