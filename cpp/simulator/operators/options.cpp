// SPDX-License-Identifier: Apache-2.0
// Options of the compiler of operators: kept for the process, and read by nothing else.
#include <cstring>
#include <map>
#include <mutex>

#include "simulator/operators/operators.h"

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

namespace {

struct Options {
    std::mutex mutex;  // taken last
    std::map<int, std::string> values;
};

Options& options() {
    static auto* const kept = new Options;
    return *kept;
}

Registry<aclGraphDumpOption>& dump_options() {
    static auto* const registry = new Registry<aclGraphDumpOption>("graph_dump_option");
    return *registry;
}

// The option with the zero at its end; 0 bytes where it was never set.
std::size_t option_bytes(aclCompileOpt option, std::string* value) {
    const std::lock_guard lock(options().mutex);
    const auto found = options().values.find(option);
    if (found == options().values.end()) return 0;
    if (value != nullptr) *value = found->second;
    return found->second.size() + 1;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

aclError aclSetCompileopt(aclCompileOpt opt, const char* value) {
    const Call call("aclSetCompileopt");
    if (call.is_stopped()) return call.fault();
    if (value == nullptr) return call.fail(kInvalidParam, "value is null");
    const std::lock_guard lock(options().mutex);
    options().values[opt] = value;
    return kSuccess;
}

std::size_t aclGetCompileoptSize(aclCompileOpt opt) {
    return Call("aclGetCompileoptSize").is_stopped() ? 0 : option_bytes(opt, nullptr);
}

aclError aclGetCompileopt(aclCompileOpt opt, char* value, std::size_t length) {
    const Call call("aclGetCompileopt");
    if (call.is_stopped()) return call.fault();
    std::string kept;
    const std::size_t bytes = option_bytes(opt, &kept);
    if (bytes == 0) {
        return call.fail(kInvalidParam, "option " + std::to_string(opt) + " was never set");
    }
    if (value == nullptr || length < bytes) {
        return call.fail(kInvalidParam, "value is null, or " + std::to_string(length) +
                                            " bytes for the option's " + std::to_string(bytes));
    }
    std::memcpy(value, kept.c_str(), bytes);
    return kSuccess;
}

aclError aclopSetCompileFlag(aclOpCompileFlag flag) {
    const Call call("aclopSetCompileFlag");
    if (call.is_stopped()) return call.fault();
    if (flag == ACL_OP_COMPILE_DEFAULT || flag == ACL_OP_COMPILE_FUZZ) return kSuccess;
    return call.fail(kInvalidParam, "flag is " + std::to_string(flag) + ", expected 0 or 1");
}

aclError aclopSetMaxOpQueueNum(std::uint64_t maxOpNum) {
    const Call call("aclopSetMaxOpQueueNum");
    if (call.is_stopped()) return call.fault();
    return maxOpNum > 0 ? kSuccess : call.fail(kInvalidParam, "maxOpNum is 0, expected 1 or more");
}

aclGraphDumpOption* aclCreateGraphDumpOpt() {
    return dump_options().add(Call("aclCreateGraphDumpOpt"),
                              std::make_unique<aclGraphDumpOption>());
}

aclError aclDestroyGraphDumpOpt(const aclGraphDumpOption* graphDumpOpt) {
    return dump_options().destroy(ReleaseCall("aclDestroyGraphDumpOpt"), graphDumpOpt,
                                  "graphDumpOpt");
}

}  // extern "C"
#pragma GCC visibility pop
