// SPDX-License-Identifier: Apache-2.0
// Describes pictures and an operator as programs with DVPP do, then prints the answer of each call
// that would use them: "name code text".
// Usage: pictures
#include "client.h"

namespace {

void tell(const char* name, int code) {
    const char* const text = aclGetRecentErrMsg();
    std::printf("%s %d %s%s", name, code, text != nullptr ? text : "", text != nullptr ? "" : "\n");
}

void try_pictures(void* stream) {
    void* memory = nullptr;
    check(acldvppMalloc(&memory, 3 * 64 * 64), "acldvppMalloc");
    acldvppPicDesc* const picture = acldvppCreatePicDesc();
    check(acldvppSetPicDescData(picture, memory), "acldvppSetPicDescData");
    check(acldvppSetPicDescSize(picture, 3 * 64 * 64), "acldvppSetPicDescSize");
    if (acldvppGetPicDescData(picture) != memory || acldvppGetPicDescSize(picture) != 3 * 64 * 64) {
        std::exit(1);
    }
    acldvppChannelDesc* const channel = acldvppCreateChannelDesc();
    tell("acldvppCreateChannel", acldvppCreateChannel(channel));
    tell("acldvppJpegDecodeAsync", acldvppJpegDecodeAsync(channel, memory, 64, picture, stream));
    tell("acldvppVpcResizeAsync",
         acldvppVpcResizeAsync(channel, picture, picture, nullptr, stream));
    check(acldvppDestroyChannelDesc(channel), "acldvppDestroyChannelDesc");
    check(acldvppDestroyPicDesc(picture), "acldvppDestroyPicDesc");
    check(acldvppFree(memory), "acldvppFree");
}

void try_operator(void* stream) {
    const int64_t sizes[2] = {-1, 8};
    int64_t ranges[2][2] = {{1, 64}, {8, 8}};
    aclTensorDesc* const desc = aclCreateTensorDesc(0, 2, sizes, 2);
    check(aclSetTensorShapeRange(desc, 2, ranges), "aclSetTensorShapeRange");
    check(aclSetTensorConst(desc, ranges, sizeof ranges), "aclSetTensorConst");
    aclopAttr* const attr = aclopCreateAttr();
    check(aclopSetAttrInt(attr, "axis", 1), "aclopSetAttrInt");
    tell("aclopSetModelDir", aclopSetModelDir("op_models"));
    tell("aclopCompileAndExecute", aclopCompileAndExecute("Cast", 1, &desc, nullptr, 1, &desc,
                                                          nullptr, attr, 0, 0, nullptr, stream));
    aclopDestroyAttr(attr);
    aclDestroyTensorDesc(desc);
}

}  // namespace

int main() {
    check(aclInit(nullptr), "aclInit");
    check(aclrtSetDevice(0), "aclrtSetDevice");
    void* stream = nullptr;
    check(aclrtCreateStream(&stream), "aclrtCreateStream");
    try_pictures(stream);
    try_operator(stream);
    check(aclrtDestroyStream(stream), "aclrtDestroyStream");
    check(aclrtResetDevice(0), "aclrtResetDevice");
    check(aclFinalize(), "aclFinalize");
    return 0;
}
