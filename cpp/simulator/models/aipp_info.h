// SPDX-License-Identifier: Apache-2.0
// aclAippInfo as the vendor lays it out: what aclmdlGetFirstAippInfo fills in.
#pragma once

#include "acl/acl.h"

namespace mgn::acl {

struct aclAippInfo {
    aclAippInputFormat inputFormat;
    std::int32_t srcImageSizeW;
    std::int32_t srcImageSizeH;
    std::int8_t cropSwitch;
    std::int32_t loadStartPosW;
    std::int32_t loadStartPosH;
    std::int32_t cropSizeW;
    std::int32_t cropSizeH;
    std::int8_t resizeSwitch;
    std::int32_t resizeOutputW;
    std::int32_t resizeOutputH;
    std::int8_t paddingSwitch;
    std::int32_t leftPaddingSize;
    std::int32_t rightPaddingSize;
    std::int32_t topPaddingSize;
    std::int32_t bottomPaddingSize;
    std::int8_t cscSwitch;
    std::int8_t rbuvSwapSwitch;
    std::int8_t axSwapSwitch;
    std::int8_t singleLineMode;
    std::int32_t matrix[9];
    std::int32_t outputBias[3];
    std::int32_t inputBias[3];
    std::int32_t meanChn[4];
    float minChn[4];
    float varReciChn[4];
    aclFormat srcFormat;
    aclDataType srcDatatype;
    std::size_t srcDimNum;
    std::size_t shapeCount;
    aclAippDims outDims[kMaxGears];
    void* aippExtend;
};
static_assert(sizeof(aclAippInfo) == 299216);
static_assert(offsetof(aclAippInfo, matrix) == 68);
static_assert(offsetof(aclAippInfo, shapeCount) == 192);

}  // namespace mgn::acl
