// SPDX-License-Identifier: Apache-2.0
// Descriptions of channels that encode video, and the channels, which the simulator lacks.
#include "simulator/media/media.h"

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

#pragma GCC visibility push(default)
extern "C" {

aclvencChannelDesc* aclvencCreateChannelDesc() {
    return create<aclvencChannelDesc>(Call("aclvencCreateChannelDesc"));
}

aclError aclvencDestroyChannelDesc(aclvencChannelDesc* channelDesc) {
    return destroy(ReleaseCall("aclvencDestroyChannelDesc"), channelDesc);
}

aclError aclvencSetChannelDescThreadId(aclvencChannelDesc* channelDesc, std::uint64_t threadId) {
    return set_value(Call("aclvencSetChannelDescThreadId"), channelDesc, ACL_VENC_THREAD_ID_UINT64,
                     threadId);
}

std::uint64_t aclvencGetChannelDescThreadId(const aclvencChannelDesc* channelDesc) {
    return value_of(Call("aclvencGetChannelDescThreadId"), channelDesc, ACL_VENC_THREAD_ID_UINT64);
}

aclError aclvencSetChannelDescCallback(aclvencChannelDesc* channelDesc, aclvencCallback callback) {
    return set_value(Call("aclvencSetChannelDescCallback"), channelDesc, ACL_VENC_CALLBACK_PTR,
                     reinterpret_cast<std::uintptr_t>(callback));
}

aclvencCallback aclvencGetChannelDescCallback(const aclvencChannelDesc* channelDesc) {
    return reinterpret_cast<aclvencCallback>(
        value_of(Call("aclvencGetChannelDescCallback"), channelDesc, ACL_VENC_CALLBACK_PTR));
}

aclError aclvencSetChannelDescPicFormat(aclvencChannelDesc* channelDesc,
                                        acldvppPixelFormat picFormat) {
    return set_value(Call("aclvencSetChannelDescPicFormat"), channelDesc,
                     ACL_VENC_PIXEL_FORMAT_UINT32, static_cast<std::uint64_t>(picFormat));
}

acldvppPixelFormat aclvencGetChannelDescPicFormat(const aclvencChannelDesc* channelDesc) {
    return static_cast<acldvppPixelFormat>(value_of(Call("aclvencGetChannelDescPicFormat"),
                                                    channelDesc, ACL_VENC_PIXEL_FORMAT_UINT32));
}

aclError aclvencSetChannelDescEnType(aclvencChannelDesc* channelDesc, acldvppStreamFormat enType) {
    return set_value(Call("aclvencSetChannelDescEnType"), channelDesc, ACL_VENC_ENCODE_TYPE_UINT32,
                     static_cast<std::uint64_t>(enType));
}

acldvppStreamFormat aclvencGetChannelDescEnType(const aclvencChannelDesc* channelDesc) {
    return static_cast<acldvppStreamFormat>(
        value_of(Call("aclvencGetChannelDescEnType"), channelDesc, ACL_VENC_ENCODE_TYPE_UINT32));
}

aclError aclvencSetChannelDescPicWidth(aclvencChannelDesc* channelDesc, std::uint32_t picWidth) {
    return set_value(Call("aclvencSetChannelDescPicWidth"), channelDesc, ACL_VENC_PIC_WIDTH_UINT32,
                     picWidth);
}

std::uint32_t aclvencGetChannelDescPicWidth(const aclvencChannelDesc* channelDesc) {
    return static_cast<std::uint32_t>(
        value_of(Call("aclvencGetChannelDescPicWidth"), channelDesc, ACL_VENC_PIC_WIDTH_UINT32));
}

aclError aclvencSetChannelDescPicHeight(aclvencChannelDesc* channelDesc, std::uint32_t picHeight) {
    return set_value(Call("aclvencSetChannelDescPicHeight"), channelDesc,
                     ACL_VENC_PIC_HEIGHT_UINT32, picHeight);
}

std::uint32_t aclvencGetChannelDescPicHeight(const aclvencChannelDesc* channelDesc) {
    return static_cast<std::uint32_t>(
        value_of(Call("aclvencGetChannelDescPicHeight"), channelDesc, ACL_VENC_PIC_HEIGHT_UINT32));
}

aclError aclvencSetChannelDescKeyFrameInterval(aclvencChannelDesc* channelDesc,
                                               std::uint32_t keyFrameInterval) {
    return set_value(Call("aclvencSetChannelDescKeyFrameInterval"), channelDesc,
                     ACL_VENC_KEY_FRAME_INTERVAL_UINT32, keyFrameInterval);
}

std::uint32_t aclvencGetChannelDescKeyFrameInterval(const aclvencChannelDesc* channelDesc) {
    return static_cast<std::uint32_t>(value_of(Call("aclvencGetChannelDescKeyFrameInterval"),
                                               channelDesc, ACL_VENC_KEY_FRAME_INTERVAL_UINT32));
}

aclError aclvencSetChannelDescBufAddr(aclvencChannelDesc* channelDesc, void* bufAddr) {
    return set_value(Call("aclvencSetChannelDescBufAddr"), channelDesc, ACL_VENC_BUF_ADDR_PTR,
                     reinterpret_cast<std::uintptr_t>(bufAddr));
}

void* aclvencGetChannelDescBufAddr(const aclvencChannelDesc* channelDesc) {
    return reinterpret_cast<void*>(
        value_of(Call("aclvencGetChannelDescBufAddr"), channelDesc, ACL_VENC_BUF_ADDR_PTR));
}

aclError aclvencSetChannelDescBufSize(aclvencChannelDesc* channelDesc, std::uint32_t bufSize) {
    return set_value(Call("aclvencSetChannelDescBufSize"), channelDesc, ACL_VENC_BUF_SIZE_UINT32,
                     bufSize);
}

std::uint32_t aclvencGetChannelDescBufSize(const aclvencChannelDesc* channelDesc) {
    return static_cast<std::uint32_t>(
        value_of(Call("aclvencGetChannelDescBufSize"), channelDesc, ACL_VENC_BUF_SIZE_UINT32));
}

aclError aclvencSetChannelDescRcMode(aclvencChannelDesc* channelDesc, std::uint32_t rcMode) {
    return set_value(Call("aclvencSetChannelDescRcMode"), channelDesc, ACL_VENC_RC_MODE_UINT32,
                     rcMode);
}

std::uint32_t aclvencGetChannelDescRcMode(const aclvencChannelDesc* channelDesc) {
    return static_cast<std::uint32_t>(
        value_of(Call("aclvencGetChannelDescRcMode"), channelDesc, ACL_VENC_RC_MODE_UINT32));
}

aclError aclvencSetChannelDescSrcRate(aclvencChannelDesc* channelDesc, std::uint32_t srcRate) {
    return set_value(Call("aclvencSetChannelDescSrcRate"), channelDesc, ACL_VENC_SRC_RATE_UINT32,
                     srcRate);
}

std::uint32_t aclvencGetChannelDescSrcRate(const aclvencChannelDesc* channelDesc) {
    return static_cast<std::uint32_t>(
        value_of(Call("aclvencGetChannelDescSrcRate"), channelDesc, ACL_VENC_SRC_RATE_UINT32));
}

aclError aclvencSetChannelDescMaxBitRate(aclvencChannelDesc* channelDesc,
                                         std::uint32_t maxBitRate) {
    return set_value(Call("aclvencSetChannelDescMaxBitRate"), channelDesc,
                     ACL_VENC_MAX_BITRATE_UINT32, maxBitRate);
}

std::uint32_t aclvencGetChannelDescMaxBitRate(const aclvencChannelDesc* channelDesc) {
    return static_cast<std::uint32_t>(value_of(Call("aclvencGetChannelDescMaxBitRate"), channelDesc,
                                               ACL_VENC_MAX_BITRATE_UINT32));
}

aclError aclvencSetChannelDescParam(aclvencChannelDesc* channelDesc,
                                    aclvencChannelDescParamType paramType, std::size_t length,
                                    const void* param) {
    return set_parameter(Call("aclvencSetChannelDescParam"), channelDesc, paramType, length, param);
}

aclError aclvencGetChannelDescParam(const aclvencChannelDesc* channelDesc,
                                    aclvencChannelDescParamType paramType, std::size_t length,
                                    std::size_t* paramRetSize, void* param) {
    return get_parameter(Call("aclvencGetChannelDescParam"), channelDesc, paramType, length,
                         paramRetSize, param);
}

std::uint32_t aclvencGetChannelDescChannelId(const aclvencChannelDesc* channelDesc) {
    check(Call("aclvencGetChannelDescChannelId"), channelDesc);
    return 0;  // as long as there is no channel
}

aclvencFrameConfig* aclvencCreateFrameConfig() {
    return create<aclvencFrameConfig>(Call("aclvencCreateFrameConfig"));
}

aclError aclvencDestroyFrameConfig(aclvencFrameConfig* config) {
    return destroy(ReleaseCall("aclvencDestroyFrameConfig"), config);
}

aclError aclvencSetFrameConfigForceIFrame(aclvencFrameConfig* config, std::uint8_t forceIFrame) {
    return set(Call("aclvencSetFrameConfigForceIFrame"), config,
               &aclvencFrameConfig::force_key_frame, forceIFrame);
}

std::uint8_t aclvencGetFrameConfigForceIFrame(const aclvencFrameConfig* config) {
    return get(Call("aclvencGetFrameConfigForceIFrame"), config,
               &aclvencFrameConfig::force_key_frame);
}

aclError aclvencSetFrameConfigEos(aclvencFrameConfig* config, std::uint8_t eos) {
    return set(Call("aclvencSetFrameConfigEos"), config, &aclvencFrameConfig::is_last, eos);
}

std::uint8_t aclvencGetFrameConfigEos(const aclvencFrameConfig* config) {
    return get(Call("aclvencGetFrameConfigEos"), config, &aclvencFrameConfig::is_last);
}

aclError aclvencCreateChannel(aclvencChannelDesc*) {
    return refuse_media(Call("aclvencCreateChannel"));
}

aclError aclvencDestroyChannel(aclvencChannelDesc*) {
    return refuse_media(Call("aclvencDestroyChannel"));
}

aclError aclvencSendFrame(aclvencChannelDesc*, acldvppPicDesc*, void*, aclvencFrameConfig*, void*) {
    return refuse_media(Call("aclvencSendFrame"));
}

}  // extern "C"
#pragma GCC visibility pop
