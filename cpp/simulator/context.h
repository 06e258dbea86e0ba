// SPDX-License-Identifier: Apache-2.0
// The process, its devices and contexts. Any thread; the current context is the thread's.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "simulator/call.h"

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
    std::shared_ptr<Stream> default_stream;  // set before anybody sees the context
};

// The calling thread's context if AscendCL is initialised and one is current; else `code` says what
// to return (100001, 107002) and the text is recorded.
std::shared_ptr<Context> current_context(const Call& call, aclError& code);

bool is_initialized();

// 0, or the code of a lost device, with the text recorded. Functions that release something do not
// ask.
aclError check_device(const Call& call, const Context& context);

// Whether AscendCL is initialised; else the code to return.
aclError check_initialized(const Call& call);

// For aclInit and aclFinalize: the references there are after the change.
int change_references(int by);
void drop_references();

// The process's default context of the device, made where needed, becomes current; the device's
// count goes up by one.
aclError set_device(const Call& call, std::int64_t device);

// Counts down (to nothing, if forced); with the last one the default context goes.
aclError reset_device(const Call& call, std::int64_t device, bool forced);

// At aclFinalize: every stream, event and context goes, tasks that are queued do not run.
void destroy_everything();

// The client's and the default ones.
std::vector<std::shared_ptr<Stream>> all_streams();

}  // namespace mgn::simulator
