// SPDX-License-Identifier: Apache-2.0
// Packing by looking every byte up.
#include <cstring>

#include "image/kernels.h"

namespace mgn::image {
namespace {

constexpr std::size_t kChannels = 3;

template <typename Element>
void look_up(const Strip& strip, const Element (&levels)[3][256], const Planes<Element>& output) {
    for (std::size_t channel = 0; channel < kChannels; ++channel) {
        const Element* level = levels[channel];
        for (std::size_t y = 0; y < strip.rows; ++y) {
            const std::uint8_t* row = strip.pixels + y * strip.stride + channel;
            const std::size_t offset = y * strip.width;
            if (output.plain[channel] != nullptr) {
                Element* const out = output.plain[channel] + offset;
                for (std::size_t x = 0; x < strip.width; ++x) out[x] = level[row[x * kChannels]];
            }
            if (output.mirrored[channel] != nullptr) {
                Element* const out = output.mirrored[channel] + offset + strip.width - 1;
                for (std::size_t x = 0; x < strip.width; ++x)
                    *(out - x) = level[row[x * kChannels]];
            }
        }
    }
}

void floats(const Strip& strip, const Levels& levels, const Planes<float>& output) {
    look_up(strip, levels.value, output);
}

void halves(const Strip& strip, const Levels& levels, const Planes<std::uint16_t>& output) {
    look_up(strip, levels.half, output);
}

void bytes(const Strip& strip, std::uint8_t* plain, std::uint8_t* mirrored, bool) {
    const std::size_t row_bytes = strip.width * kChannels;
    for (std::size_t y = 0; y < strip.rows; ++y) {
        const std::uint8_t* row = strip.pixels + y * strip.stride;
        if (plain != nullptr) std::memcpy(plain + y * row_bytes, row, row_bytes);
        if (mirrored == nullptr) continue;
        std::uint8_t* const end = mirrored + (y + 1) * row_bytes;
        for (std::size_t x = 0; x < strip.width; ++x) {
            std::memcpy(end - (x + 1) * kChannels, row + x * kChannels, kChannels);
        }
    }
}

void finish() {}

}  // namespace

const PackKernels kPackScalar = {floats, halves, bytes, finish};

}  // namespace mgn::image
