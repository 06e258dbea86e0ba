// SPDX-License-Identifier: Apache-2.0
// What the AVX-512 units share in source: moving and comparing vectors. Local to each unit, because
// each is compiled for another CPU.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace mgn {

namespace {

struct Avx512Level {
    using Vector = __m512;
    using Step = Vector;
    using Doubles = __m256d;
    static constexpr std::size_t kFloats = 16;
    static constexpr std::size_t kStep = kFloats;
    static constexpr bool kByLanes = false;
    static constexpr std::size_t kTileRows = 14;  // 28 sums, two columns and a row: 31 registers
    static constexpr std::size_t kTogether = 4;   // rows by 4 queries: 20 sums, 5 operands

    static void widen(const float* from, Doubles& to) { to = _mm256_cvtps_pd(_mm_loadu_ps(from)); }
    // A product of two floats is exact in float64, so that fusing changes nothing.
    static void add_product(const Doubles& a, const Doubles& b, Doubles& sums) {
        sums = _mm256_fmadd_pd(a, b, sums);
    }

    static Vector zero() { return _mm512_setzero_ps(); }
    static Vector load(const float* from) { return _mm512_loadu_ps(from); }
    static Step take(const float* from) { return load(from); }
    static Step take(const std::uint16_t* halves) {
        return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(halves)));
    }
    static void store(float* to, Vector value) { _mm512_storeu_ps(to, value); }
    static Vector broadcast(const float* from) { return _mm512_set1_ps(*from); }
    static Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
    static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
    static float sum(Vector value) { return _mm512_reduce_add_ps(value); }

    // 16 x 16 values; strides in elements.
    static void transpose(const float* from, std::size_t from_stride, float* to,
                          std::size_t to_stride) {
        __m512 pairs[16];
        __m512 fours[16];  // lane l of fours[4 g + c]: column 4 l + c of rows 4 g to 4 g + 3
        for (std::size_t r = 0; r < 16; r += 2) {
            const __m512 even = load(from + r * from_stride);
            const __m512 odd = load(from + (r + 1) * from_stride);
            pairs[r] = _mm512_unpacklo_ps(even, odd);
            pairs[r + 1] = _mm512_unpackhi_ps(even, odd);
        }
        for (std::size_t g = 0; g < 16; g += 4) {
            for (std::size_t half = 0; half < 2; ++half) {
                const __m512d upper = _mm512_castps_pd(pairs[g + half]);
                const __m512d lower = _mm512_castps_pd(pairs[g + half + 2]);
                fours[g + 2 * half] = _mm512_castpd_ps(_mm512_unpacklo_pd(upper, lower));
                fours[g + 2 * half + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(upper, lower));
            }
        }
        for (std::size_t c = 0; c < 4; ++c) {
            const __m512 a = _mm512_shuffle_f32x4(fours[c], fours[4 + c], 0x88);
            const __m512 b = _mm512_shuffle_f32x4(fours[8 + c], fours[12 + c], 0x88);
            store(to + c * to_stride, _mm512_shuffle_f32x4(a, b, 0x88));
            store(to + (8 + c) * to_stride, _mm512_shuffle_f32x4(a, b, 0xdd));
            const __m512 d = _mm512_shuffle_f32x4(fours[c], fours[4 + c], 0xdd);
            const __m512 e = _mm512_shuffle_f32x4(fours[8 + c], fours[12 + c], 0xdd);
            store(to + (4 + c) * to_stride, _mm512_shuffle_f32x4(d, e, 0x88));
            store(to + (12 + c) * to_stride, _mm512_shuffle_f32x4(d, e, 0xdd));
        }
    }

    template <int kPredicate>
    static std::uint64_t compare(const float* values, float bound) {
        const __m512 limit = _mm512_set1_ps(bound);
        std::uint64_t word = 0;
        for (unsigned part = 0; part < 4; ++part) {
            const __m512 x = _mm512_loadu_ps(values + 16 * part);
            word |= std::uint64_t{_mm512_cmp_ps_mask(x, limit, kPredicate)} << (16 * part);
        }
        return word;
    }

    template <int kPredicate>
    static std::uint64_t compare(const double* values, double bound) {
        const __m512d limit = _mm512_set1_pd(bound);
        std::uint64_t word = 0;
        for (unsigned part = 0; part < 8; ++part) {
            const __m512d x = _mm512_loadu_pd(values + 8 * part);
            word |= std::uint64_t{_mm512_cmp_pd_mask(x, limit, kPredicate)} << (8 * part);
        }
        return word;
    }

    // Not greater than, true where a NaN is.
    template <typename T>
    static std::uint64_t not_above(const T* values, T bound) {
        return compare<_CMP_NGT_UQ>(values, bound);
    }

    template <typename T>
    static std::uint64_t below(const T* values, T bound) {
        return compare<_CMP_LT_OQ>(values, bound);
    }

    template <int kPredicate>
    static std::uint64_t compare_each(const float* values, const float* bounds) {
        std::uint64_t word = 0;
        for (unsigned part = 0; part < 4; ++part) {
            const __m512 x = _mm512_loadu_ps(values + 16 * part);
            const __m512 limit = _mm512_loadu_ps(bounds + 16 * part);
            word |= std::uint64_t{_mm512_cmp_ps_mask(x, limit, kPredicate)} << (16 * part);
        }
        return word;
    }

    static std::uint64_t none_above(const float* values, const float* bounds) {
        return compare_each<_CMP_NGT_UQ>(values, bounds);
    }

    static std::uint64_t none_below(const float* values, const float* bounds) {
        return compare_each<_CMP_NLT_UQ>(values, bounds);
    }
};

}  // namespace

}  // namespace mgn
