// SPDX-License-Identifier: Apache-2.0
// IEEE half to single precision, exact for every value: a loop the compiler can vectorise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace mgn::ascend {

inline float to_float(std::uint16_t half) {
    const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
    const std::uint32_t magnitude = static_cast<std::uint32_t>(half & 0x7FFFu) << 13;
    // As a float this is the value times 2^-112, subnormal halves included; infinity and NaN need
    // the largest exponent put back.
    float scaled;
    std::memcpy(&scaled, &magnitude, sizeof(scaled));
    scaled *= 0x1p112f;
    std::uint32_t bits;
    std::memcpy(&bits, &scaled, sizeof(bits));
    bits |= magnitude >= 0x7C00u << 13 ? 0x7F800000u : 0u;
    bits |= sign;
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
}

inline void to_floats(const std::uint16_t* halves, std::size_t count, float* values) {
    for (std::size_t i = 0; i < count; ++i) values[i] = to_float(halves[i]);
}

}  // namespace mgn::ascend
