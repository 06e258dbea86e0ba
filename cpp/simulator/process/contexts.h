// SPDX-License-Identifier: Apache-2.0
// What setting and resetting devices does to contexts. Any thread.
#pragma once

#include <cstdint>

#include "simulator/core/call.h"

namespace mgn::simulator {

// The process's default context of the device, made where needed, becomes current; the device's
// count goes up by one.
aclError set_device(const Call& call, std::int64_t device);

// Counts down (to nothing, if forced); with the last one the default context goes.
aclError reset_device(const Call& call, std::int64_t device, bool forced);

// At aclFinalize: every stream, event and context goes, tasks that are queued do not run.
void destroy_everything();

}  // namespace mgn::simulator
