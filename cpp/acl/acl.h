// SPDX-License-Identifier: Apache-2.0
// AscendCL's types as the vendor's headers of 2022 (ACL 1.1.0) to CANN 9.1 have them, declared here
// because a build needs no CANN. Values and layouts are the binary interface: never change one.
// Everything is in a namespace and no vendor macro's name is used, so this file compiles beside
// the vendor's own headers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mgn::acl {

using aclError = int;
using aclrtStream = void*;
using aclrtEvent = void*;
using aclrtContext = void*;
using aclrtCallback = void (*)(void* user_data);

struct aclrtExceptionInfo;
using aclrtExceptionInfoCallback = void (*)(aclrtExceptionInfo* info);
struct aclDataBuffer;
struct aclTensorDesc;
struct aclmdlDataset;
struct aclmdlDesc;
struct aclmdlAIPP;
struct aclmdlConfigHandle;
struct aclmdlExecConfigHandle;
struct aclAippInfo;  // 299,216 bytes at the vendor's; only ever passed on

constexpr std::size_t kMaxDimensions = 128;                // ACL_MAX_DIM_CNT
constexpr std::size_t kMaxNameBytes = 128;                 // ACL_MAX_TENSOR_NAME_LEN
constexpr std::size_t kMaxGears = 128;                     // ACL_MAX_BATCH_NUM, ACL_MAX_HW_NUM
constexpr char kGearInput[] = "ascend_mbatch_shape_data";  // ACL_DYNAMIC_TENSOR_NAME
constexpr char kDynamicAippInput[] = "ascend_dynamic_aipp_data";  // ACL_DYNAMIC_AIPP_NAME
constexpr std::size_t kAnyInput = static_cast<std::size_t>(-1);

constexpr aclError kSuccess = 0;

struct aclmdlIODims {
    char name[kMaxNameBytes];
    std::size_t dimCount;
    std::int64_t dims[kMaxDimensions];
};
static_assert(sizeof(aclmdlIODims) == 1160);
static_assert(offsetof(aclmdlIODims, dimCount) == 128);
static_assert(offsetof(aclmdlIODims, dims) == 136);

struct aclmdlBatch {
    std::size_t batchCount;
    std::uint64_t batch[kMaxGears];
};
static_assert(sizeof(aclmdlBatch) == 1032);
static_assert(offsetof(aclmdlBatch, batch) == 8);

struct aclmdlHW {
    std::size_t hwCount;
    std::uint64_t hw[kMaxGears][2];
};
static_assert(sizeof(aclmdlHW) == 2056);
static_assert(offsetof(aclmdlHW, hw) == 8);

struct aclmdlIODimsRange {
    std::size_t rangeCount;
    std::int64_t range[kMaxDimensions][2];
};
static_assert(sizeof(aclmdlIODimsRange) == 2056);

struct aclAippDims {
    aclmdlIODims srcDims;
    std::size_t srcSize;
    aclmdlIODims aippOutdims;
    std::size_t aippOutSize;
};
static_assert(sizeof(aclAippDims) == 2336);
static_assert(offsetof(aclAippDims, srcSize) == 1160);
static_assert(offsetof(aclAippDims, aippOutdims) == 1168);

enum aclrtRunMode : int { ACL_DEVICE = 0, ACL_HOST = 1 };

enum aclDataType : int {
    ACL_DT_UNDEFINED = -1,
    ACL_FLOAT = 0,
    ACL_FLOAT16 = 1,
    ACL_INT8 = 2,
    ACL_INT32 = 3,
    ACL_UINT8 = 4,
    ACL_INT16 = 6,
    ACL_UINT16 = 7,
    ACL_UINT32 = 8,
    ACL_INT64 = 9,
    ACL_UINT64 = 10,
    ACL_DOUBLE = 11,
    ACL_BOOL = 12,
    ACL_STRING = 13,
    ACL_COMPLEX64 = 16,
    ACL_COMPLEX128 = 17,
    ACL_BF16 = 27,
    ACL_INT4 = 29,
    ACL_UINT1 = 30,
    ACL_COMPLEX32 = 33
};

enum aclFormat : int {
    ACL_FORMAT_UNDEFINED = -1,
    ACL_FORMAT_NCHW = 0,
    ACL_FORMAT_NHWC = 1,
    ACL_FORMAT_ND = 2,
    ACL_FORMAT_NC1HWC0 = 3
};

enum aclrtMemMallocPolicy : int {
    ACL_MEM_MALLOC_HUGE_FIRST = 0,
    ACL_MEM_MALLOC_HUGE_ONLY = 1,
    ACL_MEM_MALLOC_NORMAL_ONLY = 2
};

