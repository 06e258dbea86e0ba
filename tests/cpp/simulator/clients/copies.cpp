// SPDX-License-Identifier: Apache-2.0
// Small copies to a device and back, read as soon as a stream or an event says that they are done:
// what the host wrote, the stream's thread must see, and the other way.
// Usage: copies ROUNDS
#include "client.h"
#include "stale.h"

namespace {

struct Copies {
    void* stream = nullptr;
    void* event = nullptr;
    void* memory = nullptr;
    uint64_t* in = nullptr;
    uint64_t* out = nullptr;
    size_t bytes = 0;

    void submit(uint64_t round) {
        for (size_t i = 0; i < bytes / sizeof *in; ++i) in[i] = round;
        check(aclrtMemcpyAsync(memory, bytes, in, bytes, kToDevice, stream), "copy in");
        check(aclrtMemcpyAsync(out, bytes, memory, bytes, kToHost, stream), "copy out");
        check(aclrtRecordEvent(event, stream), "aclrtRecordEvent");
    }
    uint64_t stale(uint64_t round) const {
        for (size_t i = bytes / sizeof *out; i-- > 0;) {
            if (out[i] != round) return 1;
        }
        return 0;
    }
};

void await_event(void* event) {
    int status = 0;
    while (status == 0) {
        check(aclrtQueryEventStatus(event, &status), "aclrtQueryEventStatus");
    }
}

// Two copies of one kilobyte: small enough to lie on a page that no guard closes.
void try_streams(uint64_t rounds) {
    Copies copies;
    copies.bytes = 1024;
    check(aclrtCreateStream(&copies.stream), "aclrtCreateStream");
    check(aclrtCreateEventWithFlag(&copies.event, 2), "aclrtCreateEventWithFlag");
    check(aclrtMalloc(&copies.memory, copies.bytes, 0), "aclrtMalloc");
    void* memory = nullptr;
    check(aclrtMallocHost(&memory, copies.bytes), "aclrtMallocHost");
    copies.in = static_cast<uint64_t*>(memory);
    check(aclrtMallocHost(&memory, copies.bytes), "aclrtMallocHost");
    copies.out = static_cast<uint64_t*>(memory);

    uint64_t stale = 0;
    for (uint64_t round = 1; round <= rounds; ++round) {
        copies.submit(round);
        check(aclrtSynchronizeStream(copies.stream), "aclrtSynchronizeStream");
        stale += copies.stale(round);
    }
    tell("stream", rounds, stale);
    stale = 0;
    for (uint64_t round = 1; round <= rounds; ++round) {
        copies.submit(round);
        await_event(copies.event);
        stale += copies.stale(round);
        check(aclrtSynchronizeStream(copies.stream), "aclrtSynchronizeStream");
    }
    tell("event", rounds, stale);

    check(aclrtFreeHost(copies.in), "aclrtFreeHost");
    check(aclrtFreeHost(copies.out), "aclrtFreeHost");
    check(aclrtFree(copies.memory), "aclrtFree");
    check(aclrtDestroyEvent(copies.event), "aclrtDestroyEvent");
    check(aclrtDestroyStream(copies.stream), "aclrtDestroyStream");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    check(aclInit(nullptr), "aclInit");
    check(aclrtSetDevice(0), "aclrtSetDevice");
    try_streams(static_cast<uint64_t>(std::atoll(argv[1])));
    check(aclrtResetDevice(0), "aclrtResetDevice");
    check(aclFinalize(), "aclFinalize");
    return 0;
}
