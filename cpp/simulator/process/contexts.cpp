// SPDX-License-Identifier: Apache-2.0
// How contexts begin and end, and how often each device was set.
// Lock order: the process's lock first, and nothing that waits is done under it.
#include "simulator/process/contexts.h"

#include <array>
#include <mutex>
#include <string>
#include <utility>

#include "simulator/core/abi.h"
#include "simulator/core/handles.h"
#include "simulator/core/ledger.h"
#include "simulator/core/settings.h"
#include "simulator/devices/chip.h"
#include "simulator/devices/context.h"
#include "simulator/devices/device.h"
#include "simulator/models/loaded_model.h"
#include "simulator/streams/event.h"
#include "simulator/streams/streams.h"

namespace mgn::simulator {
namespace {

struct DeviceUse {
    int references = 0;
    int explicit_contexts = 0;
    std::shared_ptr<Context> default_context;
};

struct Process {
    std::mutex mutex;
    std::array<DeviceUse, kMostDevices> devices;
    std::uint64_t context_ids = 0;
};

Process& process() {
    static Process* const kept = new Process;
    return *kept;
}

// A card's context has a default stream and an internal one; both count against the limit.
std::uint32_t streams_of_a_context() { return settings().is_device ? 1 : 2; }

std::shared_ptr<Context> make_context(std::uint32_t device, bool is_default) {
    if (!take_one(device_of(device).streams, streams_of_a_context(), most_streams())) {
        return nullptr;
    }
    auto context = std::make_shared<Context>();
    context->device = device;
    context->id = ++process().context_ids;
    context->is_default = is_default;
    context->handle = contexts().next();
    context->default_stream = make_stream(context);
    contexts().add(context->handle, context);
    return context;
}

std::string leftovers_of(const Context& context) {
    std::string found;
    const auto add = [&found](std::size_t count, const char* what) {
        if (count != 0) found += " " + std::to_string(count) + " " + what;
    };
    add(num_streams_of(context), "stream(s)");
    add(num_events_of(context), "event(s)");
    add(static_cast<std::size_t>(context.models.load()), "model(s)");
    return found;
}

// Takes the context away from all threads. What the client left in it ends with it.
void end_context(Context& context, bool patient, aclError code) {
    context.destroyed = true;
    contexts().remove(context.handle);
    close_streams_of(context, patient, code);
    drop_events_of(context);
    end_stream(*context.default_stream, patient, code);
    drop_models_of(context.id);
    device_of(context.device).streams -= streams_of_a_context() - 1;
    if (!context.is_default) ledger_released("context", context.handle);
}

aclError check_device_id(const Call& call, std::int64_t device) {
    const std::uint32_t count = settings().device_count;
    if (device >= 0 && device < count) return acl::kSuccess;
    return call.fail(acl::kRtInvalidDevice,
                     "device " + std::to_string(device) + ", there are " + std::to_string(count));
}

// The last context of a device is gone.
void close_device(const Call& call, std::uint32_t device, bool forced) {
    device_of(device).lost = false;
    const std::size_t left = drop_memory_of(device);
    if (left == 0 || forced) return;
    call.violation(acl::kSuccess, "device reset with live memory",
                   std::to_string(left) + " allocation(s) of device " + std::to_string(device) +
                       " were not freed");
}

}  // namespace

aclError set_device(const Call& call, std::int64_t id) {
    if (const aclError code = check_device_id(call, id)) return code;
    const auto device = static_cast<std::uint32_t>(id);
    if (device_of(device).lost) return call.fail(acl::kRtDeviceSetup, "the device is lost");
    Process& own = process();
    const std::lock_guard lock(own.mutex);
    DeviceUse& use = own.devices[device];
    if (use.default_context == nullptr) {
        use.default_context = make_context(device, true);
        if (use.default_context == nullptr) {
            return call.fail(acl::kRtNoStream, "no stream is left for the default context");
        }
    }
    ++use.references;
    thread_state().current = use.default_context;
    thread_state().device = static_cast<int>(device);
    return acl::kSuccess;
}

aclError reset_device(const Call& call, std::int64_t id, bool forced) {
    if (const aclError code = check_device_id(call, id)) return code;
    const auto device = static_cast<std::uint32_t>(id);
    const bool lost = device_of(device).lost;
    std::shared_ptr<Context> last;
    bool closes = false;
    {
        Process& own = process();
        const std::lock_guard lock(own.mutex);
        DeviceUse& use = own.devices[device];
        if (use.references == 0 && !lost) {
            return call.fail(acl::kRtContextNull, "the device was not set, or is reset already");
        }
        use.references = forced || use.references == 0 ? 0 : use.references - 1;
        if (use.references != 0) return acl::kSuccess;
        last = std::exchange(use.default_context, nullptr);
        closes = use.explicit_contexts == 0;
    }
    const std::string left = last == nullptr ? "" : leftovers_of(*last);
    if (last != nullptr) end_context(*last, !forced, acl::kRtStreamAbort);
    if (lost) device_of(device).lost = false;
    // Counted, not failed: the real runtime frees what is left and says nothing.
    if (!left.empty() && !forced) {
        call.violation(acl::kSuccess, "device reset with live objects",
                       "the default context still has" + left);
    }
    if (closes) close_device(call, device, forced);
    return acl::kSuccess;
}

void destroy_everything() {
    for (const auto& context : contexts().all()) end_context(*context, false, acl::kRtStreamAbort);
    Process& own = process();
    const std::lock_guard lock(own.mutex);
    for (std::uint32_t id = 0; id < kMostDevices; ++id) {
        own.devices[id] = DeviceUse();
        device_of(id).lost = false;
        drop_memory_of(id);
    }
}

}  // namespace mgn::simulator

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

