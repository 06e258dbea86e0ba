// SPDX-License-Identifier: Apache-2.0
// Packing with NEON: x / scale and the division by the deviation are multiplications by reciprocals
// in two floats, used only where levels.cpp has found every value equal to the quotient. Rows of
// sixteen pixels and more; a last run that is not whole begins earlier and writes some values
// again. Streaming is left to the CPU: a store past the cache is only a hint there.
#include <arm_neon.h>

#include "image/kernels.h"

namespace mgn::image {
namespace {

constexpr std::size_t kChannels = 3;
constexpr std::size_t kRun = 16;  // pixels
constexpr std::size_t kFloats = 4;

// Calls run(x) for runs of pixels that cover a row.
template <typename Run>
void for_runs(std::size_t width, Run run) {
    std::size_t x = 0;
    for (; x + kRun <= width; x += kRun) run(x);
    if (x < width) run(width - kRun);
}

struct Orders {
    std::uint8_t spread[4][16];  // four bytes to the lowest of 32 bits each, the rest 0
    std::uint8_t floats[16];     // lanes of 32, 16 and 8 bits in reverse order
    std::uint8_t halves[16];
    std::uint8_t bytes[16];
};

constexpr Orders make_orders() {
    Orders orders = {};
    for (std::size_t at = 0; at < 16; ++at) {
        for (std::size_t i = 0; i < 4; ++i) {
            orders.spread[i][at] = at % 4 == 0 ? static_cast<std::uint8_t>(4 * i + at / 4) : 255;
        }
        orders.floats[at] = static_cast<std::uint8_t>(12 - at / 4 * 4 + at % 4);
        orders.halves[at] = static_cast<std::uint8_t>(14 - at / 2 * 2 + at % 2);
        orders.bytes[at] = static_cast<std::uint8_t>(15 - at);
    }
    return orders;
}

constexpr Orders kOrders = make_orders();

struct Values {
    float32x4_t of[kRun / kFloats];
};

// (x / scale - mean) / deviation of one channel.
struct Normaliser {
    float32x4_t scale_high, scale_low, mean, high, low;

    Normaliser(const Levels& levels, std::size_t channel)
        : scale_high(vdupq_n_f32(levels.reciprocal_scale[0])),
          scale_low(vdupq_n_f32(levels.reciprocal_scale[1])),
          mean(vdupq_n_f32(levels.mean[channel])),
          high(vdupq_n_f32(levels.reciprocal[channel][0])),
          low(vdupq_n_f32(levels.reciprocal[channel][1])) {}

    float32x4_t of(uint32x4_t bytes) const {
        const float32x4_t x = vcvtq_f32_u32(bytes);
        const float32x4_t scaled = vfmaq_f32(vmulq_f32(x, scale_low), x, scale_high);
        const float32x4_t centred = vsubq_f32(scaled, mean);
        return vfmaq_f32(vmulq_f32(centred, low), centred, high);
    }

    Values of(uint8x16_t bytes) const {
        Values values;
        for (std::size_t i = 0; i < kRun / kFloats; ++i) {
            const uint8x16_t lanes = vqtbl1q_u8(bytes, vld1q_u8(kOrders.spread[i]));
            values.of[i] = of(vreinterpretq_u32_u8(lanes));
        }
        return values;
    }
};

void put(const Values& values, float* plain, float* mirrored) {
    const uint8x16_t down = vld1q_u8(kOrders.floats);
    for (std::size_t i = 0; i < kRun / kFloats; ++i) {
        const uint8x16_t bytes = vreinterpretq_u8_f32(values.of[i]);
        if (plain != nullptr) vst1q_f32(plain + i * kFloats, values.of[i]);
        if (mirrored == nullptr) continue;
        vst1q_f32(mirrored + kRun - kFloats - i * kFloats,
                  vreinterpretq_f32_u8(vqtbl1q_u8(bytes, down)));
    }
}

// Rounds to nearest, ties to even, as levels.cpp does.
void put(const Values& values, std::uint16_t* plain, std::uint16_t* mirrored) {
    constexpr std::size_t kHalves = 2 * kFloats;
    const uint8x16_t down = vld1q_u8(kOrders.halves);
    for (std::size_t i = 0; i < kRun / kHalves; ++i) {
        const float16x8_t halves =
            vcvt_high_f16_f32(vcvt_f16_f32(values.of[2 * i]), values.of[2 * i + 1]);
        const uint8x16_t bytes = vreinterpretq_u8_f16(halves);
        if (plain != nullptr) vst1q_u16(plain + i * kHalves, vreinterpretq_u16_f16(halves));
        if (mirrored == nullptr) continue;
        vst1q_u16(mirrored + kRun - kHalves - i * kHalves,
                  vreinterpretq_u16_u8(vqtbl1q_u8(bytes, down)));
    }
}

template <typename Element>
void pack(const Strip& strip, const Levels& levels, const Planes<Element>& output) {
    const Normaliser normalisers[kChannels] = {{levels, 0}, {levels, 1}, {levels, 2}};
    for (std::size_t y = 0; y < strip.rows; ++y) {
        const std::uint8_t* const row = strip.pixels + y * strip.stride;
        const std::size_t offset = y * strip.width;
        for_runs(strip.width, [&](std::size_t x) {
            const uint8x16x3_t pixels = vld3q_u8(row + x * kChannels);
            for (std::size_t channel = 0; channel < kChannels; ++channel) {
                Element* const plain = output.plain[channel];
                Element* const mirrored = output.mirrored[channel];
                const std::size_t end = offset + strip.width - kRun - x;
                put(normalisers[channel].of(pixels.val[channel]),
                    plain != nullptr ? plain + offset + x : nullptr,
                    mirrored != nullptr ? mirrored + end : nullptr);
            }
        });
    }
}

bool can_run(const Strip& strip, const Levels& levels) {
    return strip.width >= kRun && levels.reciprocals_exact;
}

void floats(const Strip& strip, const Levels& levels, const Planes<float>& output) {
    if (!can_run(strip, levels)) return kPackScalar.floats(strip, levels, output);
    pack(strip, levels, output);
}

void halves(const Strip& strip, const Levels& levels, const Planes<std::uint16_t>& output) {
    if (!can_run(strip, levels)) return kPackScalar.halves(strip, levels, output);
    pack(strip, levels, output);
}

void mirror_row(const std::uint8_t* row, std::size_t width, std::uint8_t* output) {
    const uint8x16_t down = vld1q_u8(kOrders.bytes);
    for_runs(width, [=](std::size_t x) {
        uint8x16x3_t pixels = vld3q_u8(row + x * kChannels);
        for (uint8x16_t& channel : pixels.val) channel = vqtbl1q_u8(channel, down);
        vst3q_u8(output + (width - kRun - x) * kChannels, pixels);
    });
}

void bytes(const Strip& strip, std::uint8_t* plain, std::uint8_t* mirrored, bool stream) {
    if (strip.width < kRun) return kPackScalar.bytes(strip, plain, mirrored, stream);
    const std::size_t row_bytes = strip.width * kChannels;
    for (std::size_t y = 0; y < strip.rows; ++y) {
        const std::uint8_t* const row = strip.pixels + y * strip.stride;
        if (plain != nullptr) __builtin_memcpy(plain + y * row_bytes, row, row_bytes);
        if (mirrored != nullptr) mirror_row(row, strip.width, mirrored + y * row_bytes);
    }
}

void finish() {}

}  // namespace

const PackKernels kPackNeon = {floats, halves, bytes, finish};

}  // namespace mgn::image
