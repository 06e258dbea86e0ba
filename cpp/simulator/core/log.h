// SPDX-License-Identifier: Apache-2.0
// What the real runtime writes into its log files: here to stderr, where MGN_FAST_SIMULATOR_LOG
// asks for it. Any thread.
#pragma once

#include <string>

namespace mgn::simulator {

bool log_is_wanted();

// One line, behind the simulator's name; nothing where no log is wanted.
void log_line(const std::string& text);

}  // namespace mgn::simulator
