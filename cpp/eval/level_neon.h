// SPDX-License-Identifier: Apache-2.0
// What the NEON units share in source: moving, multiplying and comparing vectors. Local to each
// unit, because each is compiled for another CPU.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace mgn {

namespace {

// Four doubles in two registers.
struct NeonDoubles {
    float64x2_t low;
    float64x2_t high;
};

inline NeonDoubles operator-(NeonDoubles a, NeonDoubles b) {
    return {vsubq_f64(a.low, b.low), vsubq_f64(a.high, b.high)};
}
inline NeonDoubles operator*(NeonDoubles a, NeonDoubles b) {
    return {vmulq_f64(a.low, b.low), vmulq_f64(a.high, b.high)};
}
inline NeonDoubles& operator+=(NeonDoubles& a, NeonDoubles b) {
    a = {vaddq_f64(a.low, b.low), vaddq_f64(a.high, b.high)};
    return a;
}

struct NeonLevel {
    using Vector = float32x4_t;
    // What one load of halves brings.
    struct Step {
        Vector low;
        Vector high;
    };
    using Doubles = NeonDoubles;
    static constexpr std::size_t kFloats = 4;
    static constexpr std::size_t kStep = 8;
    static constexpr std::size_t kTileRows = 7;  // 14 sums, 7 rows and two columns: 23 registers
    static constexpr bool kByLanes = true;
    static constexpr std::size_t kTogether = 4;  // rows by 4 queries: 20 sums, 10 operands

    static void widen(const float* from, Doubles& to) {
        const Vector four = vld1q_f32(from);
        to = {vcvt_f64_f32(vget_low_f32(four)), vcvt_high_f64_f32(four)};
    }
    // A product of two floats is exact in float64, so that fusing changes nothing.
    static void add_product(const Doubles& a, const Doubles& b, Doubles& sums) {
        sums = {vfmaq_f64(sums.low, a.low, b.low), vfmaq_f64(sums.high, a.high, b.high)};
    }

    static Vector zero() { return vdupq_n_f32(0.0F); }
    static Vector load(const float* from) { return vld1q_f32(from); }
    static void store(float* to, Vector value) { vst1q_f32(to, value); }
    static Vector broadcast(const float* from) { return vld1q_dup_f32(from); }
    static Vector add(Vector a, Vector b) { return vaddq_f32(a, b); }
    static Vector multiply_add(Vector a, Vector b, Vector c) { return vfmaq_f32(c, a, b); }
    template <int kLane>
    static Vector multiply_add_lane(Vector row, Vector b, Vector c) {
        return vfmaq_laneq_f32(c, b, row, kLane);
    }
    static float sum(Vector value) { return vaddvq_f32(value); }

    static Step take(const float* from) { return {vld1q_f32(from), vld1q_f32(from + 4)}; }
    static Step take(const std::uint16_t* halves) {
        const float16x8_t eight = vreinterpretq_f16_u16(vld1q_u16(halves));
        return {vcvt_f32_f16(vget_low_f16(eight)), vcvt_high_f32_f16(eight)};
    }
    static void store(float* to, Step value) {
        vst1q_f32(to, value.low);
        vst1q_f32(to + 4, value.high);
    }
    static Vector multiply_add(Step a, Step b, Vector c) {
        return vfmaq_f32(vfmaq_f32(c, a.low, b.low), a.high, b.high);
    }

    // 4 x 4 values; strides in elements.
    static void transpose(const float* from, std::size_t from_stride, float* to,
                          std::size_t to_stride) {
        const float32x4x2_t upper = vtrnq_f32(load(from), load(from + from_stride));
        const float32x4x2_t lower =
            vtrnq_f32(load(from + 2 * from_stride), load(from + 3 * from_stride));
        for (std::size_t c = 0; c < 2; ++c) {
            const float64x2_t two = vreinterpretq_f64_f32(upper.val[c]);
            const float64x2_t others = vreinterpretq_f64_f32(lower.val[c]);
            store(to + c * to_stride, vreinterpretq_f32_f64(vtrn1q_f64(two, others)));
            store(to + (c + 2) * to_stride, vreinterpretq_f32_f64(vtrn2q_f64(two, others)));
        }
    }

    // All bits of a lane where the comparison holds, for the values 4 i to 4 i + 3.
    static uint32x4_t above_at(const float* values, float32x4_t bound, int i) {
        return vcgtq_f32(vld1q_f32(values + 4 * i), bound);
    }
    static uint32x4_t below_at(const float* values, float32x4_t bound, int i) {
        return vcgtq_f32(bound, vld1q_f32(values + 4 * i));
    }
    static uint32x4_t above_at(const double* values, float64x2_t bound, int i) {
        return vuzp1q_u32(vreinterpretq_u32_u64(vcgtq_f64(vld1q_f64(values + 4 * i), bound)),
                          vreinterpretq_u32_u64(vcgtq_f64(vld1q_f64(values + 4 * i + 2), bound)));
    }
    static uint32x4_t below_at(const double* values, float64x2_t bound, int i) {
        return vuzp1q_u32(vreinterpretq_u32_u64(vcgtq_f64(bound, vld1q_f64(values + 4 * i))),
                          vreinterpretq_u32_u64(vcgtq_f64(bound, vld1q_f64(values + 4 * i + 2))));
    }
    static float32x4_t repeat(float value) { return vdupq_n_f32(value); }
    static float64x2_t repeat(double value) { return vdupq_n_f64(value); }

    // 32 values' bits, those of lane l in lane l: eight masks become the eight digits of a lane in
    // base 16, of each of which the lane's own bit is kept.
    template <typename Mask>
    static uint32x4_t digits(Mask mask, int first) {
        const auto pair = [&](int i) {
            return vreinterpretq_u16_u32(vsliq_n_u32(mask(first + i), mask(first + i + 4), 16));
        };
        const uint8x16_t even = vreinterpretq_u8_u16(vsliq_n_u16(pair(0), pair(2), 8));
        const uint8x16_t odd = vreinterpretq_u8_u16(vsliq_n_u16(pair(1), pair(3), 8));
        const uint32x4_t own = {0x11111111U, 0x22222222U, 0x44444444U, 0x88888888U};
        return vandq_u32(vreinterpretq_u32_u8(vsliq_n_u8(even, odd, 4)), own);
    }

    // Bit j: mask(i) holds for value j = 4 i + lane.
    template <typename Mask>
    static std::uint64_t word_of(Mask mask) {
        const uint32x4_t fours = vpaddq_u32(digits(mask, 0), digits(mask, 8));
        return vgetq_lane_u64(vreinterpretq_u64_u32(vpaddq_u32(fours, fours)), 0);
    }

    // Not greater than, true where a NaN is.
    template <typename T>
    static std::uint64_t not_above(const T* values, T bound) {
        const auto limit = repeat(bound);
        return ~word_of([=](int i) { return above_at(values, limit, i); });
    }

    template <typename T>
    static std::uint64_t below(const T* values, T bound) {
        const auto limit = repeat(bound);
        return word_of([=](int i) { return below_at(values, limit, i); });
    }

    static std::uint64_t none_above(const float* values, const float* bounds) {
        return ~word_of([=](int i) { return above_at(values, vld1q_f32(bounds + 4 * i), i); });
    }

    static std::uint64_t none_below(const float* values, const float* bounds) {
        return ~word_of([=](int i) { return below_at(values, vld1q_f32(bounds + 4 * i), i); });
    }
};

}  // namespace

}  // namespace mgn
