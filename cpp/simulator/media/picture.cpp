// SPDX-License-Identifier: Apache-2.0
// Descriptions of pictures, alone and in batches.
#include "simulator/media/media.h"

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

namespace {

constexpr std::uint32_t kMostPictures = 256;  // of a batch

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

acldvppPicDesc* acldvppCreatePicDesc() {
    const Call call("acldvppCreatePicDesc");
    return check_context(call) == kSuccess ? create<acldvppPicDesc>(call) : nullptr;
}

// One of a batch goes with its batch.
aclError acldvppDestroyPicDesc(acldvppPicDesc* picDesc) {
    const ReleaseCall call("acldvppDestroyPicDesc");
    if (picDesc != nullptr && live<acldvppPicDesc>().has(picDesc) && picDesc->batch != nullptr) {
        return call.violation(kInvalidParam, "part of a batch destroyed",
                              "the picture description belongs to a batch; "
                              "acldvppDestroyBatchPicDesc destroys it");
    }
    return destroy(call, picDesc);
}

aclError acldvppSetPicDescData(acldvppPicDesc* picDesc, void* dataDev) {
    return set(Call("acldvppSetPicDescData"), picDesc, &acldvppPicDesc::data, dataDev);
}

void* acldvppGetPicDescData(const acldvppPicDesc* picDesc) {
    return get(Call("acldvppGetPicDescData"), picDesc, &acldvppPicDesc::data);
}

aclError acldvppSetPicDescSize(acldvppPicDesc* picDesc, std::uint32_t size) {
    return set(Call("acldvppSetPicDescSize"), picDesc, &acldvppPicDesc::size, size);
}

std::uint32_t acldvppGetPicDescSize(const acldvppPicDesc* picDesc) {
    return get(Call("acldvppGetPicDescSize"), picDesc, &acldvppPicDesc::size);
}

aclError acldvppSetPicDescFormat(acldvppPicDesc* picDesc, acldvppPixelFormat format) {
    return set(Call("acldvppSetPicDescFormat"), picDesc, &acldvppPicDesc::format, format);
}

acldvppPixelFormat acldvppGetPicDescFormat(const acldvppPicDesc* picDesc) {
    return get(Call("acldvppGetPicDescFormat"), picDesc, &acldvppPicDesc::format);
}

aclError acldvppSetPicDescWidth(acldvppPicDesc* picDesc, std::uint32_t width) {
    return set(Call("acldvppSetPicDescWidth"), picDesc, &acldvppPicDesc::width, width);
}

std::uint32_t acldvppGetPicDescWidth(const acldvppPicDesc* picDesc) {
    return get(Call("acldvppGetPicDescWidth"), picDesc, &acldvppPicDesc::width);
}

aclError acldvppSetPicDescHeight(acldvppPicDesc* picDesc, std::uint32_t height) {
    return set(Call("acldvppSetPicDescHeight"), picDesc, &acldvppPicDesc::height, height);
}

std::uint32_t acldvppGetPicDescHeight(const acldvppPicDesc* picDesc) {
    return get(Call("acldvppGetPicDescHeight"), picDesc, &acldvppPicDesc::height);
}

aclError acldvppSetPicDescWidthStride(acldvppPicDesc* picDesc, std::uint32_t widthStride) {
    return set(Call("acldvppSetPicDescWidthStride"), picDesc, &acldvppPicDesc::width_stride,
               widthStride);
}

std::uint32_t acldvppGetPicDescWidthStride(const acldvppPicDesc* picDesc) {
    return get(Call("acldvppGetPicDescWidthStride"), picDesc, &acldvppPicDesc::width_stride);
}

aclError acldvppSetPicDescHeightStride(acldvppPicDesc* picDesc, std::uint32_t heightStride) {
    return set(Call("acldvppSetPicDescHeightStride"), picDesc, &acldvppPicDesc::height_stride,
               heightStride);
}

std::uint32_t acldvppGetPicDescHeightStride(const acldvppPicDesc* picDesc) {
    return get(Call("acldvppGetPicDescHeightStride"), picDesc, &acldvppPicDesc::height_stride);
}

aclError acldvppSetPicDescRetCode(acldvppPicDesc* picDesc, std::uint32_t retCode) {
    return set(Call("acldvppSetPicDescRetCode"), picDesc, &acldvppPicDesc::return_code, retCode);
}

std::uint32_t acldvppGetPicDescRetCode(const acldvppPicDesc* picDesc) {
    return get(Call("acldvppGetPicDescRetCode"), picDesc, &acldvppPicDesc::return_code);
}

acldvppBatchPicDesc* acldvppCreateBatchPicDesc(std::uint32_t batchSize) {
    const Call call("acldvppCreateBatchPicDesc");
    if (check_context(call) != kSuccess) return nullptr;
    if (batchSize == 0 || batchSize > kMostPictures) {
        call.fail(kInvalidParam, "batchSize is " + std::to_string(batchSize) + ", expected 1 to " +
                                     std::to_string(kMostPictures));
        return nullptr;
    }
    acldvppBatchPicDesc* const batch = create<acldvppBatchPicDesc>(call);
    for (std::uint32_t index = 0; index < batchSize; ++index) {
        auto picture = std::make_unique<acldvppPicDesc>();
        picture->batch = batch;
        batch->pictures.push_back(create<acldvppPicDesc>(call, std::move(picture)));
    }
    return batch;
}

acldvppPicDesc* acldvppGetPicDesc(acldvppBatchPicDesc* batchPicDesc, std::uint32_t index) {
    const Call call("acldvppGetPicDesc");
    if (check(call, batchPicDesc) != kSuccess) return nullptr;
    if (index < batchPicDesc->pictures.size()) return batchPicDesc->pictures[index];
    call.fail(kInvalidParam, "index " + std::to_string(index) + " of a batch of " +
                                 std::to_string(batchPicDesc->pictures.size()));
    return nullptr;
}

aclError acldvppDestroyBatchPicDesc(acldvppBatchPicDesc* batchPicDesc) {
    const ReleaseCall call("acldvppDestroyBatchPicDesc");
    if (!call.is_stopped() && live<acldvppBatchPicDesc>().has(batchPicDesc)) {
        for (acldvppPicDesc* picture : batchPicDesc->pictures) {
            live<acldvppPicDesc>().remove(picture);
        }
    }
    return destroy(call, batchPicDesc);
}

}  // extern "C"
#pragma GCC visibility pop
