// SPDX-License-Identifier: Apache-2.0
// Resizing with NEON: bytes become 32-bit lanes by one table look-up each, and a weight is a lane
// that four of them are multiplied by. The sums are exact, so any order gives Pillow's bytes.
// Products of single bytes (SDOT) would need three for a weight, and their sums put together: with
// four taps, which is what enlarging has, that saves nothing.
#include <arm_neon.h>

#include "image/kernels.h"

namespace mgn::image {
namespace {

constexpr std::size_t kGroup = 4;
constexpr std::size_t kChannels = 3;
constexpr std::size_t kQuad = 4;  // pixels scaled at a time
constexpr std::size_t kVector = 16;

// Which bytes of sixteen become lanes, one after another; 255 is none of them, which gives 0.
struct Lanes {
    std::uint8_t byte[4][kVector];
};

// Lane `lane` of look-up i holds byte 4 i + lane.
constexpr Lanes make_lanes_of_columns() {
    Lanes lanes = {};
    for (std::size_t i = 0; i < 4; ++i) {
        for (std::size_t at = 0; at < kVector; ++at) {
            lanes.byte[i][at] = at % 4 == 0 ? static_cast<std::uint8_t>(4 * i + at / 4) : 255;
        }
    }
    return lanes;
}

// Look-up i holds red, green, blue and nothing of pixel i.
constexpr Lanes make_lanes_of_pixels() {
    Lanes lanes = {};
    for (std::size_t i = 0; i < 4; ++i) {
        for (std::size_t at = 0; at < kVector; ++at) {
            const bool some = at % 4 == 0 && at / 4 < kChannels;
            lanes.byte[i][at] = some ? static_cast<std::uint8_t>(kChannels * i + at / 4) : 255;
        }
    }
    return lanes;
}

constexpr Lanes kColumns = make_lanes_of_columns();
constexpr Lanes kPixels = make_lanes_of_pixels();

struct Spread {
    uint8x16_t order[4];

    explicit Spread(const Lanes& lanes)
        : order{vld1q_u8(lanes.byte[0]), vld1q_u8(lanes.byte[1]), vld1q_u8(lanes.byte[2]),
                vld1q_u8(lanes.byte[3])} {}

