// SPDX-License-Identifier: Apache-2.0
// The armed faults, under one lock that only processes with faults ever take.
#include "simulator/core/faults.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace mgn::simulator {

std::atomic<bool> faults_are_armed{false};

namespace {

// The functions that queue a task, whose failure can therefore come later.
constexpr std::array<std::string_view, 13> kQueueing = {
    "aclrtMemcpyAsync",     "aclrtMemsetAsync",    "aclrtRecordEvent",    "aclrtResetEvent",
    "aclrtStreamWaitEvent", "aclrtLaunchCallback", "aclrtLaunchHostFunc", "aclmdlExecuteAsync",
    "aclmdlExecuteAsyncV2", "aclmdlExecute",       "aclmdlExecuteV2",     "aclrtMemcpy",
    "aclrtMemset"};

bool queues(std::string_view name) {
    return std::find(kQueueing.begin(), kQueueing.end(), name) != kQueueing.end();
}

struct Armed {
    std::string call;
    std::uint64_t left;
    acl::aclError code;
    bool at_synchronise;
};

struct State {
    std::mutex mutex;
    std::vector<Armed> armed;
    std::set<std::string, std::less<>> missing;
};

State& state() {
    static State* const kept = new State;
    return *kept;
}

void update_flag(const State& of) {
    faults_are_armed.store(!of.armed.empty() || !of.missing.empty(), std::memory_order_release);
}

bool is_exported(const std::string& name) {
    Dl_info here{};
    if (name.compare(0, 3, "acl") != 0 || dladdr(&faults_are_armed, &here) == 0) return false;
    void* const self = dlopen(here.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    if (self == nullptr) return false;
    Dl_info there{};
    void* const found = dlsym(self, name.c_str());
    const bool ours =
        found != nullptr && dladdr(found, &there) != 0 && there.dli_fbase == here.dli_fbase;
    dlclose(self);
    return ours;
}

bool is_for(const Armed& fault, std::string_view name) {
    if (fault.call != "*") return fault.call == name;
    if (name == "aclGetRecentErrMsg") return false;  // part of how the others' failures are told
    return !fault.at_synchronise || queues(name);
}

}  // namespace

Fault take_fault(const char* name) {
    Fault found;
    State& all = state();
    const std::lock_guard lock(all.mutex);
    found.missing = all.missing.find(std::string_view(name)) != all.missing.end();
    for (Armed& fault : all.armed) {
        if (!is_for(fault, name) || --fault.left != 0) continue;
        (fault.at_synchronise ? found.later : found.now) = fault.code;
    }
    const auto spent = [](const Armed& fault) { return fault.left == 0; };
    all.armed.erase(std::remove_if(all.armed.begin(), all.armed.end(), spent), all.armed.end());
    update_flag(all);
    return found;
}

void arm_fault(const std::string& call, std::uint64_t nth, acl::aclError code,
               bool at_synchronise) {
    if (nth == 0) throw std::invalid_argument("the call to fail is number 0, expected 1 or more");
    if (code == acl::kSuccess) throw std::invalid_argument("code is 0, expected an error code");
    if (call != "*" && !is_exported(call)) {
        throw std::invalid_argument("\"" + call +
                                    "\" is no function that the simulator exports and can fail");
    }
    if (at_synchronise && call != "*" && !queues(call)) {
        throw std::invalid_argument(call + " queues no task, so it cannot fail later");
    }
    State& all = state();
    const std::lock_guard lock(all.mutex);
    all.armed.push_back({call, nth, code, at_synchronise});
    update_flag(all);
}

void disarm_faults() {
    State& all = state();
    const std::lock_guard lock(all.mutex);
    all.armed.clear();
    update_flag(all);
}

void set_missing_calls(const std::string& names) {
    State& all = state();
    const std::lock_guard lock(all.mutex);
    all.missing.clear();
    std::size_t start = 0;
    while (start < names.size()) {
        const std::size_t end = std::min(names.find(',', start), names.size());
        if (end > start) all.missing.insert(names.substr(start, end - start));
        start = end + 1;
    }
    update_flag(all);
}

}  // namespace mgn::simulator
