// SPDX-License-Identifier: Apache-2.0
// The table of what came when. Read off public headers: those that MindSpore 1.7 to 2.4 brought for
// the CANN which each was released with (5.1.RC1 to 8.0), and the open runtime's from 8.5 on. What
// they leave open between two generations stands with the later one.
#include "simulator/core/generations.h"

#include "acl/acl.h"

namespace mgn::simulator {
namespace {

using Name = std::string_view;

// clang-format off
constexpr Name k5_1[] = {
    "aclAppLog", "aclCreateDataBuffer", "aclCreateGraphDumpOpt", "aclCreateTensorDesc",
    "aclDataTypeSize", "aclDestroyDataBuffer", "aclDestroyGraphDumpOpt", "aclDestroyTensorDesc",
    "aclFinalize", "aclFloat16ToFloat", "aclFloatToFloat16", "aclGenGraphAndDumpForOp",
    "aclGetDataBufferAddr", "aclGetDataBufferSize", "aclGetDataBufferSizeV2", "aclGetRecentErrMsg",
    "aclGetTensorDescAddress", "aclGetTensorDescByIndex", "aclGetTensorDescDim",
    "aclGetTensorDescDimRange", "aclGetTensorDescDimV2", "aclGetTensorDescElementCount",
    "aclGetTensorDescFormat", "aclGetTensorDescName", "aclGetTensorDescNumDims",
    "aclGetTensorDescSize", "aclGetTensorDescType", "aclInit", "aclSetCompileopt",
    "aclSetTensorConst", "aclSetTensorDescName", "aclSetTensorDynamicInput", "aclSetTensorFormat",
    "aclSetTensorOriginFormat", "aclSetTensorOriginShape", "aclSetTensorPlaceMent",
    "aclSetTensorShape", "aclSetTensorShapeRange", "aclSetTensorStorageFormat",
    "aclSetTensorStorageShape", "aclSetTensorValueRange", "aclTransTensorDescFormat",
    "aclUpdateDataBuffer", "aclblasCreateHandleForGemmEx", "aclblasCreateHandleForGemvEx",
    "aclblasCreateHandleForHgemm", "aclblasCreateHandleForHgemv", "aclblasCreateHandleForS8gemm",
    "aclblasCreateHandleForS8gemv", "aclblasGemmEx", "aclblasGemvEx", "aclblasHgemm",
    "aclblasHgemv", "aclblasS8gemm", "aclblasS8gemv", "acldvppClearHist",
    "acldvppCreateBatchPicDesc", "acldvppCreateBorderConfig", "acldvppCreateChannel",
    "acldvppCreateChannelDesc", "acldvppCreateHist", "acldvppCreateJpegeConfig",
    "acldvppCreateLutMap", "acldvppCreatePicDesc", "acldvppCreateResizeConfig",
    "acldvppCreateRoiConfig", "acldvppCreateStreamDesc", "acldvppDestroyBatchPicDesc",
    "acldvppDestroyBorderConfig", "acldvppDestroyChannel", "acldvppDestroyChannelDesc",
    "acldvppDestroyHist", "acldvppDestroyJpegeConfig", "acldvppDestroyLutMap",
    "acldvppDestroyPicDesc", "acldvppDestroyResizeConfig", "acldvppDestroyRoiConfig",
    "acldvppDestroyStreamDesc", "acldvppFree", "acldvppGetBorderConfigBorderType",
    "acldvppGetBorderConfigBottom", "acldvppGetBorderConfigLeft", "acldvppGetBorderConfigRight",
    "acldvppGetBorderConfigTop", "acldvppGetBorderConfigValue", "acldvppGetChannelDescChannelId",
    "acldvppGetChannelDescParam", "acldvppGetHistData", "acldvppGetHistDims",
    "acldvppGetHistRetCode", "acldvppGetJpegeConfigLevel", "acldvppGetLutMapData",
    "acldvppGetLutMapDims", "acldvppGetPicDesc", "acldvppGetPicDescData", "acldvppGetPicDescFormat",
    "acldvppGetPicDescHeight", "acldvppGetPicDescHeightStride", "acldvppGetPicDescRetCode",
    "acldvppGetPicDescSize", "acldvppGetPicDescWidth", "acldvppGetPicDescWidthStride",
    "acldvppGetResizeConfigInterpolation", "acldvppGetStreamDescData", "acldvppGetStreamDescEos",
    "acldvppGetStreamDescFormat", "acldvppGetStreamDescRetCode", "acldvppGetStreamDescSize",
    "acldvppGetStreamDescTimestamp", "acldvppJpegDecodeAsync", "acldvppJpegEncodeAsync",
    "acldvppJpegGetImageInfo", "acldvppJpegGetImageInfoV2", "acldvppJpegPredictDecSize",
    "acldvppJpegPredictEncSize", "acldvppMalloc", "acldvppPngDecodeAsync", "acldvppPngGetImageInfo",
    "acldvppPngPredictDecSize", "acldvppSetBorderConfigBorderType", "acldvppSetBorderConfigBottom",
    "acldvppSetBorderConfigLeft", "acldvppSetBorderConfigRight", "acldvppSetBorderConfigTop",
    "acldvppSetBorderConfigValue", "acldvppSetChannelDescMode", "acldvppSetChannelDescParam",
    "acldvppSetJpegeConfigLevel", "acldvppSetPicDescData", "acldvppSetPicDescFormat",
    "acldvppSetPicDescHeight", "acldvppSetPicDescHeightStride", "acldvppSetPicDescRetCode",
    "acldvppSetPicDescSize", "acldvppSetPicDescWidth", "acldvppSetPicDescWidthStride",
    "acldvppSetResizeConfigInterpolation", "acldvppSetRoiConfig", "acldvppSetRoiConfigBottom",
    "acldvppSetRoiConfigLeft", "acldvppSetRoiConfigRight", "acldvppSetRoiConfigTop",
    "acldvppSetStreamDescData", "acldvppSetStreamDescEos", "acldvppSetStreamDescFormat",
    "acldvppSetStreamDescRetCode", "acldvppSetStreamDescSize", "acldvppSetStreamDescTimestamp",
    "acldvppVpcBatchCropAndPasteAsync", "acldvppVpcBatchCropAsync",
    "acldvppVpcBatchCropResizeAsync", "acldvppVpcBatchCropResizeMakeBorderAsync",
    "acldvppVpcBatchCropResizePasteAsync", "acldvppVpcCalcHistAsync", "acldvppVpcConvertColorAsync",
    "acldvppVpcCropAndPasteAsync", "acldvppVpcCropAsync", "acldvppVpcCropResizeAsync",
    "acldvppVpcCropResizePasteAsync", "acldvppVpcEqualizeHistAsync", "acldvppVpcMakeBorderAsync",
    "acldvppVpcPyrDownAsync", "acldvppVpcResizeAsync", "aclmdlAddDatasetBuffer", "aclmdlCreateAIPP",
    "aclmdlCreateAndGetOpDesc", "aclmdlCreateConfigHandle", "aclmdlCreateDataset",
    "aclmdlCreateDesc", "aclmdlDestroyAIPP", "aclmdlDestroyConfigHandle", "aclmdlDestroyDataset",
    "aclmdlDestroyDesc", "aclmdlExecute", "aclmdlExecuteAsync", "aclmdlGetAippType",
    "aclmdlGetCurOutputDims", "aclmdlGetDatasetBuffer", "aclmdlGetDatasetNumBuffers",
    "aclmdlGetDatasetTensorDesc", "aclmdlGetDesc", "aclmdlGetDynamicBatch", "aclmdlGetDynamicHW",
    "aclmdlGetFirstAippInfo", "aclmdlGetInputDataType", "aclmdlGetInputDims",
    "aclmdlGetInputDimsV2", "aclmdlGetInputDynamicDims", "aclmdlGetInputDynamicGearCount",
    "aclmdlGetInputFormat", "aclmdlGetInputIndexByName", "aclmdlGetInputNameByIndex",
    "aclmdlGetInputSizeByIndex", "aclmdlGetNumInputs", "aclmdlGetNumOutputs",
    "aclmdlGetOutputDataType", "aclmdlGetOutputDims", "aclmdlGetOutputFormat",
    "aclmdlGetOutputIndexByName", "aclmdlGetOutputNameByIndex", "aclmdlGetOutputSizeByIndex",
    "aclmdlGetTensorRealName", "aclmdlLoadFromFile", "aclmdlLoadFromFileWithMem",
    "aclmdlLoadFromMem", "aclmdlLoadFromMemWithMem", "aclmdlLoadWithConfig", "aclmdlQuerySize",
    "aclmdlQuerySizeFromMem", "aclmdlSetAIPPAxSwapSwitch", "aclmdlSetAIPPByInputIndex",
    "aclmdlSetAIPPCropParams", "aclmdlSetAIPPCscParams", "aclmdlSetAIPPDtcPixelMean",
    "aclmdlSetAIPPDtcPixelMin", "aclmdlSetAIPPInputFormat", "aclmdlSetAIPPPaddingParams",
    "aclmdlSetAIPPPixelVarReci", "aclmdlSetAIPPRbuvSwapSwitch", "aclmdlSetAIPPScfParams",
    "aclmdlSetAIPPSrcImageSize", "aclmdlSetConfigOpt", "aclmdlSetDatasetTensorDesc",
    "aclmdlSetDynamicBatchSize", "aclmdlSetDynamicHWSize", "aclmdlSetInputAIPP",
    "aclmdlSetInputDynamicDims", "aclmdlUnload", "aclopCast", "aclopCompile",
    "aclopCompileAndExecute", "aclopCreateAttr", "aclopCreateHandle", "aclopCreateHandleForCast",
    "aclopCreateKernel", "aclopDestroyAttr", "aclopDestroyHandle", "aclopExecWithHandle",
    "aclopExecute", "aclopExecuteV2", "aclopInferShape", "aclopLoad", "aclopRegisterCompileFunc",
    "aclopSetAttrBool", "aclopSetAttrDataType", "aclopSetAttrFloat", "aclopSetAttrInt",
    "aclopSetAttrListBool", "aclopSetAttrListDataType", "aclopSetAttrListFloat",
    "aclopSetAttrListInt", "aclopSetAttrListListInt", "aclopSetAttrListString",
    "aclopSetAttrString", "aclopSetCompileFlag", "aclopSetKernelArgs",
    "aclopSetKernelWorkspaceSizes", "aclopSetModelDir", "aclopUnregisterCompileFunc",
    "aclopUpdateParams", "aclrtCreateContext", "aclrtCreateEvent", "aclrtCreateEventWithFlag",
    "aclrtCreateStream", "aclrtDestroyContext", "aclrtDestroyEvent", "aclrtDestroyStream",
    "aclrtEventElapsedTime", "aclrtFree", "aclrtFreeHost", "aclrtGetCurrentContext",
    "aclrtGetDevice", "aclrtGetDeviceCount", "aclrtGetDeviceIdFromExceptionInfo", "aclrtGetMemInfo",
    "aclrtGetRunMode", "aclrtGetSocName", "aclrtGetStreamIdFromExceptionInfo",
    "aclrtGetTaskIdFromExceptionInfo", "aclrtGetThreadIdFromExceptionInfo", "aclrtGetVersion",
    "aclrtLaunchCallback", "aclrtMalloc", "aclrtMallocCached", "aclrtMallocHost", "aclrtMemFlush",
    "aclrtMemInvalidate", "aclrtMemcpy", "aclrtMemcpyAsync", "aclrtMemset", "aclrtMemsetAsync",
    "aclrtProcessReport", "aclrtQueryEvent", "aclrtQueryEventStatus", "aclrtQueryEventWaitStatus",
    "aclrtRecordEvent", "aclrtResetDevice", "aclrtResetEvent", "aclrtSetCurrentContext",
    "aclrtSetDevice", "aclrtSetExceptionInfoCallback", "aclrtSetOpWaitTimeout",
    "aclrtStreamWaitEvent", "aclrtSubscribeReport", "aclrtSynchronizeDevice",
    "aclrtSynchronizeEvent", "aclrtSynchronizeStream", "aclrtUnSubscribeReport",
    "aclvdecCreateChannel", "aclvdecCreateChannelDesc", "aclvdecCreateFrameConfig",
    "aclvdecDestroyChannel", "aclvdecDestroyChannelDesc", "aclvdecDestroyFrameConfig",
    "aclvdecGetChannelDescBitDepth", "aclvdecGetChannelDescCallback",
    "aclvdecGetChannelDescChannelId", "aclvdecGetChannelDescEnType", "aclvdecGetChannelDescOutMode",
    "aclvdecGetChannelDescOutPicFormat", "aclvdecGetChannelDescOutPicHeight",
    "aclvdecGetChannelDescOutPicWidth", "aclvdecGetChannelDescParam",
    "aclvdecGetChannelDescRefFrameNum", "aclvdecGetChannelDescThreadId", "aclvdecSendFrame",
    "aclvdecSendSkippedFrame", "aclvdecSetChannelDescBitDepth", "aclvdecSetChannelDescCallback",
    "aclvdecSetChannelDescChannelId", "aclvdecSetChannelDescEnType", "aclvdecSetChannelDescOutMode",
    "aclvdecSetChannelDescOutPicFormat", "aclvdecSetChannelDescOutPicHeight",
    "aclvdecSetChannelDescOutPicWidth", "aclvdecSetChannelDescParam",
    "aclvdecSetChannelDescRefFrameNum", "aclvdecSetChannelDescThreadId", "aclvencCreateChannel",
    "aclvencCreateChannelDesc", "aclvencCreateFrameConfig", "aclvencDestroyChannel",
    "aclvencDestroyChannelDesc", "aclvencDestroyFrameConfig", "aclvencGetChannelDescBufAddr",
    "aclvencGetChannelDescBufSize", "aclvencGetChannelDescCallback",
    "aclvencGetChannelDescChannelId", "aclvencGetChannelDescEnType",
    "aclvencGetChannelDescKeyFrameInterval", "aclvencGetChannelDescMaxBitRate",
    "aclvencGetChannelDescParam", "aclvencGetChannelDescPicFormat",
    "aclvencGetChannelDescPicHeight", "aclvencGetChannelDescPicWidth",
    "aclvencGetChannelDescRcMode", "aclvencGetChannelDescSrcRate", "aclvencGetChannelDescThreadId",
    "aclvencGetFrameConfigEos", "aclvencGetFrameConfigForceIFrame", "aclvencSendFrame",
    "aclvencSetChannelDescBufAddr", "aclvencSetChannelDescBufSize", "aclvencSetChannelDescCallback",
    "aclvencSetChannelDescEnType", "aclvencSetChannelDescKeyFrameInterval",
    "aclvencSetChannelDescMaxBitRate", "aclvencSetChannelDescParam",
    "aclvencSetChannelDescPicFormat", "aclvencSetChannelDescPicHeight",
    "aclvencSetChannelDescPicWidth", "aclvencSetChannelDescRcMode", "aclvencSetChannelDescSrcRate",
    "aclvencSetChannelDescThreadId", "aclvencSetFrameConfigEos", "aclvencSetFrameConfigForceIFrame",
};

constexpr Name k6_0[] = {
    "aclopCompileAndExecuteV2", "aclrtGetErrorCodeFromExceptionInfo",
};

constexpr Name k6_3[] = {
    "aclGetCompileopt", "aclGetCompileoptSize", "aclrtCreateStreamWithConfig",
    "aclrtDestroyStreamForce", "aclrtSetStreamFailureMode", "aclrtSynchronizeStreamWithTimeout",
};

constexpr Name k7_0[] = {
    "aclmdlCreateExecConfigHandle", "aclmdlDestroyExecConfigHandle", "aclmdlExecuteAsyncV2",
    "aclmdlExecuteV2", "aclmdlGetDescFromFile", "aclmdlGetDescFromMem", "aclmdlSetExecConfigOpt",
    "aclopStartDumpArgs", "aclopStopDumpArgs", "aclrtMallocAlign32", "aclrtSetOpExecuteTimeOut",
    "aclrtStreamQuery", "aclrtSynchronizeEventWithTimeout",
};

constexpr Name k8_0[] = {
    "aclopSetMaxOpQueueNum", "aclrtCreateEventExWithFlag", "aclrtResetDeviceForce",
};

constexpr Name k8_5[] = {
    "aclFinalizeReference", "aclrtGetLastError", "aclrtGetStreamAvailableNum", "aclrtHostRegister",
    "aclrtHostUnregister", "aclrtLaunchHostFunc", "aclrtPeekAtLastError",
    "aclrtPointerGetAttributes", "aclrtStreamAbort", "aclrtSynchronizeDeviceWithTimeout",
};
// clang-format on

constexpr std::uint32_t kTimed = acl::kEventTimeLine;
constexpr std::uint32_t kSynced = kTimed | acl::kEventSync;
constexpr std::uint32_t kAll = kSynced | acl::kEventCaptureStreamProgress;

struct Names {
    const Name* first = nullptr;
    std::size_t count = 0;

