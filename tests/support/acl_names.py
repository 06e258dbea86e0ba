# SPDX-License-Identifier: Apache-2.0
"""The functions of the media unit and of single operators, by name, and when they came."""


def words(text):
    return text.split()


# All of acl_dvpp.h but acldvppMalloc and acldvppFree, which are memory.
MEDIA = words("""
    acldvppClearHist acldvppCreateBatchPicDesc acldvppCreateBorderConfig acldvppCreateChannel
    acldvppCreateChannelDesc acldvppCreateHist acldvppCreateJpegeConfig acldvppCreateLutMap
    acldvppCreatePicDesc acldvppCreateResizeConfig acldvppCreateRoiConfig
    acldvppCreateStreamDesc acldvppDestroyBatchPicDesc acldvppDestroyBorderConfig
    acldvppDestroyChannel acldvppDestroyChannelDesc acldvppDestroyHist
    acldvppDestroyJpegeConfig acldvppDestroyLutMap acldvppDestroyPicDesc
    acldvppDestroyResizeConfig acldvppDestroyRoiConfig acldvppDestroyStreamDesc
    acldvppGetBorderConfigBorderType acldvppGetBorderConfigBottom acldvppGetBorderConfigLeft
    acldvppGetBorderConfigRight acldvppGetBorderConfigTop acldvppGetBorderConfigValue
    acldvppGetChannelDescChannelId acldvppGetChannelDescParam acldvppGetHistData
    acldvppGetHistDims acldvppGetHistRetCode acldvppGetJpegeConfigLevel acldvppGetLutMapData
    acldvppGetLutMapDims acldvppGetPicDesc acldvppGetPicDescData acldvppGetPicDescFormat
    acldvppGetPicDescHeight acldvppGetPicDescHeightStride acldvppGetPicDescRetCode
    acldvppGetPicDescSize acldvppGetPicDescWidth acldvppGetPicDescWidthStride
    acldvppGetResizeConfigInterpolation acldvppGetStreamDescData acldvppGetStreamDescEos
    acldvppGetStreamDescFormat acldvppGetStreamDescRetCode acldvppGetStreamDescSize
    acldvppGetStreamDescTimestamp acldvppJpegDecodeAsync acldvppJpegEncodeAsync
    acldvppJpegGetImageInfo acldvppJpegGetImageInfoV2 acldvppJpegPredictDecSize
    acldvppJpegPredictEncSize acldvppPngDecodeAsync acldvppPngGetImageInfo
    acldvppPngPredictDecSize acldvppSetBorderConfigBorderType acldvppSetBorderConfigBottom
    acldvppSetBorderConfigLeft acldvppSetBorderConfigRight acldvppSetBorderConfigTop
    acldvppSetBorderConfigValue acldvppSetChannelDescMode acldvppSetChannelDescParam
    acldvppSetJpegeConfigLevel acldvppSetPicDescData acldvppSetPicDescFormat
    acldvppSetPicDescHeight acldvppSetPicDescHeightStride acldvppSetPicDescRetCode
    acldvppSetPicDescSize acldvppSetPicDescWidth acldvppSetPicDescWidthStride
    acldvppSetResizeConfigInterpolation acldvppSetRoiConfig acldvppSetRoiConfigBottom
    acldvppSetRoiConfigLeft acldvppSetRoiConfigRight acldvppSetRoiConfigTop
    acldvppSetStreamDescData acldvppSetStreamDescEos acldvppSetStreamDescFormat
    acldvppSetStreamDescRetCode acldvppSetStreamDescSize acldvppSetStreamDescTimestamp
    acldvppVpcBatchCropAndPasteAsync acldvppVpcBatchCropAsync acldvppVpcBatchCropResizeAsync
    acldvppVpcBatchCropResizeMakeBorderAsync acldvppVpcBatchCropResizePasteAsync
    acldvppVpcCalcHistAsync acldvppVpcConvertColorAsync acldvppVpcCropAndPasteAsync
    acldvppVpcCropAsync acldvppVpcCropResizeAsync acldvppVpcCropResizePasteAsync
    acldvppVpcEqualizeHistAsync acldvppVpcMakeBorderAsync acldvppVpcPyrDownAsync
    acldvppVpcResizeAsync aclvdecCreateChannel aclvdecCreateChannelDesc
    aclvdecCreateFrameConfig aclvdecDestroyChannel aclvdecDestroyChannelDesc
    aclvdecDestroyFrameConfig aclvdecGetChannelDescBitDepth aclvdecGetChannelDescCallback
    aclvdecGetChannelDescChannelId aclvdecGetChannelDescEnType aclvdecGetChannelDescOutMode
    aclvdecGetChannelDescOutPicFormat aclvdecGetChannelDescOutPicHeight
    aclvdecGetChannelDescOutPicWidth aclvdecGetChannelDescParam
    aclvdecGetChannelDescRefFrameNum aclvdecGetChannelDescThreadId aclvdecSendFrame
    aclvdecSendSkippedFrame aclvdecSetChannelDescBitDepth aclvdecSetChannelDescCallback
    aclvdecSetChannelDescChannelId aclvdecSetChannelDescEnType aclvdecSetChannelDescOutMode
    aclvdecSetChannelDescOutPicFormat aclvdecSetChannelDescOutPicHeight
    aclvdecSetChannelDescOutPicWidth aclvdecSetChannelDescParam
    aclvdecSetChannelDescRefFrameNum aclvdecSetChannelDescThreadId aclvencCreateChannel
    aclvencCreateChannelDesc aclvencCreateFrameConfig aclvencDestroyChannel
    aclvencDestroyChannelDesc aclvencDestroyFrameConfig aclvencGetChannelDescBufAddr
    aclvencGetChannelDescBufSize aclvencGetChannelDescCallback aclvencGetChannelDescChannelId
    aclvencGetChannelDescEnType aclvencGetChannelDescKeyFrameInterval
    aclvencGetChannelDescMaxBitRate aclvencGetChannelDescParam aclvencGetChannelDescPicFormat
    aclvencGetChannelDescPicHeight aclvencGetChannelDescPicWidth aclvencGetChannelDescRcMode
    aclvencGetChannelDescSrcRate aclvencGetChannelDescThreadId aclvencGetFrameConfigEos
    aclvencGetFrameConfigForceIFrame aclvencSendFrame aclvencSetChannelDescBufAddr
    aclvencSetChannelDescBufSize aclvencSetChannelDescCallback aclvencSetChannelDescEnType
    aclvencSetChannelDescKeyFrameInterval aclvencSetChannelDescMaxBitRate
    aclvencSetChannelDescParam aclvencSetChannelDescPicFormat aclvencSetChannelDescPicHeight
    aclvencSetChannelDescPicWidth aclvencSetChannelDescRcMode aclvencSetChannelDescSrcRate
    aclvencSetChannelDescThreadId aclvencSetFrameConfigEos aclvencSetFrameConfigForceIFrame
""")

