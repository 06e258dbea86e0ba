// SPDX-License-Identifier: Apache-2.0
// What each generation of CANN has of what this library exports, and what else sets them apart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mgn::simulator {

struct Generation {
    const char* cann;                  // as the setting `cann` spells it
    std::int32_t acl_minor;            // of ACL's version, 1.x.0, which aclrtGetVersion tells
    std::uint32_t event_flags;         // that aclrtCreateEventWithFlag knows
    bool runs_models_by_kind = false;  // loads an .om for another chip of the same kind
};

constexpr const char* kNewestGeneration = "9.1";

// Null for a name that is none.
const Generation* find_generation(std::string_view cann);

// All names, oldest first, separated by ", ".
std::string generation_names();

// The names of the functions that came after this generation, each followed by a comma.
std::string functions_after(const Generation& generation);

// Every function and the generation that it first is in, as one JSON object.
std::string generations_json();

}  // namespace mgn::simulator
