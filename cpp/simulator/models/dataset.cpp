// SPDX-License-Identifier: Apache-2.0
// Exported functions of data buffers and datasets.
#include "simulator/models/dataset.h"

namespace mgn::simulator {

Registry<acl::aclDataBuffer>& data_buffers() {
    static auto* const registry = new Registry<acl::aclDataBuffer>("data_buffer");
    return *registry;
}

Registry<acl::aclmdlDataset>& datasets() {
    static auto* const registry = new Registry<acl::aclmdlDataset>("dataset");
    return *registry;
}

Registry<acl::aclTensorDesc>& tensor_descs() {
    static auto* const registry = new Registry<acl::aclTensorDesc>("tensor_description");
    return *registry;
}

aclError check_entry(const Call& call, const acl::aclmdlDataset* dataset, std::size_t index) {
    if (const aclError code = datasets().check(call, dataset, "dataset")) return code;
    if (index < dataset->buffers.size()) return acl::kSuccess;
    return call.fail(acl::kInvalidParam, "index " + std::to_string(index) + " of a dataset with " +
                                             std::to_string(dataset->buffers.size()) + " buffers");
}

}  // namespace mgn::simulator

using namespace mgn::acl;
using namespace mgn::simulator;

namespace {

bool is_live(const Call& call, const aclDataBuffer* buffer) {
    return data_buffers().check(call, buffer, "dataBuffer") == kSuccess;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

aclDataBuffer* aclCreateDataBuffer(void* data, std::size_t size) {
    return data_buffers().add(Call("aclCreateDataBuffer"),
                              std::make_unique<aclDataBuffer>(aclDataBuffer{data, size}));
}

aclError aclDestroyDataBuffer(const aclDataBuffer* dataBuffer) {
    return data_buffers().destroy(ReleaseCall("aclDestroyDataBuffer"), dataBuffer, "dataBuffer");
}

aclError aclUpdateDataBuffer(aclDataBuffer* dataBuffer, void* data, std::size_t size) {
    const Call call("aclUpdateDataBuffer");
    const aclError code = data_buffers().check(call, dataBuffer, "dataBuffer");
    if (code == kSuccess) *dataBuffer = {data, size};
    return code;
}

void* aclGetDataBufferAddr(const aclDataBuffer* dataBuffer) {
    return is_live(Call("aclGetDataBufferAddr"), dataBuffer) ? dataBuffer->data : nullptr;
}

std::size_t aclGetDataBufferSizeV2(const aclDataBuffer* dataBuffer) {
    return is_live(Call("aclGetDataBufferSizeV2"), dataBuffer) ? dataBuffer->size : 0;
}

std::uint32_t aclGetDataBufferSize(const aclDataBuffer* dataBuffer) {
    const Call call("aclGetDataBufferSize");
    return is_live(call, dataBuffer) ? static_cast<std::uint32_t>(dataBuffer->size) : 0;
}

aclmdlDataset* aclmdlCreateDataset() {
    return datasets().add(Call("aclmdlCreateDataset"), std::make_unique<aclmdlDataset>());
}

aclError aclmdlDestroyDataset(const aclmdlDataset* dataset) {
    return datasets().destroy(ReleaseCall("aclmdlDestroyDataset"), dataset, "dataset");
}

aclError aclmdlAddDatasetBuffer(aclmdlDataset* dataset, aclDataBuffer* dataBuffer) {
    const Call call("aclmdlAddDatasetBuffer");
    aclError code = datasets().check(call, dataset, "dataset");
    if (code == kSuccess) code = data_buffers().check(call, dataBuffer, "dataBuffer");
    if (code == kSuccess) {
        dataset->buffers.push_back(dataBuffer);
        dataset->descriptions.push_back(nullptr);
    }
    return code;
}

std::size_t aclmdlGetDatasetNumBuffers(const aclmdlDataset* dataset) {
    const Call call("aclmdlGetDatasetNumBuffers");
    return datasets().check(call, dataset, "dataset") == kSuccess ? dataset->buffers.size() : 0;
}

aclDataBuffer* aclmdlGetDatasetBuffer(const aclmdlDataset* dataset, std::size_t index) {
    const Call call("aclmdlGetDatasetBuffer");
    return check_entry(call, dataset, index) == kSuccess ? dataset->buffers[index] : nullptr;
}

aclError aclmdlSetDatasetTensorDesc(aclmdlDataset* dataset, aclTensorDesc* tensorDesc,
                                    std::size_t index) {
    const Call call("aclmdlSetDatasetTensorDesc");
    aclError code = check_entry(call, dataset, index);
    // Null takes a description away again.
    if (code == kSuccess && tensorDesc != nullptr) {
        code = tensor_descs().check(call, tensorDesc, "tensorDesc");
    }
    if (code == kSuccess) dataset->descriptions[index] = tensorDesc;
    return code;
}

aclTensorDesc* aclmdlGetDatasetTensorDesc(const aclmdlDataset* dataset, std::size_t index) {
    const Call call("aclmdlGetDatasetTensorDesc");
    return check_entry(call, dataset, index) == kSuccess ? dataset->descriptions[index] : nullptr;
}

}  // extern "C"
#pragma GCC visibility pop
