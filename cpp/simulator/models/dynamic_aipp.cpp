// SPDX-License-Identifier: Apache-2.0
// Parameters of dynamic AIPP: checked and kept. No simulated model has a dynamic AIPP input, so
// attaching them to one is refused as the real library refuses it.
#include <cmath>

#include "simulator/models/dataset.h"
#include "simulator/models/loaded_model.h"

namespace mgn::acl {

struct aclmdlAIPP {
    std::uint64_t batch_size = 0;
    bool has_format = false;
    bool has_source_size = false;
};

}  // namespace mgn::acl

using namespace mgn::acl;
using namespace mgn::simulator;

namespace {

constexpr std::uint64_t kMaxBatch = 65536;

Registry<aclmdlAIPP>& aipps() {
    static auto* const registry = new Registry<aclmdlAIPP>("aipp");
    return *registry;
}

aclError check_aipp(const Call& call, const aclmdlAIPP* aipp) {
    return aipps().check(call, aipp, "aippParmsSet");
}

aclError check_batch_index(const Call& call, const aclmdlAIPP* aipp, std::uint64_t index) {
    const aclError code = check_aipp(call, aipp);
    if (code != kSuccess || index < aipp->batch_size) return code;
    return call.fail(kInvalidParam, "batchIndex is " + std::to_string(index) + ", expected 0 to " +
                                        std::to_string(aipp->batch_size - 1));
}

aclError check_switch(const Call& call, int on) {
    if (on == 0 || on == 1) return kSuccess;
    return call.fail(kInvalidParam, "the switch is " + std::to_string(on) + ", expected 0 or 1");
}

// Sizes and positions in pixels, wanted only where the step is switched on.
aclError check_step(const Call& call, const aclmdlAIPP* aipp, std::uint64_t index, int on,
                    std::initializer_list<std::int32_t> pixels) {
    aclError code = check_batch_index(call, aipp, index);
    if (code == kSuccess) code = check_switch(call, on);
    if (code != kSuccess || on == 0) return code;
    for (const std::int32_t value : pixels) {
        if (value < 0) {
            return call.fail(kInvalidParam, "a size or position is " + std::to_string(value) +
                                                ", expected at least 0");
        }
    }
    return kSuccess;
}

aclError check_values(const Call& call, const aclmdlAIPP* aipp, std::uint64_t index,
                      std::initializer_list<float> values) {
    constexpr float kLargestHalf = 65504.0f;
    if (const aclError code = check_batch_index(call, aipp, index)) return code;
    for (const float value : values) {
        if (!(std::fabs(value) <= kLargestHalf)) {
            return call.fail(kInvalidParam,
                             "a value is " + std::to_string(value) + ", expected -65504 to 65504");
        }
    }
    return kSuccess;
}

aclError attach(const Call& call, std::uint32_t id, const aclmdlDataset* dataset, std::size_t index,
                const aclmdlAIPP* aipp) {
    if (const aclError code = check_aipp(call, aipp)) return code;
    if (const aclError code = check_entry(call, dataset, index)) return code;
    if (model_in_context(call, id, "set") == nullptr) return call.code();
    if (!aipp->has_format || !aipp->has_source_size) {
        return call.fail(kInvalidParam, "the input format or the source size was never set");
    }
    return call.fail(kGeAippNotExist,
                     "model " + std::to_string(id) + " has no input " + kDynamicAippInput);
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

aclmdlAIPP* aclmdlCreateAIPP(std::uint64_t batchSize) {
    const Call call("aclmdlCreateAIPP");
    if (call.is_stopped()) return nullptr;
    if (batchSize == 0 || batchSize > kMaxBatch) {
        call.fail(kInvalidParam, "batchSize is " + std::to_string(batchSize));
        return nullptr;
    }
    return aipps().add(call, std::make_unique<aclmdlAIPP>(aclmdlAIPP{batchSize, false, false}));
}

aclError aclmdlDestroyAIPP(const aclmdlAIPP* aippParmsSet) {
    return aipps().destroy(ReleaseCall("aclmdlDestroyAIPP"), aippParmsSet, "aippParmsSet");
}

aclError aclmdlSetAIPPInputFormat(aclmdlAIPP* aippParmsSet, aclAippInputFormat inputFormat) {
    const Call call("aclmdlSetAIPPInputFormat");
    if (const aclError code = check_aipp(call, aippParmsSet)) return code;
    const int format = static_cast<int>(inputFormat);
    constexpr int kLastFormat = 14;  // ACL_RAW24
    if (format < ACL_YUV420SP_U8 || format > kLastFormat) {
        return call.fail(kInvalidParam, "inputFormat is " + std::to_string(format));
    }
    aippParmsSet->has_format = true;
    return kSuccess;
}

aclError aclmdlSetAIPPSrcImageSize(aclmdlAIPP* aippParmsSet, std::int32_t srcImageSizeW,
                                   std::int32_t srcImageSizeH) {
    const Call call("aclmdlSetAIPPSrcImageSize");
    if (const aclError code = check_aipp(call, aippParmsSet)) return code;
    constexpr std::int32_t kLeast = 2;
    constexpr std::int32_t kMost = 4096;
    for (const std::int32_t size : {srcImageSizeW, srcImageSizeH}) {
        if (size < kLeast || size > kMost) {
            return call.fail(kInvalidParam,
                             "a source size is " + std::to_string(size) + ", expected 2 to 4096");
        }
    }
    aippParmsSet->has_source_size = true;
    return kSuccess;
}

// The colour matrix can be any; only the switch has a range.
aclError aclmdlSetAIPPCscParams(aclmdlAIPP* aippParmsSet, std::int8_t cscSwitch, std::int16_t,
                                std::int16_t, std::int16_t, std::int16_t, std::int16_t,
                                std::int16_t, std::int16_t, std::int16_t, std::int16_t,
                                std::uint8_t, std::uint8_t, std::uint8_t, std::uint8_t,
                                std::uint8_t, std::uint8_t) {
    const Call call("aclmdlSetAIPPCscParams");
    const aclError code = check_aipp(call, aippParmsSet);
    return code == kSuccess ? check_switch(call, cscSwitch) : code;
}

aclError aclmdlSetAIPPRbuvSwapSwitch(aclmdlAIPP* aippParmsSet, std::int8_t rbuvSwapSwitch) {
    const Call call("aclmdlSetAIPPRbuvSwapSwitch");
    const aclError code = check_aipp(call, aippParmsSet);
    return code == kSuccess ? check_switch(call, rbuvSwapSwitch) : code;
}

aclError aclmdlSetAIPPAxSwapSwitch(aclmdlAIPP* aippParmsSet, std::int8_t axSwapSwitch) {
    const Call call("aclmdlSetAIPPAxSwapSwitch");
    const aclError code = check_aipp(call, aippParmsSet);
    return code == kSuccess ? check_switch(call, axSwapSwitch) : code;
}

aclError aclmdlSetAIPPScfParams(aclmdlAIPP* aippParmsSet, std::int8_t scfSwitch,
                                std::int32_t scfInputSizeW, std::int32_t scfInputSizeH,
                                std::int32_t scfOutputSizeW, std::int32_t scfOutputSizeH,
                                std::uint64_t batchIndex) {
    return check_step(Call("aclmdlSetAIPPScfParams"), aippParmsSet, batchIndex, scfSwitch,
                      {scfInputSizeW, scfInputSizeH, scfOutputSizeW, scfOutputSizeH});
}

aclError aclmdlSetAIPPCropParams(aclmdlAIPP* aippParmsSet, std::int8_t cropSwitch,
                                 std::int32_t cropStartPosW, std::int32_t cropStartPosH,
                                 std::int32_t cropSizeW, std::int32_t cropSizeH,
                                 std::uint64_t batchIndex) {
    return check_step(Call("aclmdlSetAIPPCropParams"), aippParmsSet, batchIndex, cropSwitch,
                      {cropStartPosW, cropStartPosH, cropSizeW, cropSizeH});
}

aclError aclmdlSetAIPPPaddingParams(aclmdlAIPP* aippParmsSet, std::int8_t paddingSwitch,
                                    std::int32_t paddingSizeTop, std::int32_t paddingSizeBottom,
                                    std::int32_t paddingSizeLeft, std::int32_t paddingSizeRight,
                                    std::uint64_t batchIndex) {
    return check_step(Call("aclmdlSetAIPPPaddingParams"), aippParmsSet, batchIndex, paddingSwitch,
                      {paddingSizeTop, paddingSizeBottom, paddingSizeLeft, paddingSizeRight});
}

aclError aclmdlSetAIPPDtcPixelMean(aclmdlAIPP* aippParmsSet, std::int16_t, std::int16_t,
                                   std::int16_t, std::int16_t, std::uint64_t batchIndex) {
    return check_batch_index(Call("aclmdlSetAIPPDtcPixelMean"), aippParmsSet, batchIndex);
}

aclError aclmdlSetAIPPDtcPixelMin(aclmdlAIPP* aippParmsSet, float minChn0, float minChn1,
                                  float minChn2, float minChn3, std::uint64_t batchIndex) {
    return check_values(Call("aclmdlSetAIPPDtcPixelMin"), aippParmsSet, batchIndex,
                        {minChn0, minChn1, minChn2, minChn3});
}

aclError aclmdlSetAIPPPixelVarReci(aclmdlAIPP* aippParmsSet, float varReci0, float varReci1,
                                   float varReci2, float varReci3, std::uint64_t batchIndex) {
    return check_values(Call("aclmdlSetAIPPPixelVarReci"), aippParmsSet, batchIndex,
                        {varReci0, varReci1, varReci2, varReci3});
}

aclError aclmdlSetInputAIPP(std::uint32_t modelId, aclmdlDataset* dataset, std::size_t index,
                            const aclmdlAIPP* aippParmsSet) {
    return attach(Call("aclmdlSetInputAIPP"), modelId, dataset, index, aippParmsSet);
}

aclError aclmdlSetAIPPByInputIndex(std::uint32_t modelId, aclmdlDataset* dataset, std::size_t index,
                                   const aclmdlAIPP* aippParmsSet) {
    return attach(Call("aclmdlSetAIPPByInputIndex"), modelId, dataset, index, aippParmsSet);
}

}  // extern "C"
#pragma GCC visibility pop
