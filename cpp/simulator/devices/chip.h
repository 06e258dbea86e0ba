// SPDX-License-Identifier: Apache-2.0
// What one kind of chip has and another has not. Any thread.
#pragma once

#include <cstdint>
#include <string>

namespace mgn::simulator {

struct Chip {
    const char* prefix;             // what names of this kind begin with
    std::uint32_t num_streams = 0;  // of one device
    std::uint32_t num_events = 0;
    bool has_hbm = false;           // else DDR
    bool can_abort_streams = false;
};

// The kind that the settings' soc_version is of. A name of no known kind is taken for a 310P.
const Chip& chip();

// Whether an .om for that chip runs here: up to CANN 8.5 of the same name, from 9.1 on of its kind.
bool runs_models_for(const std::string& soc_version);

// Of one device: what the settings say, or else what its kind has.
std::uint32_t most_streams();
std::uint32_t most_events();

}  // namespace mgn::simulator
