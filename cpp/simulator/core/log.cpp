// SPDX-License-Identifier: Apache-2.0
// The log, and the function by which programs write into it.
#include "simulator/core/log.h"

#include <array>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "acl/acl_errors.h"
#include "simulator/core/settings.h"

namespace mgn::simulator {

bool log_is_wanted() {
    const char* const wanted = std::getenv("MGN_FAST_SIMULATOR_LOG");
    return wanted != nullptr && *wanted != '\0';
}

void log_line(const std::string& text) {
    if (log_is_wanted()) std::fprintf(stderr, "mgn_fast simulator: %s\n", text.c_str());
}

acl::aclError refuse(const Call& call, const std::string& lacks) {
    if (call.is_stopped()) return call.fault();
    const std::string why = "the simulated " + settings().soc_version + " " + lacks;
    log_line(std::string(call.name()) + " is not supported: " + why);
    return call.fail(acl::kFeatureUnsupported, why);
}

}  // namespace mgn::simulator

namespace {

constexpr std::size_t kMostBytes = 1024;  // of a message, as the vendor's
constexpr std::array<const char*, 4> kLevels = {"DEBUG", "INFO", "WARNING", "ERROR"};

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

enum aclLogLevel : int { ACL_DEBUG = 0, ACL_INFO = 1, ACL_WARNING = 2, ACL_ERROR = 3 };

void aclAppLog(aclLogLevel logLevel, const char* func, const char* file, std::uint32_t line,
               const char* fmt, ...) {
    const mgn::simulator::Call call("aclAppLog");
    if (call.is_stopped() || fmt == nullptr || !mgn::simulator::log_is_wanted()) return;
    std::array<char, kMostBytes> message{};
    va_list arguments;
    va_start(arguments, fmt);
    std::vsnprintf(message.data(), message.size(), fmt, arguments);
    va_end(arguments);
    const auto level = static_cast<std::size_t>(logLevel);
    mgn::simulator::log_line(std::string(level < kLevels.size() ? kLevels[level] : "?") + " " +
                             (file != nullptr ? file : "") + ":" + std::to_string(line) + " " +
                             (func != nullptr ? func : "") + ": " + message.data());
}

}  // extern "C"
#pragma GCC visibility pop
