// SPDX-License-Identifier: Apache-2.0
// A synchronous AscendCL program: one model, one batch after the other, optionally with gears.
// Usage: synchronous MODEL BATCHES [GEAR]
#include "client.h"

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    const auto batches = static_cast<size_t>(std::atoi(argv[2]));
    const auto gear = static_cast<uint64_t>(argc > 3 ? std::atoi(argv[3]) : 0);
    check(aclInit(nullptr), "aclInit");
    check(aclrtSetDevice(0), "aclrtSetDevice");
    int run_mode = -1;
    check(aclrtGetRunMode(&run_mode), "aclrtGetRunMode");
    const bool is_device = run_mode == 0;

    uint32_t model = 0;
    check(aclmdlLoadFromFile(argv[1], &model), "aclmdlLoadFromFile");
    aclmdlDesc* const desc = aclmdlCreateDesc();
    check(aclmdlGetDesc(desc, model), "aclmdlGetDesc");
    aclmdlDataset* const input = device_dataset(desc, true);
    aclmdlDataset* const output = device_dataset(desc, false);
    if (gear != 0) {
        size_t index = 0;
        check(aclmdlGetInputIndexByName(desc, "ascend_mbatch_shape_data", &index), "index");
        check(aclmdlSetDynamicBatchSize(model, input, index, gear), "aclmdlSetDynamicBatchSize");
    }
    const size_t size = aclmdlGetInputSizeByIndex(desc, 0);
    const size_t result_size = aclmdlGetOutputSizeByIndex(desc, 0);
    std::vector<unsigned char> result(result_size);
    for (size_t batch = 0; batch < batches; ++batch) {
        const std::vector<unsigned char> bytes = made_up(batch, size);
        if (is_device) {  // a board: the processor writes what the NPU reads
            std::memcpy(address(input, 0), bytes.data(), size);
        } else {
            check(aclrtMemcpy(address(input, 0), size, bytes.data(), size, kToDevice), "copy in");
        }
        check(aclmdlExecute(model, input, output), "aclmdlExecute");
        if (is_device) {
            std::memcpy(result.data(), address(output, 0), result_size);
        } else {
            check(aclrtMemcpy(result.data(), result_size, address(output, 0), result_size, kToHost),
                  "copy out");
        }
        print_bytes(result.data(), result_size);
    }
    destroy_dataset(input);
    destroy_dataset(output);
    check(aclmdlDestroyDesc(desc), "aclmdlDestroyDesc");
    check(aclmdlUnload(model), "aclmdlUnload");
    check(aclrtResetDevice(0), "aclrtResetDevice");
    check(aclFinalize(), "aclFinalize");
    return 0;
}