# acl_op.h and acl_op_compiler.h.
OPERATORS = words("""
    aclCreateGraphDumpOpt aclDestroyGraphDumpOpt aclGenGraphAndDumpForOp aclGetCompileopt
    aclGetCompileoptSize aclSetCompileopt aclopCast aclopCompile aclopCompileAndExecute
    aclopCompileAndExecuteV2 aclopCreateAttr aclopCreateHandle aclopCreateHandleForCast
    aclopCreateKernel aclopDestroyAttr aclopDestroyHandle aclopExecWithHandle aclopExecute
    aclopExecuteV2 aclopInferShape aclopLoad aclopRegisterCompileFunc aclopSetAttrBool
    aclopSetAttrDataType aclopSetAttrFloat aclopSetAttrInt aclopSetAttrListBool
    aclopSetAttrListDataType aclopSetAttrListFloat aclopSetAttrListInt aclopSetAttrListListInt
    aclopSetAttrListString aclopSetAttrString aclopSetCompileFlag aclopSetKernelArgs
    aclopSetKernelWorkspaceSizes aclopSetMaxOpQueueNum aclopSetModelDir aclopStartDumpArgs
    aclopStopDumpArgs aclopUnregisterCompileFunc aclopUpdateParams
""")

# acl_cblas.h.
BLAS = words("""
    aclblasCreateHandleForGemmEx aclblasCreateHandleForGemvEx aclblasCreateHandleForHgemm
    aclblasCreateHandleForHgemv aclblasCreateHandleForS8gemm aclblasCreateHandleForS8gemv
    aclblasGemmEx aclblasGemvEx aclblasHgemm aclblasHgemv aclblasS8gemm aclblasS8gemv
""")

# Of acl_base.h: what a tensor description says to an operator.
TENSOR_SETTINGS = words("""
    aclGetTensorDescDimRange aclSetTensorConst aclSetTensorDynamicInput aclSetTensorFormat
    aclSetTensorOriginFormat aclSetTensorOriginShape aclSetTensorPlaceMent aclSetTensorShape
    aclSetTensorShapeRange aclSetTensorStorageFormat aclSetTensorStorageShape
    aclSetTensorValueRange aclTransTensorDescFormat
""")

# Of acl_base.h too: a program's own lines of the log.
LOG = ["aclAppLog"]

# The first generation of CANN whose headers have it; all others are in the oldest, 5.1.RC1.
LATER = {
    "aclopCompileAndExecuteV2": "6.0",
    "aclGetCompileopt": "6.3",
    "aclGetCompileoptSize": "6.3",
    "aclopStartDumpArgs": "7.0",
    "aclopStopDumpArgs": "7.0",
    "aclopSetMaxOpQueueNum": "8.0",
}
