// SPDX-License-Identifier: Apache-2.0
// Layout, mirror and normalisation of a resized picture.
#include "image/pack.h"

#include <cstring>

namespace mgn::image {
namespace {

constexpr std::size_t kLevels = 256;

// A pixel has 256 values, so the exact quotients are looked up instead of divided again.
using Levels = std::array<float, kLevels>;

Levels make_levels(float mean, float deviation) {
    Levels levels;
    for (std::size_t level = 0; level < kLevels; ++level) {
        levels[level] = (static_cast<float>(level) / 255.0F - mean) / deviation;
    }
    return levels;
}

}  // namespace

void pack_normalised(ConstPixels input, float* output, const Normalisation& normalisation,
                     bool mirror) {
    const std::size_t width = input.width;
    for (std::size_t channel = 0; channel < kChannels; ++channel) {
        const Levels levels =
            make_levels(normalisation.mean[channel], normalisation.deviation[channel]);
        for (std::size_t y = 0; y < input.height; ++y) {
            const std::uint8_t* row = input.row(y) + channel;
            float* const out = output + (channel * input.height + y) * width;
            if (mirror) {
                for (std::size_t x = 0; x < width; ++x) {
                    out[width - 1 - x] = levels[row[x * kChannels]];
                }
            } else {
                for (std::size_t x = 0; x < width; ++x) out[x] = levels[row[x * kChannels]];
            }
        }
    }
}

void pack_bytes(ConstPixels input, std::uint8_t* output, bool mirror) {
    const std::size_t row_bytes = input.width * kChannels;
    if (!mirror) {
        std::memcpy(output, input.data, input.height * row_bytes);
        return;
    }
    for (std::size_t y = 0; y < input.height; ++y) {
        const std::uint8_t* row = input.row(y);
        std::uint8_t* const end = output + (y + 1) * row_bytes;
        for (std::size_t x = 0; x < input.width; ++x) {
            std::memcpy(end - (x + 1) * kChannels, row + x * kChannels, kChannels);
        }
    }
}

}  // namespace mgn::image
