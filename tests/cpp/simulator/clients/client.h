// SPDX-License-Identifier: Apache-2.0
// What the client programs share: checked calls, a made-up input, results on standard output.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "ascendcl.h"

constexpr int kToDevice = 1;
constexpr int kToHost = 2;

inline void check(int code, const char* what) {
    if (code == 0) return;
    const char* const text = aclGetRecentErrMsg();
    std::fprintf(stderr, "%s returned %d: %s\n", what, code, text != nullptr ? text : "");
    std::exit(1);
}

// Byte k of batch b is (31 b + 7 k + k / 256) modulo 256.
inline std::vector<unsigned char> made_up(size_t batch, size_t size) {
    std::vector<unsigned char> bytes(size);
    for (size_t k = 0; k < size; ++k) {
        bytes[k] = static_cast<unsigned char>(31 * batch + 7 * k + k / 256);
    }
    return bytes;
}

inline void print_bytes(const void* data, size_t size) {
    const auto* const bytes = static_cast<const unsigned char*>(data);
    for (size_t at = 0; at < size; ++at) std::printf("%02x", bytes[at]);
    std::printf("\n");
}

// A dataset with device memory for every input or output of the model.
inline aclmdlDataset* device_dataset(aclmdlDesc* desc, bool inputs) {
    aclmdlDataset* const dataset = aclmdlCreateDataset();
    const size_t count = inputs ? aclmdlGetNumInputs(desc) : aclmdlGetNumOutputs(desc);
    for (size_t index = 0; index < count; ++index) {
        const size_t size = inputs ? aclmdlGetInputSizeByIndex(desc, index)
                                   : aclmdlGetOutputSizeByIndex(desc, index);
        void* memory = nullptr;
        check(aclrtMalloc(&memory, size, 0), "aclrtMalloc");
        check(aclmdlAddDatasetBuffer(dataset, aclCreateDataBuffer(memory, size)),
              "aclmdlAddDatasetBuffer");
    }
    return dataset;
}

inline void* address(const aclmdlDataset* dataset, size_t index) {
    return aclGetDataBufferAddr(aclmdlGetDatasetBuffer(dataset, index));
}

inline void destroy_dataset(aclmdlDataset* dataset) {
    for (size_t index = 0; index < aclmdlGetDatasetNumBuffers(dataset); ++index) {
        aclDataBuffer* const buffer = aclmdlGetDatasetBuffer(dataset, index);
        check(aclrtFree(aclGetDataBufferAddr(buffer)), "aclrtFree");
        check(aclDestroyDataBuffer(buffer), "aclDestroyDataBuffer");
    }
    check(aclmdlDestroyDataset(dataset), "aclmdlDestroyDataset");
}
