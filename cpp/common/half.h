// SPDX-License-Identifier: Apache-2.0
// IEEE half precision without an instruction of any particular CPU. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace mgn {

// Exact for every value, a NaN's payload too; a loop of it can be vectorised.
inline float half_to_float(std::uint16_t half) {
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

inline void halves_to_floats(const std::uint16_t* halves, std::size_t count, float* values) {
    for (std::size_t i = 0; i < count; ++i) values[i] = half_to_float(halves[i]);
}

// Round to nearest, ties to even; beyond 65504 infinity.
inline std::uint16_t float_to_half(float value) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
    const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u) {  // NaN stays one even if its payload lies in the lost bits
        const std::uint32_t payload = (magnitude >> 13) & 0x3FFu;
        return static_cast<std::uint16_t>(sign | 0x7C00u | payload | (payload == 0 ? 0x200u : 0u));
    }
    if (magnitude >= 0x477FF000u) return static_cast<std::uint16_t>(sign | 0x7C00u);
    if (magnitude < 0x33000001u) return sign;  // at most half of the smallest subnormal
    const std::uint32_t exponent = magnitude >> 23;
    std::uint32_t fraction = (magnitude & 0x7FFFFFu) | 0x800000u;
    std::uint32_t dropped = 13;
    std::uint32_t half = 0;
    if (exponent < 113) {  // subnormal in half precision
        dropped += 113 - exponent;
    } else {
        half = (exponent - 113) << 10;
    }
    const std::uint32_t rest = fraction & ((1u << dropped) - 1);
    const std::uint32_t middle = 1u << (dropped - 1);
    fraction >>= dropped;
    half += fraction;  // the hidden bit carries into the exponent as it should
    if (rest > middle || (rest == middle && (half & 1u) != 0)) ++half;
    return static_cast<std::uint16_t>(sign | half);
}

}  // namespace mgn
