// SPDX-License-Identifier: Apache-2.0
// The process and its contexts. Any thread; the current context is the thread's.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "simulator/core/call.h"
#include "simulator/core/handles.h"

namespace mgn::simulator {

class Stream;

class Context {
public:
    virtual ~Context() = default;
    std::uint32_t device = 0;
    std::uint64_t id = 0;
    bool is_default = false;
    std::atomic<int> models{0};  // loaded in it; the loader counts them
    std::atomic<bool> destroyed{false};
    std::atomic<bool> stops_on_failure{false};  // aclrtSetStreamFailureMode, of all its streams
    void* handle = nullptr;
    std::shared_ptr<Stream> default_stream;  // set before any thread sees the context
};

Handles<Context>& contexts();

// Of the calling thread.
struct ThreadState {
    std::shared_ptr<Context> current;
    int device = -1;  // of the last aclrtSetDevice
};

ThreadState& thread_state();

// The calling thread's context; null where the call is stopped, AscendCL is not initialised
// (100001) or no context is current (107002): call.code() then says what to return.
std::shared_ptr<Context> current_context(const Call& call);

bool is_initialized();

// 0, or the code of a lost device, with the text recorded. Functions that release something do not
// ask.
aclError check_device(const Call& call, const Context& context);

// 0 where AscendCL is initialised and the call is not stopped; else the code to return.
aclError check_initialized(const Call& call);

// For aclInit and aclFinalize: the references there are after the change.
int change_references(int by);
void drop_references();

}  // namespace mgn::simulator
