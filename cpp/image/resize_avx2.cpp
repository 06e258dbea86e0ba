// SPDX-License-Identifier: Apache-2.0
// Resizing with AVX2: a weight is 256 high + low with 16-bit factors, so two taps of eight sums are
// two vpmaddwd. The sums are exact, so any order gives Pillow's bytes.
// Nothing but C headers is included: see kernels.h.
#include <immintrin.h>

#include "image/kernels.h"

namespace mgn::image {
namespace {

constexpr int kShift = 22;  // taps.h: kWeightBits
constexpr std::size_t kGroup = 4;
constexpr std::size_t kChannels = 3;
constexpr std::size_t kQuad = 4;  // pixels scaled at a time
constexpr std::size_t kVector = 32;
constexpr std::size_t kStep = 2 * kVector;  // high and low factors of a group

// Two neighbouring 16-bit factors as vpmaddwd wants them.
std::int32_t high_pair(const std::int32_t* weights) {
    return (weights[0] >> 8 & 0xFFFF) | (weights[1] >> 8) * 65536;
}

std::int32_t low_pair(const std::int32_t* weights) {
    return (weights[0] & 255) | (weights[1] & 255) << 16;
}

std::size_t padded_width(const RowTaps& taps) {
    return (taps.output_width + kQuad - 1) / kQuad * kQuad;
}

std::size_t table_bytes(const RowTaps& taps) {
    return padded_width(taps) * (taps.stride / kGroup) * kStep;
}

// Taps 0 and 1 of red, green, blue and nothing in the lower half; 2 and 3 in the upper one.
void fill_table(const RowTaps& taps, std::uint8_t* table) {
    auto* step = reinterpret_cast<std::int32_t*>(table);
    __builtin_memset(table, 0, table_bytes(taps));
    for (std::size_t x = 0; x < taps.output_width; ++x) {
        for (std::size_t k = 0; k < taps.stride; k += kGroup) {
            const std::int32_t* weights = taps.weights + x * taps.stride + k;
            for (std::size_t c = 0; c < kChannels; ++c) {
                step[c] = high_pair(weights);
                step[4 + c] = high_pair(weights + 2);
                step[8 + c] = low_pair(weights);
                step[12 + c] = low_pair(weights + 2);
            }
            step += kStep / sizeof(std::int32_t);
        }
    }
}

// Red, green, blue and zero of one pixel, each 0..255 or beyond on either side.
__m128i scale_pixel(const std::uint8_t* pixels, const std::uint8_t* step, std::size_t groups) {
    constexpr char no = -1;
    const __m256i order = _mm256_setr_epi8(                        //
        0, no, 3, no, 1, no, 4, no, 2, no, 5, no, no, no, no, no,  //
        6, no, 9, no, 7, no, 10, no, 8, no, 11, no, no, no, no, no);
    __m256i high = _mm256_setzero_si256(), low = _mm256_setzero_si256();
    for (std::size_t group = 0; group < groups; ++group) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels));
        const __m256i words = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), order);
        const auto* factors = reinterpret_cast<const __m256i*>(step);
        high = _mm256_add_epi32(high, _mm256_madd_epi16(words, _mm256_load_si256(factors)));
        low = _mm256_add_epi32(low, _mm256_madd_epi16(words, _mm256_load_si256(factors + 1)));
        pixels += kGroup * kChannels;
        step += kStep;
    }
    const __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, 8), low);
    const __m128i both =
        _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    return _mm_srai_epi32(_mm_add_epi32(both, _mm_set1_epi32(1 << (kShift - 1))), kShift);
}

void scale_row(const std::uint8_t* input, const RowTaps& taps, const std::uint8_t* table,
               std::uint8_t* output) {
    constexpr char no = -1;
    const __m128i close = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, no, no, no, no);
    const std::size_t groups = taps.stride / kGroup;
    for (std::size_t x = 0; x < taps.output_width; x += kQuad) {
        __m128i quad[kQuad];
        for (std::size_t i = 0; i < kQuad; ++i, table += groups * kStep) {
            const std::size_t last = taps.output_width - 1;
            const std::size_t at = x + i < last ? x + i : last;
            quad[i] = scale_pixel(input + taps.first[at] * kChannels, table, groups);
        }
        const __m128i bytes =
            _mm_packus_epi16(_mm_packs_epi32(quad[0], quad[1]), _mm_packs_epi32(quad[2], quad[3]));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(output + x * kChannels),
                         _mm_shuffle_epi8(bytes, close));
    }
}

// Adds two rows' 32 columns: sums[i] is what the packs at the end bring back into order.
void add_pair(const std::uint8_t* upper, const std::uint8_t* lower, std::int32_t high_factors,
              std::int32_t low_factors, __m256i* high, __m256i* low) {
    const __m256i zero = _mm256_setzero_si256();
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(upper));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(lower));
    const __m256i first = _mm256_unpacklo_epi8(a, b), second = _mm256_unpackhi_epi8(a, b);
    const __m256i words[4] = {_mm256_unpacklo_epi8(first, zero), _mm256_unpackhi_epi8(first, zero),
                              _mm256_unpacklo_epi8(second, zero),
                              _mm256_unpackhi_epi8(second, zero)};
    const __m256i by_high = _mm256_set1_epi32(high_factors);
    const __m256i by_low = _mm256_set1_epi32(low_factors);
    for (std::size_t i = 0; i < 4; ++i) {
        high[i] = _mm256_add_epi32(high[i], _mm256_madd_epi16(words[i], by_high));
        low[i] = _mm256_add_epi32(low[i], _mm256_madd_epi16(words[i], by_low));
    }
}

void blend_rows(const std::uint8_t* const* rows, const std::int32_t* weights, std::size_t taps,
                std::uint8_t* output, std::size_t bytes) {
    const __m256i half = _mm256_set1_epi32(1 << (kShift - 1));
    for (std::size_t at = 0; at < bytes; at += kVector) {
        __m256i high[4], low[4];
        for (std::size_t i = 0; i < 4; ++i) {
            high[i] = _mm256_setzero_si256();
            low[i] = half;
        }
        for (std::size_t tap = 0; tap < taps; tap += 2) {
            add_pair(rows[tap] + at, rows[tap + 1] + at, high_pair(weights + tap),
                     low_pair(weights + tap), high, low);
        }
        for (std::size_t i = 0; i < 4; ++i) {
            const __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high[i], 8), low[i]);
            high[i] = _mm256_srai_epi32(sum, kShift);
        }
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(output + at),
                            _mm256_packus_epi16(_mm256_packs_epi32(high[0], high[1]),
                                                _mm256_packs_epi32(high[2], high[3])));
    }
}

}  // namespace

const ResizeKernels kResizeAvx2 = {table_bytes, fill_table, scale_row, blend_rows};

}  // namespace mgn::image
