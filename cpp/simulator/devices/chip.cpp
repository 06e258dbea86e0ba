// SPDX-License-Identifier: Apache-2.0
// The kinds of chips, by the limits and the support that the runtime's documents tell of each.
#include "simulator/devices/chip.h"

#include <string_view>

#include "simulator/core/generations.h"
#include "simulator/core/settings.h"

namespace mgn::simulator {
namespace {

// The first prefix that fits counts.
constexpr Chip kChips[] = {
    {"Ascend310P", 1024, 1023, false, false},  {"Ascend310B", 512, 65536, false, false},
    {"Ascend310", 1024, 1023, false, false},   {"Ascend910B", 1984, 65536, true, true},
    {"Ascend910_93", 1984, 65536, true, true}, {"Ascend910", 2048, 65535, true, false},
    {"Ascend950", 1984, 65536, true, true},
};

const Chip& kind_of(std::string_view name) {
    for (const Chip& kind : kChips) {
        if (name.substr(0, std::string_view(kind.prefix).size()) == kind.prefix) return kind;
    }
    return kChips[0];
}

}  // namespace

const Chip& chip() { return kind_of(settings().soc_version); }

bool runs_models_for(const std::string& soc_version) {
    if (soc_version == settings().soc_version) return true;
    const Generation& generation = *find_generation(settings().cann);
    return generation.runs_models_by_kind && &kind_of(soc_version) == &chip();
}

std::uint32_t most_streams() {
    return settings().streams_per_device.value_or(chip().num_streams);
}

std::uint32_t most_events() { return settings().events_per_device.value_or(chip().num_events); }

}  // namespace mgn::simulator
