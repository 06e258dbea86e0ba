// SPDX-License-Identifier: Apache-2.0
// What AIPP a loaded model has: none, or the static one of its first input.
#include <algorithm>
#include <cstring>

#include "simulator/models/aipp_info.h"
#include "simulator/models/loaded_model.h"

using namespace mgn::acl;
using namespace mgn::simulator;

namespace {

constexpr std::size_t kNoAttachedInput = 0xFFFFFFFF;  // ACL_INVALID_NODE_INDEX

ModelHeld model_with_input(const Call& call, std::uint32_t id, std::size_t index, const void* out) {
    if (call.is_stopped()) return nullptr;
    if (out == nullptr) {
        call.fail(kInvalidParam, "the result is null");
        return nullptr;
    }
    ModelHeld model = find_model(call, id);
    if (model == nullptr || index < model->file->inputs.size()) return model;
    call.fail(kInvalidParam, "index " + std::to_string(index) + " of " +
                                 std::to_string(model->file->inputs.size()) + " inputs");
    return nullptr;
}

void write_dims(const TensorInfo& tensor, std::uint64_t batch, aclmdlIODims& dims) {
    std::memcpy(dims.name, tensor.name.data(), std::min(tensor.name.size(), kMaxNameBytes - 1));
    dims.dimCount = tensor.dims.size();
    std::copy(tensor.dims.begin(), tensor.dims.end(), dims.dims);
    dims.dims[0] = static_cast<std::int64_t>(batch);
}

// One entry for each gear, or one for the fixed batch.
void fill(const OmFile& file, aclAippInfo& info) {
    const StaticAipp& aipp = *file.aipp;
    const TensorInfo& network = file.inputs[0];
    std::memset(&info, 0, sizeof info);
    info.inputFormat = ACL_RGB888_U8;
    info.srcImageSizeH = static_cast<std::int32_t>(aipp.source.dims[1]);
    info.srcImageSizeW = static_cast<std::int32_t>(aipp.source.dims[2]);
    std::copy(aipp.min_chn, aipp.min_chn + 3, info.minChn);
    std::copy(aipp.var_reci, aipp.var_reci + 3, info.varReciChn);
    info.srcFormat = network.format;
    info.srcDatatype = network.data_type;
    info.srcDimNum = network.dims.size();
    const std::vector<std::uint64_t> batches =
        file.gears.empty() ? std::vector<std::uint64_t>{file.batch} : file.gears;
    for (const std::uint64_t batch : batches) {
        aclAippDims& entry = info.outDims[info.shapeCount++];
        write_dims(aipp.source, batch, entry.srcDims);
        entry.srcSize = aipp.source.bytes / file.batch * batch;
        write_dims(network, batch, entry.aippOutdims);
        entry.aippOutSize = network.bytes / file.batch * batch;
    }
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

aclError aclmdlGetAippType(std::uint32_t modelId, std::size_t index, aclmdlInputAippType* type,
                           std::size_t* dynamicAttachedDataIndex) {
    const Call call("aclmdlGetAippType");
    const bool has_both = type != nullptr && dynamicAttachedDataIndex != nullptr;
    const ModelHeld model = model_with_input(call, modelId, index, has_both ? type : nullptr);
    if (model == nullptr) return call.code();
    const bool is_static = index == 0 && model->file->aipp.has_value();
    *type = is_static ? ACL_DATA_WITH_STATIC_AIPP : ACL_DATA_WITHOUT_AIPP;
    *dynamicAttachedDataIndex = kNoAttachedInput;
    return kSuccess;
}

aclError aclmdlGetFirstAippInfo(std::uint32_t modelId, std::size_t index, aclAippInfo* aippInfo) {
    const Call call("aclmdlGetFirstAippInfo");
    const ModelHeld model = model_with_input(call, modelId, index, aippInfo);
    if (model == nullptr) return call.code();
    if (index != 0 || !model->file->aipp) {
        return call.fail(kNotStaticAipp, "input " + std::to_string(index) + " has no static AIPP");
    }
    fill(*model->file, *aippInfo);
    return kSuccess;
}

}  // extern "C"
#pragma GCC visibility pop
