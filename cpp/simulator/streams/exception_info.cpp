// SPDX-License-Identifier: Apache-2.0
// aclrtSetExceptionInfoCallback and what its callback may ask.
#include "simulator/streams/exception_info.h"

#include <pthread.h>

#include <atomic>

#include "simulator/devices/context.h"
#include "simulator/streams/streams.h"

namespace mgn::acl {

struct aclrtExceptionInfo {
    std::uint32_t task;
    std::uint32_t stream;
    std::uint32_t thread;
    std::uint32_t device;
    std::uint32_t code;
};

}  // namespace mgn::acl

namespace mgn::simulator {
namespace {

std::atomic<acl::aclrtExceptionInfoCallback> exception_callback{nullptr};

constexpr std::uint32_t kNothing = 0xFFFFFFFF;

std::uint32_t ask(const char* name, const acl::aclrtExceptionInfo* info,
                  std::uint32_t acl::aclrtExceptionInfo::* field) {
    const Call call(name);
    if (call.is_stopped()) return kNothing;
    if (info == nullptr) {
        call.fail(acl::kInvalidParam, "the information is null");
        return kNothing;
    }
    return info->*field;
}

}  // namespace

void tell_exception(std::uint32_t device, std::uint64_t stream, std::uint64_t task, aclError code) {
    const auto callback = exception_callback.load();
    if (callback == nullptr) return;
    acl::aclrtExceptionInfo info{
        static_cast<std::uint32_t>(task), static_cast<std::uint32_t>(stream),
        static_cast<std::uint32_t>(pthread_self()), device, static_cast<std::uint32_t>(code)};
    const InCallback inside;
    callback(&info);
}

void forget_exception_callback() { exception_callback.store(nullptr); }

}  // namespace mgn::simulator

using mgn::acl::aclrtExceptionInfo;
using mgn::simulator::ask;
using mgn::simulator::Call;

#pragma GCC visibility push(default)
extern "C" {

mgn::acl::aclError aclrtSetExceptionInfoCallback(mgn::acl::aclrtExceptionInfoCallback callback) {
    const Call call("aclrtSetExceptionInfoCallback");
    if (const auto code = mgn::simulator::check_initialized(call)) return code;
    mgn::simulator::exception_callback.store(callback);
    return mgn::acl::kSuccess;
}

std::uint32_t aclrtGetTaskIdFromExceptionInfo(const aclrtExceptionInfo* info) {
    return ask("aclrtGetTaskIdFromExceptionInfo", info, &aclrtExceptionInfo::task);
}

std::uint32_t aclrtGetStreamIdFromExceptionInfo(const aclrtExceptionInfo* info) {
    return ask("aclrtGetStreamIdFromExceptionInfo", info, &aclrtExceptionInfo::stream);
}

std::uint32_t aclrtGetThreadIdFromExceptionInfo(const aclrtExceptionInfo* info) {
    return ask("aclrtGetThreadIdFromExceptionInfo", info, &aclrtExceptionInfo::thread);
}

std::uint32_t aclrtGetDeviceIdFromExceptionInfo(const aclrtExceptionInfo* info) {
    return ask("aclrtGetDeviceIdFromExceptionInfo", info, &aclrtExceptionInfo::device);
}

std::uint32_t aclrtGetErrorCodeFromExceptionInfo(const aclrtExceptionInfo* info) {
    return ask("aclrtGetErrorCodeFromExceptionInfo", info, &aclrtExceptionInfo::code);
}

}  // extern "C"
#pragma GCC visibility pop
