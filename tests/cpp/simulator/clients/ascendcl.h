// SPDX-License-Identifier: Apache-2.0
// AscendCL's C prototypes, as far as the client programs of the tests need them; they know nothing
// of this project.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {
struct aclmdlDesc;
struct aclmdlDataset;
struct aclDataBuffer;
struct aclTensorDesc;
struct acldvppPicDesc;
struct acldvppChannelDesc;
struct acldvppResizeConfig;
struct aclopAttr;
int aclInit(const char*);
int aclFinalize();
const char* aclGetRecentErrMsg();
int aclrtSetDevice(int32_t);
int aclrtResetDevice(int32_t);
int aclrtGetRunMode(int*);
int aclrtGetCurrentContext(void**);
int aclrtSetCurrentContext(void*);
int aclrtCreateStream(void**);
int aclrtDestroyStream(void*);
int aclrtSynchronizeStream(void*);
int aclrtCreateEventWithFlag(void**, uint32_t);
int aclrtDestroyEvent(void*);
int aclrtRecordEvent(void*, void*);
int aclrtQueryEventStatus(void*, int*);
int aclrtMalloc(void**, size_t, int);
int aclrtFree(void*);
int aclrtMallocHost(void**, size_t);
int aclrtFreeHost(void*);
int aclrtMemcpy(void*, size_t, const void*, size_t, int);
int aclrtMemcpyAsync(void*, size_t, const void*, size_t, int, void*);
int aclrtSubscribeReport(uint64_t, void*);
int aclrtUnSubscribeReport(uint64_t, void*);
int aclrtProcessReport(int32_t);
int aclrtLaunchCallback(void (*)(void*), void*, int, void*);
int aclmdlLoadFromFile(const char*, uint32_t*);
int aclmdlUnload(uint32_t);
aclmdlDesc* aclmdlCreateDesc();
int aclmdlDestroyDesc(aclmdlDesc*);
int aclmdlGetDesc(aclmdlDesc*, uint32_t);
size_t aclmdlGetNumInputs(aclmdlDesc*);
size_t aclmdlGetNumOutputs(aclmdlDesc*);
size_t aclmdlGetInputSizeByIndex(aclmdlDesc*, size_t);
size_t aclmdlGetOutputSizeByIndex(aclmdlDesc*, size_t);
aclmdlDataset* aclmdlCreateDataset();
int aclmdlDestroyDataset(const aclmdlDataset*);
int aclmdlAddDatasetBuffer(aclmdlDataset*, aclDataBuffer*);
size_t aclmdlGetDatasetNumBuffers(const aclmdlDataset*);
aclDataBuffer* aclmdlGetDatasetBuffer(const aclmdlDataset*, size_t);
aclDataBuffer* aclCreateDataBuffer(void*, size_t);
int aclDestroyDataBuffer(const aclDataBuffer*);
void* aclGetDataBufferAddr(const aclDataBuffer*);
int aclmdlGetInputIndexByName(const aclmdlDesc*, const char*, size_t*);
int aclmdlSetDynamicBatchSize(uint32_t, aclmdlDataset*, size_t, uint64_t);
int aclmdlExecute(uint32_t, const aclmdlDataset*, aclmdlDataset*);
int aclmdlExecuteAsync(uint32_t, const aclmdlDataset*, aclmdlDataset*, void*);
int acldvppMalloc(void**, size_t);
int acldvppFree(void*);
acldvppPicDesc* acldvppCreatePicDesc();
int acldvppDestroyPicDesc(acldvppPicDesc*);
int acldvppSetPicDescData(acldvppPicDesc*, void*);
int acldvppSetPicDescSize(acldvppPicDesc*, uint32_t);
void* acldvppGetPicDescData(const acldvppPicDesc*);
uint32_t acldvppGetPicDescSize(const acldvppPicDesc*);
acldvppChannelDesc* acldvppCreateChannelDesc();
int acldvppDestroyChannelDesc(acldvppChannelDesc*);
int acldvppCreateChannel(acldvppChannelDesc*);
int acldvppVpcResizeAsync(acldvppChannelDesc*, acldvppPicDesc*, acldvppPicDesc*,
                          acldvppResizeConfig*, void*);
int acldvppJpegDecodeAsync(acldvppChannelDesc*, const void*, uint32_t, acldvppPicDesc*, void*);
aclopAttr* aclopCreateAttr();
void aclopDestroyAttr(const aclopAttr*);
int aclopSetAttrInt(aclopAttr*, const char*, int64_t);
int aclopSetModelDir(const char*);
int aclopCompileAndExecute(const char*, int, const aclTensorDesc* const[],
                           const aclDataBuffer* const[], int, const aclTensorDesc* const[],
                           aclDataBuffer* const[], const aclopAttr*, int, int, const char*, void*);
aclTensorDesc* aclCreateTensorDesc(int, int, const int64_t*, int);
void aclDestroyTensorDesc(const aclTensorDesc*);
int aclSetTensorConst(aclTensorDesc*, void*, size_t);
int aclSetTensorShapeRange(aclTensorDesc*, size_t, int64_t (*)[2]);
}
