// SPDX-License-Identifier: Apache-2.0
// aclInit to aclFinalize, and what a client asks about the machine.
#include <fstream>
#include <iterator>
#include <mutex>
#include <set>
#include <string>

#include "simulator/core/abi.h"
#include "simulator/core/faults.h"
#include "simulator/core/generations.h"
#include "simulator/core/ledger.h"
#include "simulator/core/log.h"
#include "simulator/core/settings.h"
#include "simulator/devices/context.h"
#include "simulator/devices/device.h"
#include "simulator/memory/guard.h"
#include "simulator/process/contexts.h"
#include "simulator/streams/callbacks.h"
#include "simulator/streams/exception_info.h"
#include "simulator/streams/streams.h"

namespace mgn::simulator {
namespace {

// Held over aclInit and aclFinalize, which others must not see half done. Taken first.
std::mutex& life_mutex() {
    static auto* const kept = new std::mutex;
    return *kept;
}

// An object whose braces and quotes match: the keys are the real runtime's business.
bool looks_like_json(const std::string& text) {
    int depth = 0;
    bool quoted = false;
    bool ended = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\') ++i;
            if (c == '"') quoted = false;
        } else if (std::string(" \t\r\n").find(c) != std::string::npos) {
            continue;
        } else if (ended || (depth == 0 && c != '{')) {
            return false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            ++depth;
        } else if (c == '}' || c == ']') {
            ended = --depth == 0;
        }
    }
    return ended && !quoted;
}

aclError check_config(const Call& call, const char* path) {
    if (path == nullptr || *path == '\0') return acl::kSuccess;
    std::ifstream file(path, std::ios::binary);
    if (!file) return call.fail(acl::kInvalidFile, std::string("cannot read ") + path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!looks_like_json(text)) {
        return call.fail(acl::kParseFile, std::string(path) + " is no JSON object");
    }
    return acl::kSuccess;
}

void say_what_it_is(const Settings& machine) {
    log_line(machine.soc_version + " (simulated), CANN " + machine.cann + ", " +
             std::to_string(machine.device_count) + " device(s), run mode " +
             (machine.is_device ? "device" : "host") + ", timing " +
             (machine.timing ? "on" : "off") +
             (is_mapped_from_file() ? ", memory mapped from a file" : ""));
}

aclError start(const Call& call) {
    if (!settings_error().empty()) return call.fail(acl::kInvalidParam, settings_error());
    if (!has_address_space()) {
        return call.fail(acl::kBadAlloc,
                         "the system gives the simulator no address space: 2 GiB is "
                         "the least (see ulimit -v, and ulimit -f where an emulator runs it)");
    }
    const Settings& machine = settings();
    seed_uniform(machine.seed);
    set_missing_calls(missing_calls(machine));
    say_what_it_is(machine);
    watch_for_fork();
    watch_host_accesses();
    ledger_initialised();
    change_references(1);
    return acl::kSuccess;
}

void finish(const Call& call) {
    if (any_stream_is_busy()) {
        call.violation(acl::kSuccess, "finalized with work pending", "a stream still has tasks");
    }
    tell_host_accesses();
    ledger_check_empty(call.name());
    forget_callbacks();
    destroy_everything();
    forget_exception_callback();
    execute_limit_ns = 0;
    wait_limit_ns = 0;
    drop_references();
}

// Kept for ever, because clients keep the pointer.
const char* keep(const std::string& name) {
    static auto* const mutex = new std::mutex;
    static auto* const names = new std::set<std::string>;
    const std::lock_guard lock(*mutex);
    return names->insert(name).first->c_str();
}

}  // namespace
}  // namespace mgn::simulator

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