    int32x4_t of(uint8x16_t bytes, int i) const {
        return vreinterpretq_s32_u8(vqtbl1q_u8(bytes, order[i]));
    }
};

// Sixteen sums, rounded and clamped. Half of 2^22 above the lowest 16 bits of a sum is 32
// above the lowest 6 of its upper half, and nothing below can carry into that.
uint8x16_t to_bytes(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d) {
    constexpr int kLeft = 22 - 16;  // of taps.h: kWeightBits
    const int16x8_t low = vuzp2q_s16(vreinterpretq_s16_s32(a), vreinterpretq_s16_s32(b));
    const int16x8_t high = vuzp2q_s16(vreinterpretq_s16_s32(c), vreinterpretq_s16_s32(d));
    return vqrshrun_high_n_s16(vqrshrun_n_s16(low, kLeft), high, kLeft);
}

std::size_t table_bytes(const RowTaps&) { return 0; }

void fill_table(const RowTaps&, std::uint8_t*) {}

// Red, green, blue and zero of one output pixel; `weights` goes on to the next one's.
[[gnu::always_inline]] inline int32x4_t scale_pixel(const std::uint8_t* pixels,
                                                    const std::int32_t*& weights,
                                                    std::size_t groups, const Spread& spread) {
    int32x4_t sum = vdupq_n_s32(0);
    for (std::size_t group = 0; group < groups; ++group) {
        const uint8x16_t bytes = vld1q_u8(pixels);
        const int32x4_t by = vld1q_s32(weights);
        sum = vmlaq_laneq_s32(sum, spread.of(bytes, 0), by, 0);
        sum = vmlaq_laneq_s32(sum, spread.of(bytes, 1), by, 1);
        sum = vmlaq_laneq_s32(sum, spread.of(bytes, 2), by, 2);
        sum = vmlaq_laneq_s32(sum, spread.of(bytes, 3), by, 3);
        pixels += kGroup * kChannels;
        weights += kGroup;
    }
    return sum;
}

void scale_row(const std::uint8_t* input, const RowTaps& taps, const std::uint8_t*,
               std::uint8_t* output) {
    constexpr std::uint8_t kOrder[kVector] = {0,  1,  2,  4,  5,   6,   8,   9,
                                              10, 12, 13, 14, 255, 255, 255, 255};
    const uint8x16_t close = vld1q_u8(kOrder);
    const Spread spread(kPixels);
    const std::size_t groups = taps.stride / kGroup, width = taps.output_width;
    const std::int32_t* weights = taps.weights;
    const auto pixel = [&](std::size_t x) {
        return scale_pixel(input + std::size_t{taps.first[x]} * kChannels, weights, groups, spread);
    };
    std::size_t x = 0;
    for (; x + kQuad <= width; x += kQuad) {
        const int32x4_t a = pixel(x), b = pixel(x + 1), c = pixel(x + 2), d = pixel(x + 3);
        vst1q_u8(output + x * kChannels, vqtbl1q_u8(to_bytes(a, b, c, d), close));
    }
    if (x == width) return;
    const int32x4_t none = vdupq_n_s32(0), a = pixel(x);
    const int32x4_t b = x + 1 < width ? pixel(x + 1) : none;
    const int32x4_t c = x + 2 < width ? pixel(x + 2) : none;
    vst1q_u8(output + x * kChannels, vqtbl1q_u8(to_bytes(a, b, c, none), close));
}

// The sums of 16 columns.
struct Sums {
    int32x4_t of[4];
};

// Adds one row, weighed by a lane of four weights, to the sums, or begins them.
template <int lane, bool begin>
[[gnu::always_inline]] inline void add(const std::uint8_t* row, int32x4_t weights,
                                       const Spread& spread, Sums& sums) {
    const uint8x16_t bytes = vld1q_u8(row);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
        const int32x4_t lanes = spread.of(bytes, i);
        sums.of[i] = begin ? vmulq_laneq_s32(lanes, weights, lane)
                           : vmlaq_laneq_s32(sums.of[i], lanes, weights, lane);
    }
}

// Adds four rows' columns from `at` on.
template <bool begin>
[[gnu::always_inline]] inline void add_group(const std::uint8_t* const* rows, std::size_t at,
                                             int32x4_t weights, const Spread& spread, Sums& sums) {
    add<0, begin>(rows[0] + at, weights, spread, sums);
    add<1, false>(rows[1] + at, weights, spread, sums);
    add<2, false>(rows[2] + at, weights, spread, sums);
    add<3, false>(rows[3] + at, weights, spread, sums);
}

void blend_rows(const std::uint8_t* const* rows, const std::int32_t* weights, std::size_t taps,
                std::uint8_t* output, std::size_t bytes) {
    const Spread spread(kColumns);
    for (std::size_t at = 0; at < bytes; at += 2 * kVector) {
        Sums low, high;
        const int32x4_t first = vld1q_s32(weights);
        add_group<true>(rows, at, first, spread, low);
        add_group<true>(rows, at + kVector, first, spread, high);
        for (std::size_t tap = kGroup; tap < taps; tap += kGroup) {
            const int32x4_t by = vld1q_s32(weights + tap);
            add_group<false>(rows + tap, at, by, spread, low);
            add_group<false>(rows + tap, at + kVector, by, spread, high);
        }
        vst1q_u8(output + at, to_bytes(low.of[0], low.of[1], low.of[2], low.of[3]));
        vst1q_u8(output + at + kVector, to_bytes(high.of[0], high.of[1], high.of[2], high.of[3]));
    }
}

}  // namespace

const ResizeKernels kResizeNeon = {table_bytes, fill_table, scale_row, blend_rows};

}  // namespace mgn::image
