// SPDX-License-Identifier: Apache-2.0
// Counts calls without a lock, keeps each thread's error texts and its last error.
#include "simulator/core/call.h"

#include <pthread.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "acl/acl.h"
#include "simulator/core/faults.h"
#include "simulator/core/ledger.h"
#include "simulator/core/per_thread.h"
#include "simulator/core/settings.h"

namespace mgn::simulator {
namespace {

// Keyed by the address of the literal, because hashing its text would be the dearest part of many
// calls; one name may have several literals, which call_counts adds up.
struct Counter {
    std::atomic<const char*> name{nullptr};
    std::atomic<std::uint64_t> calls{0};
};
constexpr std::size_t kCounters = 2048;  // several times the functions there are
std::array<Counter, kCounters> counters;

void count(const char* name) {
    auto slot = (reinterpret_cast<std::uintptr_t>(name) * 0x9E3779B97F4A7C15u) >> 53;
    for (;; slot = (slot + 1) % kCounters) {
        const char* holder = counters[slot].name.load(std::memory_order_acquire);
        if (holder == nullptr &&
            !counters[slot].name.compare_exchange_strong(holder, name, std::memory_order_acq_rel)) {
            // Another thread took the slot; `holder` says which.
        } else if (holder == nullptr) {
            holder = name;
        }
        if (holder == name) break;
    }
    counters[slot].calls.fetch_add(1, std::memory_order_relaxed);
}

struct Messages {
    std::string recent;  // newest first
    std::string given;   // what the last aclGetRecentErrMsg handed out
    aclError last = acl::kSuccess;
};

Messages& messages() {
    static auto* const kept = new PerThread<Messages>;
    return kept->get();
}

constexpr std::size_t kMostMessageBytes = 16384;

const char* prefix_of(aclError code) {
    if (code / 1000 == 145 || code / 1000 == 245 || code / 1000 == 545) return "E19999";
    return "EE9999";
}

std::atomic<bool> was_forked{false};

}  // namespace

Call::Call(const char* name, bool releases) : name_(name), releases_(releases) {
    count(name);
    if (was_forked.load(std::memory_order_relaxed)) {
        forked_ = true;
        fault_ = acl::kRtInternalError;
        violation(fault_, "used after fork",
                  "this process is a child of fork(); start it with spawn or exec instead");
        return;
    }
    if (!faults_are_armed.load(std::memory_order_acquire)) return;
    const Fault found = take_fault(name);
    deferred_ = found.later;
    if (found.missing) {
        fault_ = fail(acl::kRtFeatureNotSupported,
                      "this function is not there in CANN " + settings().cann +
                          ", or the simulator was told to lack it");
    } else if (found.now != acl::kSuccess) {
        fault_ = fail(found.now, "failed on demand");
    }
}

aclError Call::fail(aclError code, const std::string& why) const {
    Messages& own = messages();
    own.last = code;
    code_ = code;
    std::string line = prefix_of(code);
    line += ": ";
    line += name_;
    line += " returns " + std::to_string(code) + ": " + why + "\n";
    own.recent.insert(0, line);
    if (own.recent.size() > kMostMessageBytes) own.recent.resize(kMostMessageBytes);
    return code;
}

aclError Call::violation(aclError code, const std::string& rule, const std::string& why) const {
    report_violation(name_, rule, why);
    return code == acl::kSuccess ? code : fail(code, rule + ": " + why);
}

void report_violation(const char* call, const std::string& rule, const std::string& why) {
    ledger_violation(call, rule, why);
    if (settings().on_violation != OnViolation::abort) return;
    std::fprintf(stderr, "mgn_fast simulator: violation in %s: %s: %s\n", call, rule.c_str(),
                 why.c_str());
    std::abort();
}

bool is_forked_child() { return was_forked.load(std::memory_order_relaxed); }

std::map<std::string, std::uint64_t> call_counts() {
    std::map<std::string, std::uint64_t> found;
    for (const Counter& counter : counters) {
        const char* name = counter.name.load(std::memory_order_acquire);
        const std::uint64_t calls = counter.calls.load(std::memory_order_relaxed);
        if (name != nullptr && calls != 0) found[name] += calls;
    }
    return found;
}

void reset_call_counts() {
    for (Counter& counter : counters) counter.calls.store(0, std::memory_order_relaxed);
}

void watch_for_fork() {
    static const bool watched = [] {
        // The ledger's lock is held across the fork, so that the child can still count.
        pthread_atfork(lock_ledger, unlock_ledger, [] {
            unlock_ledger();
            was_forked.store(true);
        });
        return true;
    }();
    static_cast<void>(watched);
}

}  // namespace mgn::simulator

#pragma GCC visibility push(default)
extern "C" {

using mgn::acl::aclError;
using mgn::simulator::Call;

const char* aclGetRecentErrMsg() {
    const Call call("aclGetRecentErrMsg");
    mgn::simulator::Messages& own = mgn::simulator::messages();
    if (call.fault() != mgn::acl::kSuccess || own.recent.empty()) return nullptr;
    own.given.swap(own.recent);
    own.recent.clear();
    return own.given.c_str();
}

aclError aclrtPeekAtLastError(mgn::acl::aclrtLastErrLevel level) {
    const Call call("aclrtPeekAtLastError");
    if (call.fault() != mgn::acl::kSuccess) return call.fault();
    if (level != mgn::acl::ACL_RT_THREAD_LEVEL) {
        return call.fail(mgn::acl::kRtParamInvalid, "level is not ACL_RT_THREAD_LEVEL");
    }
    return mgn::simulator::messages().last;
}

aclError aclrtGetLastError(mgn::acl::aclrtLastErrLevel level) {
    const Call call("aclrtGetLastError");
    if (call.fault() != mgn::acl::kSuccess) return call.fault();
    if (level != mgn::acl::ACL_RT_THREAD_LEVEL) {
        return call.fail(mgn::acl::kRtParamInvalid, "level is not ACL_RT_THREAD_LEVEL");
    }
    const aclError last = mgn::simulator::messages().last;
    mgn::simulator::messages().last = mgn::acl::kSuccess;
    return last;
}

}  // extern "C"
#pragma GCC visibility pop
