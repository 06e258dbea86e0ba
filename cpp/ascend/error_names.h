// SPDX-License-Identifier: Apache-2.0
// What AscendCL's return codes mean: there is no function of the vendor's that says so.
#pragma once

#include <string>

namespace mgn::ascend {

// "ACL_ERROR_RT_MEMORY_ALLOCATION"; empty for a code that no header up to CANN 9.1 has.
std::string error_name(int code);

// What to do about it; empty where nothing short helps.
std::string error_remedy(int code);

// True where memory was lacking, on the device or for it on the host.
bool is_out_of_memory(int code);

// True for what a chip or a library answers that does not have the feature.
bool is_unsupported(int code);

// True for a wait that took too long: no failure, what is waited for goes on.
bool is_timeout(int code);

// True after what leaves the device's state unknown: all that lives on it has to be closed.
bool is_device_lost(int code);

}  // namespace mgn::ascend
