// SPDX-License-Identifier: Apache-2.0
// IEEE half precision in plain integers, so that it needs no instruction of any CPU. Any thread.
#pragma once

#include <cstdint>
#include <cstring>

namespace mgn::simulator {

// Exact; a NaN keeps its sign and the payload that fits.
inline float half_to_float(std::uint16_t half) {
    const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
    const std::uint32_t exponent = (half >> 10) & 0x1Fu;
    const std::uint32_t fraction = half & 0x3FFu;
    if (exponent == 0) {  // zero or subnormal: fraction * 2^-24, which a float holds exactly
        const float magnitude = static_cast<float>(fraction) * 5.9604644775390625e-08f;
        return sign != 0 ? -magnitude : magnitude;
    }
    const std::uint32_t wide = exponent == 0x1Fu ? 0xFFu : exponent + (127 - 15);
    const std::uint32_t bits = sign | (wide << 23) | (fraction << 13);
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
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

}  // namespace mgn::simulator
