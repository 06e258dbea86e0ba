// SPDX-License-Identifier: Apache-2.0
// Which device memory the executions that run now read and write: two that touch the same bytes,
// one of them writing, are unordered, because the streams of ordered ones never run at the same
// time. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace mgn::simulator {

struct Claim {
    const std::byte* begin = nullptr;
    const std::byte* end = nullptr;
    bool writes = false;
    const char* what = "";  // "input", "output", "work memory", "weights"
};

// Claims for `owner`. Empty if no other owner's claim is in the way, else what is; claimed all the
// same.
std::string claim_memory(const void* owner, const std::vector<Claim>& claims);
void release_memory(const void* owner);

}  // namespace mgn::simulator
