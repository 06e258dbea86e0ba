// SPDX-License-Identifier: Apache-2.0
// The control functions, for tests and for mgn_fast.simulator: everything here can be called at any
// time from any thread, and none of it is a function of AscendCL.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>

#include "simulator/core/faults.h"
#include "simulator/core/generations.h"
#include "simulator/core/ledger.h"
#include "simulator/core/per_thread.h"
#include "simulator/core/settings.h"
#include "simulator/devices/context.h"
#include "simulator/devices/device.h"
#include "simulator/execution/executor.h"
#include "simulator/memory/guard.h"
#include "simulator/streams/streams.h"
#include "simulator/streams/trace.h"

namespace mgn::simulator {
namespace {

const char* keep_error(const std::string& text) {
    static auto* const kept = new PerThread<std::string>;
    std::string& own = kept->get();
    own = text;
    return own.c_str();
}

// Copies what fits, ended by a zero; what the whole takes.
std::size_t give(const std::string& text, char* out, std::size_t capacity) {
    if (out != nullptr && capacity != 0) {
        const std::size_t fits = std::min(text.size(), capacity - 1);
        std::memcpy(out, text.data(), fits);
        out[fits] = '\0';
    }
    return text.size() + 1;
}

}  // namespace
}  // namespace mgn::simulator

using namespace mgn::simulator;  // NOLINT: as a client sees them, these are global names

#pragma GCC visibility push(default)
extern "C" {

int mgnsim_is_simulator() { return 1; }

// Null, or what is wrong with the text (settings.h says what it holds). Valid in this thread until
// its next control call.
const char* mgnsim_configure(const char* text) {
    if (is_initialized()) {
        return keep_error("the simulator is in use: settings change before aclInit only");
    }
    try {
        const Settings next = parse_settings(text == nullptr ? "" : text);
        set_settings(next);
        set_missing_calls(missing_calls(next));
    } catch (const std::invalid_argument& wrong) {
        return keep_error(wrong.what());
    }
    return nullptr;
}

// 1 for a function that the settings hide: a loader that looks functions up by name asks.
int mgnsim_is_missing(const char* name) {
    const std::string all = "," + missing_calls(settings());
    return all.find("," + std::string(name) + ",") != std::string::npos ? 1 : 0;
}

// {function: generation that it first is in}
std::size_t mgnsim_generations(char* out, std::size_t capacity) {
    return give(generations_json(), out, capacity);
}

std::size_t mgnsim_ledger(char* out, std::size_t capacity) {
    tell_host_accesses();
    return give(ledger_json(), out, capacity);
}

void mgnsim_reset_ledger() {
    tell_host_accesses();
    reset_ledger();
}

// Null, or what is wrong. `when` is "now" or "sync".
const char* mgnsim_fail(const char* call, std::uint64_t nth, std::int32_t code, const char* when) {
    const std::string at = when == nullptr ? "now" : when;
    if (at != "now" && at != "sync") {
        return keep_error("when is \"" + at + "\", expected now or sync");
    }
    try {
        arm_fault(call == nullptr ? "" : call, nth, code, at == "sync");
    } catch (const std::invalid_argument& wrong) {
        return keep_error(wrong.what());
    }
    return nullptr;
}

// Faults and slowness that tests asked for are over; a lost device stays lost.
void mgnsim_reset_faults() {
    disarm_faults();
    slow_by_ns = 0;
}

void mgnsim_lose_device(std::uint32_t device) {
    if (device >= kMostDevices) return;
    device_of(device).lost = true;
    wake_streams_of(device);
}

void mgnsim_slow_stream(double seconds) { slow_by_ns = to_ns(std::clamp(seconds, 0.0, 86400.0)); }

void mgnsim_set_executor(Executor executor) { set_executor(executor); }

void mgnsim_trace_start() { start_trace(); }
void mgnsim_trace_stop() { stop_trace(); }
std::size_t mgnsim_trace(char* out, std::size_t capacity) {
    return give(trace_json(), out, capacity);
}

}  // extern "C"
#pragma GCC visibility pop