    const Name* begin() const { return first; }
    const Name* end() const { return first + count; }
};

template <std::size_t count>
constexpr Names all(const Name (&names)[count]) {
    return {names, count};
}

struct Step {
    Generation generation;
    Names added;
};

// Oldest first. 7.0 is 7.0.0: its first candidate had no third event flag.
constexpr Step kSteps[] = {
    {{"5.1.RC1", 1, kTimed}, all(k5_1)}, {{"6.0", 3, kTimed}, all(k6_0)},
    {{"6.3", 5, kSynced}, all(k6_3)},    {{"7.0", 7, kAll}, all(k7_0)},
    {{"8.0", 10, kAll}, all(k8_0)},      {{"8.5", 16, kAll}, all(k8_5)},
    {{kNewestGeneration, 17, kAll, true}, {}},
};

}  // namespace

const Generation* find_generation(std::string_view cann) {
    for (const Step& step : kSteps) {
        if (cann == step.generation.cann) return &step.generation;
    }
    return nullptr;
}

std::string generation_names() {
    std::string names;
    for (const Step& step : kSteps) {
        if (!names.empty()) names += ", ";
        names += step.generation.cann;
    }
    return names;
}

std::string functions_after(const Generation& generation) {
    std::string names;
    bool is_later = false;
    for (const Step& step : kSteps) {
        if (is_later) {
            for (const Name name : step.added) names.append(name).append(",");
        }
        is_later = is_later || &step.generation == &generation;
    }
    return names;
}

std::string generations_json() {
    std::string text;
    for (const Step& step : kSteps) {
        for (const Name name : step.added) {
            text += text.empty() ? "{\"" : ", \"";
            text.append(name).append("\": \"").append(step.generation.cann).append("\"");
        }
    }
    return text + "}";
}

}  // namespace mgn::simulator
