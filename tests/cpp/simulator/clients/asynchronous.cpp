// SPDX-License-Identifier: Apache-2.0
// An asynchronous AscendCL program: all batches queued on one stream with memory of their own, a
// callback after each, served by a thread that polls for reports.
// Usage: asynchronous MODEL BATCHES
#include <pthread.h>

#include <atomic>
#include <thread>

#include "client.h"

namespace {

struct Request {
    aclmdlDataset* input = nullptr;
    aclmdlDataset* output = nullptr;
    void* host_in = nullptr;
    void* host_out = nullptr;
    std::atomic<bool> is_done{false};
};

std::atomic<bool> stop{false};
std::atomic<int> called{0};

void on_done(void* request) {
    static_cast<Request*>(request)->is_done = true;
    ++called;
}

void serve(void* context) {
    check(aclrtSetCurrentContext(context), "aclrtSetCurrentContext");
    while (!stop) aclrtProcessReport(100);  // without report in time it says so, which is normal
}

void prepare(Request& request, aclmdlDesc* desc, size_t batch) {
    const size_t size = aclmdlGetInputSizeByIndex(desc, 0);
    request.input = device_dataset(desc, true);
    request.output = device_dataset(desc, false);
    check(aclrtMallocHost(&request.host_in, size), "aclrtMallocHost");
    check(aclrtMallocHost(&request.host_out, aclmdlGetOutputSizeByIndex(desc, 0)),
          "aclrtMallocHost");
    std::memcpy(request.host_in, made_up(batch, size).data(), size);
}

void queue(Request& request, uint32_t model, aclmdlDesc* desc, void* stream) {
    const size_t in = aclmdlGetInputSizeByIndex(desc, 0);
    const size_t out = aclmdlGetOutputSizeByIndex(desc, 0);
    check(aclrtMemcpyAsync(address(request.input, 0), in, request.host_in, in, kToDevice, stream),
          "copy in");
    check(aclmdlExecuteAsync(model, request.input, request.output, stream), "aclmdlExecuteAsync");
    check(aclrtMemcpyAsync(request.host_out, out, address(request.output, 0), out, kToHost, stream),
          "copy out");
    check(aclrtLaunchCallback(on_done, &request, 1, stream), "aclrtLaunchCallback");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    std::vector<Request> requests(static_cast<size_t>(std::atoi(argv[2])));
    check(aclInit(nullptr), "aclInit");
    check(aclrtSetDevice(0), "aclrtSetDevice");
    void* context = nullptr;
    void* stream = nullptr;
    check(aclrtGetCurrentContext(&context), "aclrtGetCurrentContext");
    check(aclrtCreateStream(&stream), "aclrtCreateStream");
    std::thread server(serve, context);
    const auto server_id = static_cast<uint64_t>(server.native_handle());
    check(aclrtSubscribeReport(server_id, stream), "aclrtSubscribeReport");

    uint32_t model = 0;
    check(aclmdlLoadFromFile(argv[1], &model), "aclmdlLoadFromFile");
    aclmdlDesc* const desc = aclmdlCreateDesc();
    check(aclmdlGetDesc(desc, model), "aclmdlGetDesc");
    for (size_t batch = 0; batch < requests.size(); ++batch) {
        prepare(requests[batch], desc, batch);
        queue(requests[batch], model, desc, stream);
    }
    check(aclrtSynchronizeStream(stream), "aclrtSynchronizeStream");
    stop = true;
    server.join();
    check(aclrtUnSubscribeReport(server_id, stream), "aclrtUnSubscribeReport");
    if (called != static_cast<int>(requests.size())) return 3;
    for (Request& request : requests) {
        if (!request.is_done) return 4;
        print_bytes(request.host_out, aclmdlGetOutputSizeByIndex(desc, 0));
        destroy_dataset(request.input);
        destroy_dataset(request.output);
        check(aclrtFreeHost(request.host_in), "aclrtFreeHost");
        check(aclrtFreeHost(request.host_out), "aclrtFreeHost");
    }
    check(aclmdlDestroyDesc(desc), "aclmdlDestroyDesc");
    check(aclmdlUnload(model), "aclmdlUnload");
    check(aclrtDestroyStream(stream), "aclrtDestroyStream");
    check(aclrtResetDevice(0), "aclrtResetDevice");
    check(aclFinalize(), "aclFinalize");
    return 0;
}
