// SPDX-License-Identifier: Apache-2.0
// The AVX2 and FMA level. Runs only where kernels() found it; includes nothing others share.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace mgn {

namespace {

struct Level {
    using Vector = __m256;
    using Step = Vector;
    using Doubles = __m256d;
    static constexpr std::size_t kFloats = 8;
    static constexpr std::size_t kStep = kFloats;
    static constexpr bool kByLanes = false;
    static constexpr std::size_t kTileRows = 6;  // 12 sums, two columns and a row: 15 registers
    static constexpr std::size_t kTogether = 2;  // rows by 4 queries: 10 sums, 3 operands

    static void widen(const float* from, Doubles& to) { to = _mm256_cvtps_pd(_mm_loadu_ps(from)); }
    // A product of two floats is exact in float64, so that fusing changes nothing.
    static void add_product(const Doubles& a, const Doubles& b, Doubles& sums) {
        sums = _mm256_fmadd_pd(a, b, sums);
    }

    static Vector zero() { return _mm256_setzero_ps(); }
    static Vector load(const float* from) { return _mm256_loadu_ps(from); }
    static Step take(const float* from) { return load(from); }
    static Step take(const std::uint16_t* halves) {
        return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(halves)));
    }
    static void store(float* to, Vector value) { _mm256_storeu_ps(to, value); }
    static Vector broadcast(const float* from) { return _mm256_broadcast_ss(from); }
    static Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
    static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
    static float sum(Vector value) {
        const __m128 four =
            _mm_add_ps(_mm256_castps256_ps128(value), _mm256_extractf128_ps(value, 1));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    }

    // 8 x 8 values; strides in elements.
    static void transpose(const float* from, std::size_t from_stride, float* to,
                          std::size_t to_stride) {
        __m256 pairs[8];
        __m256 fours[8];  // lane l of fours[4 g + c]: column 4 l + c of rows 4 g to 4 g + 3
        for (std::size_t r = 0; r < 8; r += 2) {
            const __m256 even = load(from + r * from_stride);
            const __m256 odd = load(from + (r + 1) * from_stride);
            pairs[r] = _mm256_unpacklo_ps(even, odd);
            pairs[r + 1] = _mm256_unpackhi_ps(even, odd);
        }
        for (std::size_t g = 0; g < 8; g += 4) {
            for (std::size_t half = 0; half < 2; ++half) {
                const __m256d upper = _mm256_castps_pd(pairs[g + half]);
                const __m256d lower = _mm256_castps_pd(pairs[g + half + 2]);
                fours[g + 2 * half] = _mm256_castpd_ps(_mm256_unpacklo_pd(upper, lower));
                fours[g + 2 * half + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(upper, lower));
            }
        }
        for (std::size_t c = 0; c < 4; ++c) {
            store(to + c * to_stride, _mm256_permute2f128_ps(fours[c], fours[4 + c], 0x20));
            store(to + (4 + c) * to_stride, _mm256_permute2f128_ps(fours[c], fours[4 + c], 0x31));
        }
    }

    static std::uint64_t bits_of(__m256 mask) {
        return static_cast<std::uint64_t>(static_cast<unsigned>(_mm256_movemask_ps(mask)));
    }

    template <int kPredicate>
    static std::uint64_t compare(const float* values, float bound) {
        const __m256 limit = _mm256_set1_ps(bound);
        std::uint64_t word = 0;
        for (unsigned part = 0; part < 8; ++part) {
            const __m256 x = _mm256_loadu_ps(values + 8 * part);
            word |= bits_of(_mm256_cmp_ps(x, limit, kPredicate)) << (8 * part);
        }
        return word;
    }

    template <int kPredicate>
    static std::uint64_t compare(const double* values, double bound) {
        const __m256d limit = _mm256_set1_pd(bound);
        std::uint64_t word = 0;
        for (unsigned part = 0; part < 16; ++part) {
            const __m256d x = _mm256_loadu_pd(values + 4 * part);
            const int bits = _mm256_movemask_pd(_mm256_cmp_pd(x, limit, kPredicate));
            word |= static_cast<std::uint64_t>(static_cast<unsigned>(bits)) << (4 * part);
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
        for (unsigned part = 0; part < 8; ++part) {
            const __m256 x = _mm256_loadu_ps(values + 8 * part);
            const __m256 limit = _mm256_loadu_ps(bounds + 8 * part);
            word |= bits_of(_mm256_cmp_ps(x, limit, kPredicate)) << (8 * part);
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

#include "eval/loops_body.h"
#include "eval/multiply_body.h"
#include "eval/scan_body.h"
#include "eval/scan_packed_body.h"

namespace mgn {

const Kernels& avx2_kernels() {
    static constexpr Kernels kKernels =
        with_packed_scan(with_scan(with_product(comparing_kernels())));
    return kKernels;
}

}  // namespace mgn
