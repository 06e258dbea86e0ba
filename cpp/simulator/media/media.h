// SPDX-License-Identifier: Apache-2.0
// The descriptions and settings that acl_dvpp.h names. They are real objects, kept and checked like
// every other; the media unit that would work by them is what the simulator does not have. As in
// acl/acl.h, values are the binary interface. One object belongs to one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "simulator/core/registry.h"

namespace mgn::acl {

enum acldvppPixelFormat : int { PIXEL_FORMAT_YUV_400 = 0, PIXEL_FORMAT_YUV_SEMIPLANAR_420 = 1 };
enum acldvppStreamFormat : int { H265_MAIN_LEVEL = 0 };
enum acldvppBorderType : int { BORDER_CONSTANT = 0 };
enum acldvppJpegFormat : int { ACL_JPEG_CSS_444 = 0 };

enum acldvppChannelDescParamType : int {
    ACL_DVPP_CSC_MATRIX_UINT32 = 0,
    ACL_DVPP_MODE_UINT32,
    ACL_DVPP_CHANNEL_ID_UINT64,
    ACL_DVPP_CHANNEL_HEIGHT_UINT32,
    ACL_DVPP_CHANNEL_WIDTH_UINT32
};
enum aclvdecChannelDescParamType : int {
    ACL_VDEC_CSC_MATRIX_UINT32 = 0,
    ACL_VDEC_OUT_MODE_UINT32,
    ACL_VDEC_THREAD_ID_UINT64,
    ACL_VDEC_CALLBACK_PTR,
    ACL_VDEC_CHANNEL_ID_UINT32,
    ACL_VDEC_ENCODE_TYPE_UINT32,
    ACL_VDEC_OUT_PIC_FORMAT_UINT32,
    ACL_VDEC_OUT_PIC_WIDTH_UINT32,
    ACL_VDEC_OUT_PIC_HEIGHT_UINT32,
    ACL_VDEC_REF_FRAME_NUM_UINT32,
    ACL_VDEC_BIT_DEPTH_UINT32
};
enum aclvencChannelDescParamType : int {
    ACL_VENC_THREAD_ID_UINT64 = 0,
    ACL_VENC_CALLBACK_PTR,
    ACL_VENC_PIXEL_FORMAT_UINT32,
    ACL_VENC_ENCODE_TYPE_UINT32,
    ACL_VENC_PIC_WIDTH_UINT32,
    ACL_VENC_PIC_HEIGHT_UINT32,
    ACL_VENC_KEY_FRAME_INTERVAL_UINT32,
    ACL_VENC_BUF_ADDR_PTR,
    ACL_VENC_BUF_SIZE_UINT32,
    ACL_VENC_RC_MODE_UINT32,
    ACL_VENC_SRC_RATE_UINT32,
    ACL_VENC_MAX_BITRATE_UINT32,
    ACL_VENC_MAX_IP_PROP_UINT32
};

struct acldvppBatchPicDesc;

struct acldvppPicDesc {
    static constexpr const char* kKind = "picture_description";
    void* data = nullptr;
    std::uint32_t size = 0;
    acldvppPixelFormat format = PIXEL_FORMAT_YUV_400;
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::uint32_t width_stride = 0;
    std::uint32_t height_stride = 0;
    std::uint32_t return_code = 0;
    const acldvppBatchPicDesc* batch = nullptr;  // whose it is and with which it goes
};

struct acldvppBatchPicDesc {
    static constexpr const char* kKind = "picture_batch_description";
    std::vector<acldvppPicDesc*> pictures;
};

struct acldvppRoiConfig {
    static constexpr const char* kKind = "picture_region";
    std::uint32_t left = 0;
    std::uint32_t right = 0;
    std::uint32_t top = 0;
    std::uint32_t bottom = 0;
};

struct acldvppResizeConfig {
    static constexpr const char* kKind = "resize_config";
    std::uint32_t interpolation = 0;
};

struct acldvppJpegeConfig {
    static constexpr const char* kKind = "jpeg_config";
    std::uint32_t level = 0;
};

struct acldvppBorderConfig {
    static constexpr const char* kKind = "border_config";
    acldvppBorderType type = BORDER_CONSTANT;
    std::uint32_t top = 0;
    std::uint32_t bottom = 0;
    std::uint32_t left = 0;
    std::uint32_t right = 0;
    std::array<double, 4> values{};  // of each channel
};

// Tables of 256 entries for each of three channels.
struct acldvppLutMap {
    static constexpr const char* kKind = "lookup_table";
    std::array<std::array<std::uint8_t, 256>, 3> tables{};
};

struct acldvppHist {
    static constexpr const char* kKind = "histogram";
    std::array<std::array<std::uint32_t, 256>, 3> counts{};
};

struct acldvppStreamDesc {
    static constexpr const char* kKind = "video_stream_description";
    void* data = nullptr;
    std::uint32_t size = 0;
    acldvppStreamFormat format = H265_MAIN_LEVEL;
    std::uint64_t timestamp = 0;
    std::uint32_t return_code = 0;
    std::uint8_t is_last = 0;
};

struct aclvdecFrameConfig {
    static constexpr const char* kKind = "decoder_frame_config";
};

struct aclvencFrameConfig {
    static constexpr const char* kKind = "encoder_frame_config";
    std::uint8_t force_key_frame = 0;
    std::uint8_t is_last = 0;
};

// Of descriptions of channels: a value for each parameter that the header numbers, and its size.
struct acldvppChannelDesc {
    static constexpr const char* kKind = "media_channel_description";
    static constexpr std::array<std::size_t, 5> kBytes{4, 4, 8, 4, 4};
    std::array<std::uint64_t, 5> values{};
};

struct aclvdecChannelDesc {
    static constexpr const char* kKind = "decoder_channel_description";
    static constexpr std::array<std::size_t, 11> kBytes{4, 4, 8, 8, 4, 4, 4, 4, 4, 4, 4};
    std::array<std::uint64_t, 11> values{};
};

struct aclvencChannelDesc {
    static constexpr const char* kKind = "encoder_channel_description";
    static constexpr std::array<std::size_t, 13> kBytes{8, 8, 4, 4, 4, 4, 4, 8, 4, 4, 4, 4, 4};
    std::array<std::uint64_t, 13> values{};
};

using aclvdecCallback = void (*)(acldvppStreamDesc* input, acldvppPicDesc* output, void* userData);
using aclvencCallback = void (*)(acldvppPicDesc* input, acldvppStreamDesc* output, void* userData);

}  // namespace mgn::acl