#pragma GCC visibility push(default)
extern "C" {

aclError aclrtCreateContext(aclrtContext* context, std::int32_t device) {
    const Call call("aclrtCreateContext");
    if (const aclError code = check_initialized(call)) return code;
    if (context == nullptr) return call.fail(kInvalidParam, "the context's address is null");
    if (const aclError code = check_device_id(call, device)) return code;
    const auto id = static_cast<std::uint32_t>(device);
    if (device_of(id).lost) return call.fail(kRtDeviceSetup, "the device is lost");
    Process& own = process();
    const std::lock_guard lock(own.mutex);
    const auto made = make_context(id, false);
    if (made == nullptr) return call.fail(kRtNoStream, "no stream is left for the context");
    ++own.devices[id].explicit_contexts;
    ledger_created("context", made->handle, 0, call.name());
    thread_state().current = made;
    *context = made->handle;
    return kSuccess;
}

aclError aclrtDestroyContext(aclrtContext handle) {
    const ReleaseCall call("aclrtDestroyContext");
    if (const aclError code = check_initialized(call)) return code;
    if (handle == nullptr) return call.fail(kInvalidParam, "the context is null");
    const auto context = contexts().find(handle);
    if (context == nullptr) {
        return call.violation(kRtContextNull, "destroyed context used",
                              "the context is destroyed already, or never was one");
    }
    if (context->is_default) {
        return call.fail(kRtContextNull,
                         "this is a device's default context: aclrtResetDevice ends it");
    }
    {
        Process& own = process();
        const std::lock_guard lock(own.mutex);
        if (context->destroyed.exchange(true))
            return call.fail(kRtContextNull, "destroyed already");
        DeviceUse& use = own.devices[context->device];
        --use.explicit_contexts;
        if (use.explicit_contexts + use.references == 0) device_of(context->device).lost = false;
        ThreadState& thread = thread_state();
        if (thread.current == context) {
            thread.current =
                thread.device < 0
                    ? nullptr
                    : own.devices[static_cast<std::size_t>(thread.device)].default_context;
        }
    }
    const std::string left = leftovers_of(*context);
    end_context(*context, true, kRtStreamAbort);
    if (!left.empty()) {
        call.violation(kSuccess, "context destroyed with live objects", "it still has" + left);
    }
    return call.fault();
}

aclError aclrtSetCurrentContext(aclrtContext handle) {
    const Call call("aclrtSetCurrentContext");
    if (const aclError code = check_initialized(call)) return code;
    if (handle == nullptr) return call.fail(kInvalidParam, "the context is null");
    ThreadState& thread = thread_state();
    if (thread.current != nullptr && thread.current->handle == handle &&
        !thread.current->destroyed) {
        return kSuccess;
    }
    auto context = contexts().find(handle);
    if (context == nullptr) {
        return contexts().refuse(call, handle, kRtContextNull);
    }
    thread.current = std::move(context);
    return kSuccess;
}

aclError aclrtGetCurrentContext(aclrtContext* handle) {
    const Call call("aclrtGetCurrentContext");
    if (call.is_stopped()) return call.fault();
    if (handle == nullptr) return call.fail(kInvalidParam, "the context's address is null");
    const auto context = current_context(call);
    if (context == nullptr) return call.code();
    *handle = context->handle;
    return kSuccess;
}

}  // extern "C"
#pragma GCC visibility pop
