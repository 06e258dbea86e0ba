// SPDX-License-Identifier: Apache-2.0
// Quotients are taken here by true division, once per thread and normalisation.
#include "image/levels.h"

#include <cmath>
#include <cstring>
#include <memory>
#include <string>

#include "common/errors.h"

namespace mgn::image {
namespace {

constexpr std::size_t kLevels = 256;

template <typename To, typename From>
To bits_of(From value) {
    static_assert(sizeof(To) == sizeof(From), "the same number of bits");
    To bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

// float32 to binary16, ties to even; every CPU gives the same, also those without an instruction.
std::uint16_t to_half(float value) {
    const auto bits = bits_of<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000);
    const std::uint32_t magnitude = bits & 0x7FFFFFFF;
    if (magnitude > 0x7F800000) {  // NaN keeps its upper bits and becomes quiet
        return static_cast<std::uint16_t>(sign | 0x7E00 | (magnitude >> 13 & 0x3FF));
    }
    constexpr std::uint32_t overflow = 0x477FF000;  // 65520: halfway between 65504 and infinity
    constexpr std::uint32_t smallest_normal = 0x38800000;
    if (magnitude >= overflow) return static_cast<std::uint16_t>(sign | 0x7C00);
    if (magnitude < smallest_normal) {
        // Adding 0.5 leaves the subnormal's steps of 2^-24 in the last places, rounded.
        const float shifted = bits_of<float>(magnitude) + 0.5F;
        return static_cast<std::uint16_t>(sign | (bits_of<std::uint32_t>(shifted) - 0x3F000000));
    }
    constexpr std::uint32_t rebias = (127 - 15) << 23;
    const std::uint32_t odd = magnitude >> 13 & 1;
    return static_cast<std::uint16_t>(sign | ((magnitude - rebias + 0xFFF + odd) >> 13));
}

void set_reciprocal(float value, float* parts) {
    const double exact = 1.0 / static_cast<double>(value);
    parts[0] = static_cast<float>(exact);
    parts[1] = static_cast<float>(exact - static_cast<double>(parts[0]));
}

float times(float value, const float* parts) { return std::fma(value, parts[0], value * parts[1]); }

void fill_channel(std::size_t channel, float scale, float mean, float deviation, Levels& levels) {
    levels.mean[channel] = mean;
    set_reciprocal(deviation, levels.reciprocal[channel]);
    for (std::size_t x = 0; x < kLevels; ++x) {
        const auto level = static_cast<float>(x);
        const float value = (level / scale - mean) / deviation;
        const float by_product =
            times(times(level, levels.reciprocal_scale) - mean, levels.reciprocal[channel]);
        const auto bits = bits_of<std::uint32_t>(value);
        levels.reciprocals_exact &= bits_of<std::uint32_t>(by_product) == bits;
        levels.value[channel][x] = value;
        levels.half[channel][x] = to_half(value);
        for (std::size_t byte = 0; byte < 4; ++byte) {
            levels.value_bytes[channel][byte][x] = static_cast<std::uint8_t>(bits >> (8 * byte));
        }
        for (std::size_t byte = 0; byte < 2; ++byte) {
            levels.half_bytes[channel][byte][x] =
                static_cast<std::uint8_t>(levels.half[channel][x] >> (8 * byte));
        }
    }
}

void fill(const Normalisation& normalisation, Levels& levels) {
    levels.reciprocals_exact = true;
    set_reciprocal(normalisation.scale, levels.reciprocal_scale);
    for (std::size_t channel = 0; channel < kChannels; ++channel) {
        fill_channel(channel, normalisation.scale, normalisation.mean[channel],
                     normalisation.deviation[channel], levels);
    }
}

void require_scale(float scale) {
    if (std::isfinite(scale) && scale > 0.0F) return;
    throw InvalidInput("scale is " + std::to_string(scale) +
                       " in float32, expected a finite number above 0");
}

bool same_bits(const Normalisation& a, const Normalisation& b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
}

}  // namespace

const Levels& levels_of(const Normalisation& normalisation) {
    require_scale(normalisation.scale);
    struct Last {
        Normalisation normalisation;
        Levels levels;
    };
    thread_local std::unique_ptr<Last> last;
    if (last == nullptr) {
        last = std::make_unique<Last>();
    } else if (same_bits(last->normalisation, normalisation)) {
        return last->levels;
    }
    last->normalisation = normalisation;
    fill(normalisation, last->levels);
    return last->levels;
}

}  // namespace mgn::image
