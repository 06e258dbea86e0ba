// SPDX-License-Identifier: Apache-2.0
// The live contexts by handle, each thread's own state, and the references of aclInit.
#include "simulator/devices/context.h"

#include <string>

#include "simulator/core/per_thread.h"
#include "simulator/devices/device.h"

namespace mgn::simulator {
namespace {

std::atomic<int> references{0};
std::atomic<bool> was_finalized{false};

}  // namespace

Handles<Context>& contexts() {
    static auto* const kept =
        new Handles<Context>(HandleKind::context, "context", "aclrtCreateContext");
    return *kept;
}

ThreadState& thread_state() {
    static auto* const kept = new PerThread<ThreadState>;
    return kept->get();
}

bool is_initialized() { return references.load(std::memory_order_acquire) > 0; }

int change_references(int by) {
    if (by > 0) was_finalized = false;
    return references.fetch_add(by) + by;
}

void drop_references() {
    references = 0;
    was_finalized = true;
}

aclError check_initialized(const Call& call) {
    if (call.is_stopped()) return call.fault();
    if (is_initialized()) return acl::kSuccess;
    if (!was_finalized) return call.fail(acl::kUninitialized, "aclInit was not called");
    return call.violation(acl::kUninitialized, "used after aclFinalize",
                          "AscendCL was finalised before this call");
}

std::shared_ptr<Context> current_context(const Call& call) {
    if (check_initialized(call) != acl::kSuccess) return nullptr;
    const std::shared_ptr<Context>& current = thread_state().current;
    if (current != nullptr && !current->destroyed.load(std::memory_order_relaxed)) return current;
    call.fail(acl::kRtContextNull, current == nullptr
                                       ? "this thread has no context: call aclrtSetDevice or "
                                         "aclrtSetCurrentContext in it first"
                                       : "this thread's context was destroyed");
    return nullptr;
}

aclError check_device(const Call& call, const Context& context) {
    if (!device_of(context.device).lost.load()) return acl::kSuccess;
    return call.fail(acl::kRtDriverError, "device " + std::to_string(context.device) + " is lost");
}

}  // namespace mgn::simulator
