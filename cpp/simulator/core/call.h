// SPDX-License-Identifier: Apache-2.0
// One call of an exported function: counted, perhaps failed on demand, its errors kept for
// aclGetRecentErrMsg. Every exported function begins with one. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "acl/acl_errors.h"

namespace mgn::simulator {

using acl::aclError;

class Call {
public:
    // `name` is a literal: its address is kept.
    explicit Call(const char* name) : Call(name, false) {}

    const char* name() const noexcept { return name_; }

    // The code that this very call is to return, or 0: asked for by a test, missing by the
    // settings, or the process is a child of fork().
    aclError fault() const noexcept { return fault_; }

    // Whether the function must have no effect and return its fault at once. What looks something
    // up for a call (current_context, Registry::check and all that begin with them) asks first.
    bool is_stopped() const noexcept { return releases_ ? forked_ : fault_ != acl::kSuccess; }

    // The code that this object recorded last (a copy has its own), or 0: what to return where a
    // lookup with it found nothing.
    aclError code() const noexcept { return code_; }

    // The code that the task of this call fails with later, or 0.
    aclError deferred_fault() const noexcept { return deferred_; }

    // Records the text for aclGetRecentErrMsg and gives the code back.
    aclError fail(aclError code, const std::string& why) const;

    // As `fail`, for what the real runtime leaves undefined: counted in the ledger under the
    // call's name, and the end of the process where the settings say so. Code 0 only counts.
    aclError violation(aclError code, const std::string& rule, const std::string& why) const;

protected:
    Call(const char* name, bool releases);

private:
    const char* name_;
    aclError fault_ = acl::kSuccess;
    aclError deferred_ = acl::kSuccess;
    mutable aclError code_ = acl::kSuccess;
    bool forked_ = false;  // locks and memory belong to the parent, so touch neither
    bool releases_;
};

// A call of a function that releases something, which it does even where a test wants it to fail.
class ReleaseCall : public Call {
public:
    explicit ReleaseCall(const char* name) : Call(name, true) {}
};

// How often each function was called since the last reset.
std::map<std::string, std::uint64_t> call_counts();
void reset_call_counts();

// Counts a violation outside of a call (a task's, a leak's); ends the process where asked.
void report_violation(const char* call, const std::string& rule, const std::string& why);

// True in a child of fork() of an initialised process.
bool is_forked_child();

// The first aclInit asks for it: from then on a child of fork() is refused everything.
void watch_for_fork();

}  // namespace mgn::simulator
