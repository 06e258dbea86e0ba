// SPDX-License-Identifier: Apache-2.0
// Resizing in plain loops, which the compiler vectorises for the baseline of any CPU.
#include <algorithm>

#include "image/kernels.h"
#include "image/taps.h"

namespace mgn::image {
namespace {

constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);
constexpr std::size_t kChannels = 3;
constexpr std::size_t kGroup = 4;

std::uint8_t to_byte(std::int32_t sum) {
    return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

std::size_t table_bytes(const RowTaps&) { return 0; }

void fill_table(const RowTaps&, std::uint8_t*) {}

void scale_row(const std::uint8_t* input, const RowTaps& taps, const std::uint8_t*,
               std::uint8_t* output) {
    const std::int32_t* weights = taps.weights;
    for (std::size_t x = 0; x < taps.output_width; ++x, weights += taps.stride) {
        const std::uint8_t* pixel = input + taps.first[x] * kChannels;
        std::int32_t red = kHalf, green = kHalf, blue = kHalf;
        for (std::size_t k = 0; k < taps.stride; k += kGroup, pixel += kGroup * kChannels) {
            const std::int32_t* w = weights + k;
            red += pixel[0] * w[0] + pixel[3] * w[1] + pixel[6] * w[2] + pixel[9] * w[3];
            green += pixel[1] * w[0] + pixel[4] * w[1] + pixel[7] * w[2] + pixel[10] * w[3];
            blue += pixel[2] * w[0] + pixel[5] * w[1] + pixel[8] * w[2] + pixel[11] * w[3];
        }
        output[x * kChannels] = to_byte(red);
        output[x * kChannels + 1] = to_byte(green);
        output[x * kChannels + 2] = to_byte(blue);
    }
}

void blend_rows(const std::uint8_t* const* rows, const std::int32_t* weights, std::size_t taps,
                std::uint8_t* output, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; i += kVectorBytes) {
        std::int32_t sums[kVectorBytes];
        std::fill(sums, sums + kVectorBytes, kHalf);
        for (std::size_t k = 0; k < taps; ++k) {
            const std::uint8_t* row = rows[k] + i;
            const std::int32_t weight = weights[k];
            for (std::size_t j = 0; j < kVectorBytes; ++j) sums[j] += row[j] * weight;
        }
        std::transform(sums, sums + kVectorBytes, output + i, to_byte);
    }
}

}  // namespace

const ResizeKernels kResizeScalar = {table_bytes, fill_table, scale_row, blend_rows};

}  // namespace mgn::image
