// SPDX-License-Identifier: Apache-2.0
// Faults that tests ask for: the n-th call of a function fails, now or at the next synchronise.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "acl/acl_errors.h"

namespace mgn::simulator {

// Reads one flag, so that a process without faults pays nothing.
extern std::atomic<bool> faults_are_armed;

struct Fault {
    acl::aclError now = acl::kSuccess;
    acl::aclError later = acl::kSuccess;
    bool missing = false;  // the settings hide this function
};

// What this call of `name` is to do; counts it against the faults that wait for it.
Fault take_fault(const char* name);

// `call` is a function's name or "*"; `nth` counts from the next call, 1. Throws
// std::invalid_argument for a name this library does not export and for what cannot be deferred.
void arm_fault(const std::string& call, std::uint64_t nth, acl::aclError code, bool at_synchronise);
void disarm_faults();

// Names separated by commas, as `missing_calls` gives them.
void set_missing_calls(const std::string& names);

}  // namespace mgn::simulator
