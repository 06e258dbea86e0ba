// SPDX-License-Identifier: Apache-2.0
// What needs the media unit itself, which the simulator does not have: channels, and all that reads
// or makes pictures.
#include "simulator/core/log.h"
#include "simulator/devices/context.h"
#include "simulator/media/media.h"

namespace mgn::simulator {

aclError refuse_media(const Call& call) {
    return refuse(call,
                  "has no media unit (DVPP); decode and resize pictures on the host, and let an "
                  ".om with AIPP convert colours, crop and normalise");
}

aclError check_context(const Call& call) {
    return current_context(call) == nullptr ? call.code() : acl::kSuccess;
}

}  // namespace mgn::simulator

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

#pragma GCC visibility push(default)
extern "C" {

aclError acldvppJpegGetImageInfo(const void*, std::uint32_t, std::uint32_t*, std::uint32_t*,
                                 std::int32_t*) {
    return refuse_media(Call("acldvppJpegGetImageInfo"));
}

aclError acldvppJpegGetImageInfoV2(const void*, std::uint32_t, std::uint32_t*, std::uint32_t*,
                                   std::int32_t*, acldvppJpegFormat*) {
    return refuse_media(Call("acldvppJpegGetImageInfoV2"));
}

aclError acldvppJpegPredictEncSize(const acldvppPicDesc*, const acldvppJpegeConfig*,
                                   std::uint32_t*) {
    return refuse_media(Call("acldvppJpegPredictEncSize"));
}

aclError acldvppJpegPredictDecSize(const void*, std::uint32_t, acldvppPixelFormat, std::uint32_t*) {
    return refuse_media(Call("acldvppJpegPredictDecSize"));
}

aclError acldvppPngGetImageInfo(const void*, std::uint32_t, std::uint32_t*, std::uint32_t*,
                                std::int32_t*) {
    return refuse_media(Call("acldvppPngGetImageInfo"));
}

aclError acldvppPngPredictDecSize(const void*, std::uint32_t, acldvppPixelFormat, std::uint32_t*) {
    return refuse_media(Call("acldvppPngPredictDecSize"));
}

aclError acldvppCreateChannel(acldvppChannelDesc*) {
    return refuse_media(Call("acldvppCreateChannel"));
}

aclError acldvppDestroyChannel(acldvppChannelDesc*) {
    return refuse_media(Call("acldvppDestroyChannel"));
}

aclError acldvppVpcResizeAsync(acldvppChannelDesc*, acldvppPicDesc*, acldvppPicDesc*,
                               acldvppResizeConfig*, aclrtStream) {
    return refuse_media(Call("acldvppVpcResizeAsync"));
}

aclError acldvppVpcCropAsync(acldvppChannelDesc*, acldvppPicDesc*, acldvppPicDesc*,
                             acldvppRoiConfig*, aclrtStream) {
    return refuse_media(Call("acldvppVpcCropAsync"));
}

aclError acldvppVpcCropResizeAsync(acldvppChannelDesc*, acldvppPicDesc*, acldvppPicDesc*,
                                   acldvppRoiConfig*, acldvppResizeConfig*, aclrtStream) {
    return refuse_media(Call("acldvppVpcCropResizeAsync"));
}

aclError acldvppVpcBatchCropAsync(acldvppChannelDesc*, acldvppBatchPicDesc*, std::uint32_t*,
                                  std::uint32_t, acldvppBatchPicDesc*, acldvppRoiConfig*[],
                                  aclrtStream) {
    return refuse_media(Call("acldvppVpcBatchCropAsync"));
}

aclError acldvppVpcBatchCropResizeAsync(acldvppChannelDesc*, acldvppBatchPicDesc*, std::uint32_t*,
                                        std::uint32_t, acldvppBatchPicDesc*, acldvppRoiConfig*[],
                                        acldvppResizeConfig*, aclrtStream) {
    return refuse_media(Call("acldvppVpcBatchCropResizeAsync"));
}

aclError acldvppVpcCropAndPasteAsync(acldvppChannelDesc*, acldvppPicDesc*, acldvppPicDesc*,
                                     acldvppRoiConfig*, acldvppRoiConfig*, aclrtStream) {
    return refuse_media(Call("acldvppVpcCropAndPasteAsync"));
}

aclError acldvppVpcCropResizePasteAsync(acldvppChannelDesc*, acldvppPicDesc*, acldvppPicDesc*,
                                        acldvppRoiConfig*, acldvppRoiConfig*, acldvppResizeConfig*,
                                        aclrtStream) {
    return refuse_media(Call("acldvppVpcCropResizePasteAsync"));
}

aclError acldvppVpcBatchCropAndPasteAsync(acldvppChannelDesc*, acldvppBatchPicDesc*, std::uint32_t*,
                                          std::uint32_t, acldvppBatchPicDesc*, acldvppRoiConfig*[],
                                          acldvppRoiConfig*[], aclrtStream) {
    return refuse_media(Call("acldvppVpcBatchCropAndPasteAsync"));
}

aclError acldvppVpcBatchCropResizePasteAsync(acldvppChannelDesc*, acldvppBatchPicDesc*,
                                             std::uint32_t*, std::uint32_t, acldvppBatchPicDesc*,
                                             acldvppRoiConfig*[], acldvppRoiConfig*[],
                                             acldvppResizeConfig*, aclrtStream) {
    return refuse_media(Call("acldvppVpcBatchCropResizePasteAsync"));
}

aclError acldvppJpegDecodeAsync(acldvppChannelDesc*, const void*, std::uint32_t, acldvppPicDesc*,
                                aclrtStream) {
    return refuse_media(Call("acldvppJpegDecodeAsync"));
}

aclError acldvppJpegEncodeAsync(acldvppChannelDesc*, acldvppPicDesc*, const void*, std::uint32_t*,
                                acldvppJpegeConfig*, aclrtStream) {
    return refuse_media(Call("acldvppJpegEncodeAsync"));
}

aclError acldvppPngDecodeAsync(acldvppChannelDesc*, const void*, std::uint32_t, acldvppPicDesc*,
                               aclrtStream) {
    return refuse_media(Call("acldvppPngDecodeAsync"));
}

aclError acldvppVpcConvertColorAsync(acldvppChannelDesc*, acldvppPicDesc*, acldvppPicDesc*,
                                     aclrtStream) {
    return refuse_media(Call("acldvppVpcConvertColorAsync"));
}

aclError acldvppVpcPyrDownAsync(acldvppChannelDesc*, acldvppPicDesc*, acldvppPicDesc*, void*,
                                aclrtStream) {
    return refuse_media(Call("acldvppVpcPyrDownAsync"));
}

aclError acldvppVpcEqualizeHistAsync(const acldvppChannelDesc*, const acldvppPicDesc*,
                                     acldvppPicDesc*, const acldvppLutMap*, aclrtStream) {
    return refuse_media(Call("acldvppVpcEqualizeHistAsync"));
}

aclError acldvppVpcMakeBorderAsync(const acldvppChannelDesc*, const acldvppPicDesc*,
                                   acldvppPicDesc*, const acldvppBorderConfig*, aclrtStream) {
    return refuse_media(Call("acldvppVpcMakeBorderAsync"));
}

aclError acldvppVpcCalcHistAsync(acldvppChannelDesc*, acldvppPicDesc*, acldvppHist*, void*,
                                 aclrtStream) {
    return refuse_media(Call("acldvppVpcCalcHistAsync"));
}

aclError acldvppVpcBatchCropResizeMakeBorderAsync(acldvppChannelDesc*, acldvppBatchPicDesc*,
                                                  std::uint32_t*, std::uint32_t,
                                                  acldvppBatchPicDesc*, acldvppRoiConfig*[],
                                                  acldvppBorderConfig*[], acldvppResizeConfig*,
                                                  aclrtStream) {
    return refuse_media(Call("acldvppVpcBatchCropResizeMakeBorderAsync"));
}

}  // extern "C"
#pragma GCC visibility pop
