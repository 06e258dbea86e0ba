// SPDX-License-Identifier: Apache-2.0
// Static AIPP through a table of the 256 levels of each channel.
#include "simulator/execution/static_aipp.h"

#include <array>

#include "common/half.h"

namespace mgn::simulator {

namespace {

float rounded(float value) { return half_to_float(float_to_half(value)); }

// A float holds the exact difference or product of two halves, so rounding once is the half result.
std::array<float, 256> levels(float min_chn, float var_reci) {
    std::array<float, 256> table{};
    for (std::size_t level = 0; level < table.size(); ++level) {
        const float centred = rounded(static_cast<float>(level) - rounded(min_chn));
        table[level] = rounded(centred * rounded(var_reci));
    }
    return table;
}

}  // namespace

void apply_static_aipp(const StaticAipp& aipp, const std::byte* pixels, std::size_t images,
                       std::vector<float>& out) {
    const auto& dims = aipp.source.dims;
    const std::size_t plane = static_cast<std::size_t>(dims[1]) * static_cast<std::size_t>(dims[2]);
    if (out.size() < images * 3 * plane) out.resize(images * 3 * plane);
    for (std::size_t channel = 0; channel < 3; ++channel) {
        const auto table = levels(aipp.min_chn[channel], aipp.var_reci[channel]);
        for (std::size_t image = 0; image < images; ++image) {
            const std::byte* const from = pixels + image * 3 * plane + channel;
            float* const to = out.data() + (image * 3 + channel) * plane;
            for (std::size_t at = 0; at < plane; ++at) {
                to[at] = table[std::to_integer<std::size_t>(from[3 * at])];
            }
        }
    }
}

}  // namespace mgn::simulator