enum aclrtMemcpyKind : int {
    ACL_MEMCPY_HOST_TO_HOST = 0,
    ACL_MEMCPY_HOST_TO_DEVICE = 1,
    ACL_MEMCPY_DEVICE_TO_HOST = 2,
    ACL_MEMCPY_DEVICE_TO_DEVICE = 3,
    ACL_MEMCPY_DEFAULT = 4
};

enum aclrtMemAttr : int { ACL_DDR_MEM = 0, ACL_HBM_MEM = 1 };

// The two enums of event states are each other's inverse: aclrtQueryEvent answers with the first,
// aclrtQueryEventStatus with the second.
enum aclrtEventStatus : int {
    ACL_EVENT_STATUS_COMPLETE = 0,
    ACL_EVENT_STATUS_NOT_READY = 1,
    ACL_EVENT_STATUS_RESERVED = 2
};
enum aclrtEventRecordedStatus : int {
    ACL_EVENT_RECORDED_STATUS_NOT_READY = 0,
    ACL_EVENT_RECORDED_STATUS_COMPLETE = 1
};
enum aclrtEventWaitStatus : int {
    ACL_EVENT_WAIT_STATUS_COMPLETE = 0,
    ACL_EVENT_WAIT_STATUS_NOT_READY = 1,
    ACL_EVENT_WAIT_STATUS_RESERVED = 0xFFFF
};
enum aclrtStreamStatus : int {
    ACL_STREAM_STATUS_COMPLETE = 0,
    ACL_STREAM_STATUS_NOT_READY = 1,
    ACL_STREAM_STATUS_RESERVED = 0xFFFF
};

constexpr std::uint32_t kEventSync = 0x1;                   // ACL_EVENT_SYNC
constexpr std::uint32_t kEventCaptureStreamProgress = 0x2;  // ACL_EVENT_CAPTURE_STREAM_PROGRESS
constexpr std::uint32_t kEventTimeLine = 0x8;               // ACL_EVENT_TIME_LINE
constexpr std::uint32_t kStreamFastLaunch = 0x1;            // ACL_STREAM_FAST_LAUNCH
constexpr std::uint32_t kStreamFastSync = 0x2;              // ACL_STREAM_FAST_SYNC

enum aclrtCallbackBlockType : int { ACL_CALLBACK_NO_BLOCK = 0, ACL_CALLBACK_BLOCK = 1 };

enum aclmdlConfigAttr : int {
    ACL_MDL_PRIORITY_INT32 = 0,
    ACL_MDL_LOAD_TYPE_SIZET = 1,
    ACL_MDL_PATH_PTR = 2,
    ACL_MDL_MEM_ADDR_PTR = 3,
    ACL_MDL_MEM_SIZET = 4,
    ACL_MDL_WEIGHT_ADDR_PTR = 5,
    ACL_MDL_WEIGHT_SIZET = 6,
    ACL_MDL_WORKSPACE_ADDR_PTR = 7,
    ACL_MDL_WORKSPACE_SIZET = 8
};
enum aclmdlExecConfigAttr : int { ACL_MDL_STREAM_SYNC_TIMEOUT = 0, ACL_MDL_EVENT_SYNC_TIMEOUT = 1 };
enum aclmdlInputAippType : int {
    ACL_DATA_WITHOUT_AIPP = 0,
    ACL_DATA_WITH_STATIC_AIPP = 1,
    ACL_DATA_WITH_DYNAMIC_AIPP = 2,
    ACL_DYNAMIC_AIPP_NODE = 3
};
enum aclAippInputFormat : int {
    ACL_YUV420SP_U8 = 1,
    ACL_XRGB8888_U8 = 2,
    ACL_RGB888_U8 = 3,
    ACL_YUV400_U8 = 4
};
enum aclrtLastErrLevel : int { ACL_RT_THREAD_LEVEL = 0 };

// Plain C enums of four bytes; an int where the vendor says so.
static_assert(sizeof(aclrtRunMode) == 4 && sizeof(aclDataType) == 4 && sizeof(aclFormat) == 4);
static_assert(sizeof(aclrtMemMallocPolicy) == 4 && sizeof(aclrtMemcpyKind) == 4);
static_assert(sizeof(void*) == 8 && sizeof(std::size_t) == 8, "AscendCL exists for LP64 only");
static_assert(ACL_EVENT_STATUS_COMPLETE == 0 && ACL_EVENT_RECORDED_STATUS_COMPLETE == 1);

}  // namespace mgn::acl