#pragma GCC visibility push(default)
extern "C" {

aclError aclInit(const char* config_path) {
    const Call call("aclInit");
    if (call.is_stopped()) return call.fault();
    const std::lock_guard lock(life_mutex());
    if (const aclError code = check_config(call, config_path)) return code;
    if (!is_initialized()) return start(call);
    change_references(1);
    return call.fail(kRepeatInitialize, "AscendCL is initialised already");
}

aclError aclFinalize() {
    const ReleaseCall call("aclFinalize");
    if (call.is_stopped()) return call.fault();
    const std::lock_guard lock(life_mutex());
    if (!is_initialized()) return call.fail(kRepeatFinalize, "AscendCL is not initialised");
    finish(call);
    return call.fault();
}

aclError aclFinalizeReference(std::uint64_t* references) {
    const ReleaseCall call("aclFinalizeReference");
    if (call.is_stopped()) return call.fault();
    const std::lock_guard lock(life_mutex());
    if (!is_initialized()) return call.fail(kRepeatFinalize, "AscendCL is not initialised");
    const int left = change_references(-1);
    if (left == 0) {
        change_references(1);
        finish(call);
    }
    if (references != nullptr) *references = static_cast<std::uint64_t>(left);
    return call.fault();
}

aclError aclrtGetVersion(std::int32_t* major, std::int32_t* minor, std::int32_t* patch) {
    const Call call("aclrtGetVersion");
    if (call.is_stopped()) return call.fault();
    if (major == nullptr || minor == nullptr || patch == nullptr) {
        return call.fail(kInvalidParam, "an address is null");
    }
    *major = 1;
    *minor = find_generation(settings().cann)->acl_minor;
    *patch = 0;
    return kSuccess;
}

const char* aclrtGetSocName() {
    const Call call("aclrtGetSocName");
    if (call.is_stopped()) return nullptr;
    return keep(settings().soc_version);
}

aclError aclrtGetDeviceCount(std::uint32_t* count) {
    const Call call("aclrtGetDeviceCount");
    if (call.is_stopped()) return call.fault();
    if (count == nullptr) return call.fail(kInvalidParam, "the count's address is null");
    if (settings().device_count == 0) return call.fail(kRtNoDevice, "there is no device");
    *count = settings().device_count;
    return kSuccess;
}

aclError aclrtGetRunMode(aclrtRunMode* mode) {
    const Call call("aclrtGetRunMode");
    if (call.is_stopped()) return call.fault();
    if (mode == nullptr) return call.fail(kInvalidParam, "the mode's address is null");
    *mode = settings().is_device ? ACL_DEVICE : ACL_HOST;
    return kSuccess;
}

aclError aclrtSetDevice(std::int32_t device) {
    const Call call("aclrtSetDevice");
    if (const aclError code = check_initialized(call)) return code;
    return set_device(call, device);
}

aclError aclrtResetDevice(std::int32_t device) {
    const ReleaseCall call("aclrtResetDevice");
    if (const aclError code = check_initialized(call)) return code;
    const aclError code = reset_device(call, device, false);
    return code != kSuccess ? code : call.fault();
}

aclError aclrtResetDeviceForce(std::int32_t device) {
    const ReleaseCall call("aclrtResetDeviceForce");
    if (const aclError code = check_initialized(call)) return code;
    const aclError code = reset_device(call, device, true);
    return code != kSuccess ? code : call.fault();
}

aclError aclrtGetDevice(std::int32_t* device) {
    const Call call("aclrtGetDevice");
    if (call.is_stopped()) return call.fault();
    if (device == nullptr) return call.fail(kInvalidParam, "the device's address is null");
    const auto context = current_context(call);
    if (context == nullptr) return call.code();
    *device = static_cast<std::int32_t>(context->device);
    return kSuccess;
}

aclError aclrtSetOpExecuteTimeOut(std::uint32_t timeout) {
    const Call call("aclrtSetOpExecuteTimeOut");
    if (current_context(call) == nullptr) return call.code();
    execute_limit_ns = Nanoseconds{timeout} * 1'000'000'000;
    return kSuccess;
}

}  // extern "C"
#pragma GCC visibility pop
