// SPDX-License-Identifier: Apache-2.0
// Tells the client's exception callback of tasks that failed. Any thread.
#pragma once

#include <cstdint>

#include "simulator/core/call.h"

namespace mgn::simulator {

void tell_exception(std::uint32_t device, std::uint64_t stream, std::uint64_t task, aclError code);

// Forgets the callback, at aclFinalize.
void forget_exception_callback();

}  // namespace mgn::simulator