namespace mgn::simulator {

// The answer of what needs the media unit: 200006, and what to do instead.
aclError refuse_media(const Call& call);

// 0, or the code to return: descriptions that take memory of a device need a current context.
aclError check_context(const Call& call);

template <typename T>
Registry<T>& live() {
    static auto* const registry = new Registry<T>(T::kKind);
    return *registry;
}

template <typename T>
T* create(const Call& call, std::unique_ptr<T> object = std::make_unique<T>()) {
    return live<T>().add(call, std::move(object));
}

// Null is accepted, as the vendor's does.
template <typename T>
aclError destroy(const Call& call, const T* object) {
    if (object == nullptr) return call.fault();
    return live<T>().destroy(call, object, "the handle");
}

template <typename T>
aclError check(const Call& call, const T* object) {
    return live<T>().check(call, object, "the handle");
}

template <typename T, typename V>
aclError set(const Call& call, T* object, V T::*member, V value) {
    if (const aclError code = check(call, object)) return code;
    object->*member = value;
    return acl::kSuccess;
}

// Zero where there is no such object.
template <typename T, typename V>
V get(const Call& call, const T* object, V T::*member) {
    return check(call, object) == acl::kSuccess ? object->*member : V();
}

// A parameter of a channel, by its number.
template <typename T>
aclError set_value(const Call& call, T* channel, int parameter, std::uint64_t value) {
    if (const aclError code = check(call, channel)) return code;
    channel->values[static_cast<std::size_t>(parameter)] = value;
    return acl::kSuccess;
}

template <typename T>
std::uint64_t value_of(const Call& call, const T* channel, int parameter) {
    if (check(call, channel) != acl::kSuccess) return 0;
    return channel->values[static_cast<std::size_t>(parameter)];
}

// 0, or the code to return; `fits` says whether the caller's memory suits the parameter.
template <typename T>
aclError check_parameter(const Call& call, const T* channel, int parameter, bool fits) {
    if (const aclError code = check(call, channel)) return code;
    const int known = static_cast<int>(T::kBytes.size());
    if (parameter < 0 || parameter >= known) {
        return call.fail(acl::kInvalidParam, "the parameter's number is " +
                                                 std::to_string(parameter) + ", expected 0 to " +
                                                 std::to_string(known - 1));
    }
    if (fits) return acl::kSuccess;
    const std::size_t expected = T::kBytes[static_cast<std::size_t>(parameter)];
    return call.fail(acl::kInvalidParam, "an address is null, or the length does not suit a " +
                                             std::string("parameter of ") +
                                             std::to_string(expected) + " bytes");
}

template <typename T>
std::size_t parameter_bytes(int parameter) {
    const auto index = static_cast<std::size_t>(parameter);
    return index < T::kBytes.size() ? T::kBytes[index] : 0;
}

template <typename T>
aclError set_parameter(const Call& call, T* channel, int parameter, std::size_t length,
                       const void* value) {
    const bool fits = value != nullptr && length > 0 && length <= parameter_bytes<T>(parameter);
    if (const aclError code = check_parameter(call, channel, parameter, fits)) return code;
    std::uint64_t bits = 0;
    std::memcpy(&bits, value, length);
    channel->values[static_cast<std::size_t>(parameter)] = bits;
    return acl::kSuccess;
}

template <typename T>
aclError get_parameter(const Call& call, const T* channel, int parameter, std::size_t length,
                       std::size_t* written, void* value) {
    const std::size_t bytes = parameter_bytes<T>(parameter);
    const bool fits = value != nullptr && written != nullptr && length >= bytes;
    if (const aclError code = check_parameter(call, channel, parameter, fits)) return code;
    std::memcpy(value, &channel->values[static_cast<std::size_t>(parameter)], bytes);
    *written = bytes;
    return acl::kSuccess;
}

}  // namespace mgn::simulator
