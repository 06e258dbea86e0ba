// SPDX-License-Identifier: Apache-2.0
// What the real runtime writes into its log files: here to stderr, where MGN_FAST_SIMULATOR_LOG
// asks for it. Any thread.
#pragma once

#include <string>

#include "simulator/core/call.h"

namespace mgn::simulator {

bool log_is_wanted();

// One line, behind the simulator's name; nothing where no log is wanted.
void log_line(const std::string& text);

// The answer of a function whose hardware is not simulated: 200006, and in the log too, because
// many programs do not look at codes. `lacks` follows the chip's name and says what to do instead.
acl::aclError refuse(const Call& call, const std::string& lacks);

}  // namespace mgn::simulator
