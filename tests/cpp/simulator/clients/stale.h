// SPDX-License-Identifier: Apache-2.0
// How programs say what one thread handed over and another saw too late.
#pragma once

#include <cstdint>
#include <cstdio>

inline void tell(const char* means, std::uint64_t rounds, std::uint64_t stale) {
    std::printf("%s %llu %llu\n", means, static_cast<unsigned long long>(rounds),
                static_cast<unsigned long long>(stale));
}
