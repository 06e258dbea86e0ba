// SPDX-License-Identifier: Apache-2.0
// Descriptions of channels that decode video, and the channels, which the simulator lacks.
#include "simulator/media/media.h"

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

#pragma GCC visibility push(default)
extern "C" {

aclvdecChannelDesc* aclvdecCreateChannelDesc() {
    return create<aclvdecChannelDesc>(Call("aclvdecCreateChannelDesc"));
}

aclError aclvdecDestroyChannelDesc(aclvdecChannelDesc* channelDesc) {
    return destroy(ReleaseCall("aclvdecDestroyChannelDesc"), channelDesc);
}

aclError aclvdecSetChannelDescChannelId(aclvdecChannelDesc* channelDesc, std::uint32_t channelId) {
    return set_value(Call("aclvdecSetChannelDescChannelId"), channelDesc,
                     ACL_VDEC_CHANNEL_ID_UINT32, channelId);
}

std::uint32_t aclvdecGetChannelDescChannelId(const aclvdecChannelDesc* channelDesc) {
    return static_cast<std::uint32_t>(
        value_of(Call("aclvdecGetChannelDescChannelId"), channelDesc, ACL_VDEC_CHANNEL_ID_UINT32));
}

aclError aclvdecSetChannelDescThreadId(aclvdecChannelDesc* channelDesc, std::uint64_t threadId) {
    return set_value(Call("aclvdecSetChannelDescThreadId"), channelDesc, ACL_VDEC_THREAD_ID_UINT64,
                     threadId);
}

std::uint64_t aclvdecGetChannelDescThreadId(const aclvdecChannelDesc* channelDesc) {
    return value_of(Call("aclvdecGetChannelDescThreadId"), channelDesc, ACL_VDEC_THREAD_ID_UINT64);
}

aclError aclvdecSetChannelDescCallback(aclvdecChannelDesc* channelDesc, aclvdecCallback callback) {
    return set_value(Call("aclvdecSetChannelDescCallback"), channelDesc, ACL_VDEC_CALLBACK_PTR,
                     reinterpret_cast<std::uintptr_t>(callback));
}

aclvdecCallback aclvdecGetChannelDescCallback(const aclvdecChannelDesc* channelDesc) {
    return reinterpret_cast<aclvdecCallback>(
        value_of(Call("aclvdecGetChannelDescCallback"), channelDesc, ACL_VDEC_CALLBACK_PTR));
}

aclError aclvdecSetChannelDescEnType(aclvdecChannelDesc* channelDesc, acldvppStreamFormat enType) {
    return set_value(Call("aclvdecSetChannelDescEnType"), channelDesc, ACL_VDEC_ENCODE_TYPE_UINT32,
                     static_cast<std::uint64_t>(enType));
}

acldvppStreamFormat aclvdecGetChannelDescEnType(const aclvdecChannelDesc* channelDesc) {
    return static_cast<acldvppStreamFormat>(
        value_of(Call("aclvdecGetChannelDescEnType"), channelDesc, ACL_VDEC_ENCODE_TYPE_UINT32));
}

aclError aclvdecSetChannelDescOutPicFormat(aclvdecChannelDesc* channelDesc,
                                           acldvppPixelFormat outPicFormat) {
    return set_value(Call("aclvdecSetChannelDescOutPicFormat"), channelDesc,
                     ACL_VDEC_OUT_PIC_FORMAT_UINT32, static_cast<std::uint64_t>(outPicFormat));
}

acldvppPixelFormat aclvdecGetChannelDescOutPicFormat(const aclvdecChannelDesc* channelDesc) {
    return static_cast<acldvppPixelFormat>(value_of(Call("aclvdecGetChannelDescOutPicFormat"),
                                                    channelDesc, ACL_VDEC_OUT_PIC_FORMAT_UINT32));
}

aclError aclvdecSetChannelDescOutPicWidth(aclvdecChannelDesc* channelDesc,
                                          std::uint32_t outPicWidth) {
    return set_value(Call("aclvdecSetChannelDescOutPicWidth"), channelDesc,
                     ACL_VDEC_OUT_PIC_WIDTH_UINT32, outPicWidth);
}

std::uint32_t aclvdecGetChannelDescOutPicWidth(const aclvdecChannelDesc* channelDesc) {
    return static_cast<std::uint32_t>(value_of(Call("aclvdecGetChannelDescOutPicWidth"),
                                               channelDesc, ACL_VDEC_OUT_PIC_WIDTH_UINT32));
}

aclError aclvdecSetChannelDescOutPicHeight(aclvdecChannelDesc* channelDesc,
                                           std::uint32_t outPicHeight) {
    return set_value(Call("aclvdecSetChannelDescOutPicHeight"), channelDesc,
                     ACL_VDEC_OUT_PIC_HEIGHT_UINT32, outPicHeight);
}

std::uint32_t aclvdecGetChannelDescOutPicHeight(const aclvdecChannelDesc* channelDesc) {
    return static_cast<std::uint32_t>(value_of(Call("aclvdecGetChannelDescOutPicHeight"),
                                               channelDesc, ACL_VDEC_OUT_PIC_HEIGHT_UINT32));
}

aclError aclvdecSetChannelDescRefFrameNum(aclvdecChannelDesc* channelDesc,
                                          std::uint32_t refFrameNum) {
    return set_value(Call("aclvdecSetChannelDescRefFrameNum"), channelDesc,
                     ACL_VDEC_REF_FRAME_NUM_UINT32, refFrameNum);
}

std::uint32_t aclvdecGetChannelDescRefFrameNum(const aclvdecChannelDesc* channelDesc) {
    return static_cast<std::uint32_t>(value_of(Call("aclvdecGetChannelDescRefFrameNum"),
                                               channelDesc, ACL_VDEC_REF_FRAME_NUM_UINT32));
}

aclError aclvdecSetChannelDescBitDepth(aclvdecChannelDesc* channelDesc, std::uint32_t bitDepth) {
    return set_value(Call("aclvdecSetChannelDescBitDepth"), channelDesc, ACL_VDEC_BIT_DEPTH_UINT32,
                     bitDepth);
}

std::uint32_t aclvdecGetChannelDescBitDepth(const aclvdecChannelDesc* channelDesc) {
    return static_cast<std::uint32_t>(
        value_of(Call("aclvdecGetChannelDescBitDepth"), channelDesc, ACL_VDEC_BIT_DEPTH_UINT32));
}

aclError aclvdecSetChannelDescOutMode(aclvdecChannelDesc* channelDesc, std::uint32_t outMode) {
    return set_value(Call("aclvdecSetChannelDescOutMode"), channelDesc, ACL_VDEC_OUT_MODE_UINT32,
                     outMode);
}

std::uint32_t aclvdecGetChannelDescOutMode(const aclvdecChannelDesc* channelDesc) {
    return static_cast<std::uint32_t>(
        value_of(Call("aclvdecGetChannelDescOutMode"), channelDesc, ACL_VDEC_OUT_MODE_UINT32));
}

aclError aclvdecSetChannelDescParam(aclvdecChannelDesc* channelDesc,
                                    aclvdecChannelDescParamType paramType, std::size_t length,
                                    const void* param) {
    return set_parameter(Call("aclvdecSetChannelDescParam"), channelDesc, paramType, length, param);
}

aclError aclvdecGetChannelDescParam(const aclvdecChannelDesc* channelDesc,
                                    aclvdecChannelDescParamType paramType, std::size_t length,
                                    std::size_t* paramRetSize, void* param) {
    return get_parameter(Call("aclvdecGetChannelDescParam"), channelDesc, paramType, length,
                         paramRetSize, param);
}

aclvdecFrameConfig* aclvdecCreateFrameConfig() {
    return create<aclvdecFrameConfig>(Call("aclvdecCreateFrameConfig"));
}

aclError aclvdecDestroyFrameConfig(aclvdecFrameConfig* vdecFrameConfig) {
    return destroy(ReleaseCall("aclvdecDestroyFrameConfig"), vdecFrameConfig);
}

aclError aclvdecCreateChannel(aclvdecChannelDesc*) {
    return refuse_media(Call("aclvdecCreateChannel"));
}

aclError aclvdecDestroyChannel(aclvdecChannelDesc*) {
    return refuse_media(Call("aclvdecDestroyChannel"));
}

aclError aclvdecSendFrame(aclvdecChannelDesc*, acldvppStreamDesc*, acldvppPicDesc*,
                          aclvdecFrameConfig*, void*) {
    return refuse_media(Call("aclvdecSendFrame"));
}

aclError aclvdecSendSkippedFrame(aclvdecChannelDesc*, acldvppStreamDesc*, aclvdecFrameConfig*,
                                 void*) {
    return refuse_media(Call("aclvdecSendSkippedFrame"));
}

}  // extern "C"
#pragma GCC visibility pop
