// SPDX-License-Identifier: Apache-2.0
// Host callbacks as the rest of the runtime part sees them. Any thread.
#pragma once

#include "simulator/streams/worker.h"

namespace mgn::simulator {

// The stream goes: what waits for its callbacks goes on. True if it was subscribed.
bool forget_subscription(const Stream& stream);

// At aclFinalize.
void forget_callbacks();

}  // namespace mgn::simulator
