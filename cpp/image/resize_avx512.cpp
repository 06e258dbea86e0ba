// SPDX-License-Identifier: Apache-2.0
// Resizing with AVX-512 (F, BW, VBMI, VNNI): a weight of 24 bits is three signed bytes, so four
// taps of sixteen sums are three vpdpbusd. The sums are exact, so any order gives Pillow's bytes.
// Nothing but C headers is included: see kernels.h.
#include <immintrin.h>

#include "image/kernels.h"

namespace mgn::image {
namespace {

constexpr unsigned kShift = 22;     // taps.h: kWeightBits
constexpr int kHalfInTop = 1 << 5;  // half of 1 << kShift, seen from the top byte's sum
constexpr std::size_t kGroup = 4;   // taps in one vpdpbusd
constexpr std::size_t kLanes = 16;  // sums in a vector
constexpr std::size_t kChannels = 3;

// How one row is scaled: blocks of sixteen output bytes whose taps lie in 64 input bytes, or, when
// shrinking spreads them wider, one pixel at a time over chunks of twenty taps.
constexpr std::size_t kBlockStep = 4 * kVectorBytes;  // indices, then the three digits
constexpr std::size_t kChunkTaps = 20;
constexpr std::size_t kChunkBytes = kChunkTaps * kChannels;

// The bytes of `weight` from the most significant one, each signed: 65536 a + 256 b + c.
struct Digits {
    std::int8_t of[3];
};

Digits split(std::int32_t weight) {
    const auto c = static_cast<std::int8_t>(weight & 255);
    const std::int32_t rest = (weight - c) >> 8;
    const auto b = static_cast<std::int8_t>(rest & 255);
    return {{static_cast<std::int8_t>((rest - b) >> 8), b, c}};
}

std::size_t round_up(std::size_t count, std::size_t step) {
    return (count + step - 1) / step * step;
}

std::size_t min(std::size_t a, std::size_t b) { return a < b ? a : b; }

// The sum of four taps in three digits, scaled back: the top digit's accumulator holds the half.
__m512i weigh(__m512i pixels, __m512i a, __m512i b, __m512i c) {
    __m512i sum = _mm512_dpbusd_epi32(_mm512_set1_epi32(kHalfInTop), pixels, a);
    sum = _mm512_dpbusd_epi32(_mm512_slli_epi32(sum, 8), pixels, b);
    sum = _mm512_dpbusd_epi32(_mm512_slli_epi32(sum, 8), pixels, c);
    return _mm512_srai_epi32(sum, kShift);
}

// The same over several groups of taps.
struct Sums {
    __m512i a, b, c;

    void start() {
        a = _mm512_set1_epi32(kHalfInTop);
        b = c = _mm512_setzero_si512();
    }
    void add(__m512i pixels, __m512i weight_a, __m512i weight_b, __m512i weight_c) {
        a = _mm512_dpbusd_epi32(a, pixels, weight_a);
        b = _mm512_dpbusd_epi32(b, pixels, weight_b);
        c = _mm512_dpbusd_epi32(c, pixels, weight_c);
    }
    __m512i whole() const {
        const __m512i top = _mm512_add_epi32(_mm512_slli_epi32(a, 8), b);
        return _mm512_add_epi32(_mm512_slli_epi32(top, 8), c);
    }
    __m512i scaled() const { return _mm512_srai_epi32(whole(), kShift); }
};

// Saturates four vectors of sums to bytes: each 128-bit lane takes that lane of all four.
__m512i to_bytes(const __m512i* sums) {
    return _mm512_packus_epi16(_mm512_packs_epi32(sums[0], sums[1]),
                               _mm512_packs_epi32(sums[2], sums[3]));
}

bool fits_blocks(const RowTaps& taps) {
    const std::size_t bytes = taps.output_width * kChannels;
    for (std::size_t begin = 0; begin < bytes; begin += kLanes) {
        const std::size_t left = taps.first[begin / kChannels];
        const std::size_t right = taps.first[(min(begin + kLanes, bytes) - 1) / kChannels];
        if ((right - left + kGroup) * kChannels > kVectorBytes) return false;
    }
    return true;
}

// A table starts with a vector that says which form it has, and then the offsets of the blocks.
struct Header {
    std::uint32_t in_blocks;
};

std::size_t num_blocks(const RowTaps& taps) {
    return round_up(taps.output_width * kChannels, kVectorBytes) / kLanes;
}

std::size_t steps_offset(const RowTaps& taps) {
    return kVectorBytes + round_up(num_blocks(taps) * sizeof(std::uint32_t), kVectorBytes);
}

std::size_t num_chunks(const RowTaps& taps) { return (taps.stride + kChunkTaps - 1) / kChunkTaps; }

std::size_t table_bytes(const RowTaps& taps) {
    if (fits_blocks(taps)) {
        return steps_offset(taps) + num_blocks(taps) * (taps.stride / kGroup) * kBlockStep;
    }
    return kVectorBytes + taps.output_width * num_chunks(taps) * kVectorBytes;
}

// Lane l of a step: which four of the 64 loaded bytes, and their weights in three digits.
void fill_blocks(const RowTaps& taps, std::uint8_t* table) {
    auto* const offsets = reinterpret_cast<std::uint32_t*>(table + kVectorBytes);
    std::uint8_t* step = table + steps_offset(taps);
    const std::size_t bytes = taps.output_width * kChannels;
    for (std::size_t block = 0; block < num_blocks(taps); ++block) {
        const std::size_t begin = block * kLanes;
        const std::uint32_t left = taps.first[min(begin, bytes - 1) / kChannels];
        offsets[block] = left * static_cast<std::uint32_t>(kChannels);
        for (std::size_t tap = 0; tap < taps.stride; tap += kGroup, step += kBlockStep) {
            __builtin_memset(step, 0, kBlockStep);
            for (std::size_t lane = 0; lane < kLanes && begin + lane < bytes; ++lane) {
                const std::size_t x = (begin + lane) / kChannels;
                const std::size_t start =
                    (taps.first[x] - left) * kChannels + (begin + lane) % kChannels;
                const std::int32_t* weights = taps.weights + x * taps.stride + tap;
                for (std::size_t k = 0; k < kGroup; ++k) {
                    std::uint8_t* const at = step + lane * kGroup + k;
                    const Digits digits = split(weights[k]);
                    at[0] = static_cast<std::uint8_t>(start + k * kChannels);
                    for (std::size_t d = 0; d < 3; ++d) {
                        at[(d + 1) * kVectorBytes] = static_cast<std::uint8_t>(digits.of[d]);
                    }
                }
            }
        }
    }
}

// Twenty taps of one pixel: their three digits, as five groups each.
void fill_chunks(const RowTaps& taps, std::uint8_t* table) {
    std::uint8_t* chunk = table + kVectorBytes;
    for (std::size_t x = 0; x < taps.output_width; ++x) {
        const std::int32_t* weights = taps.weights + x * taps.stride;
        for (std::size_t begin = 0; begin < taps.stride; begin += kChunkTaps) {
            __builtin_memset(chunk, 0, kVectorBytes);
            for (std::size_t k = 0; k < kChunkTaps && begin + k < taps.stride; ++k) {
                const Digits digits = split(weights[begin + k]);
                for (std::size_t d = 0; d < 3; ++d) {
                    chunk[d * kChunkTaps + k] = static_cast<std::uint8_t>(digits.of[d]);
                }
            }
            chunk += kVectorBytes;
        }
    }
}

void fill_table(const RowTaps& taps, std::uint8_t* table) {
    const bool in_blocks = fits_blocks(taps);
    reinterpret_cast<Header*>(table)->in_blocks = in_blocks ? 1 : 0;
    if (in_blocks) {
        fill_blocks(taps, table);
    } else {
        fill_chunks(taps, table);
    }
}

__m512i block_sums(const std::uint8_t* input, const std::uint8_t* step, std::size_t groups) {
    if (groups == 1) {
        const __m512i pixels =
            _mm512_permutexvar_epi8(_mm512_load_si512(step), _mm512_loadu_si512(input));
        return weigh(pixels, _mm512_load_si512(step + kVectorBytes),
                     _mm512_load_si512(step + 2 * kVectorBytes),
                     _mm512_load_si512(step + 3 * kVectorBytes));
    }
    Sums sums;
    sums.start();
    for (std::size_t group = 0; group < groups; ++group, step += kBlockStep) {
        const __m512i bytes = _mm512_loadu_si512(input + group * kGroup * kChannels);
        sums.add(_mm512_permutexvar_epi8(_mm512_load_si512(step), bytes),
                 _mm512_load_si512(step + kVectorBytes), _mm512_load_si512(step + 2 * kVectorBytes),
                 _mm512_load_si512(step + 3 * kVectorBytes));
    }
    return sums.scaled();
}

void scale_row_blocks(const std::uint8_t* input, const RowTaps& taps, const std::uint8_t* table,
                      std::uint8_t* output) {
    // Block b's lane l is where lane b of all is wanted.
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const auto* offsets = reinterpret_cast<const std::uint32_t*>(table + kVectorBytes);
    const std::uint8_t* step = table + steps_offset(taps);
    const std::size_t groups = taps.stride / kGroup;
    for (std::size_t block = 0; block < num_blocks(taps); block += 4, output += kVectorBytes) {
        __m512i sums[4];
        for (std::size_t i = 0; i < 4; ++i, step += groups * kBlockStep) {
            sums[i] = block_sums(input + offsets[block + i], step, groups);
        }
        _mm512_storeu_si512(output, _mm512_permutexvar_epi32(order, to_bytes(sums)));
    }
}

struct alignas(kVectorBytes) Order {
    std::uint8_t at[kVectorBytes];
};

// Dword 3 g + c of a chunk: the four taps of group g in channel c.
constexpr Order make_chunk_order() {
    Order order = {};
    for (std::size_t at = 0; at < kChunkBytes; ++at) {
        const std::size_t lane = at / kGroup;
        const std::size_t tap = lane / kChannels * kGroup + at % kGroup;
        order.at[at] = static_cast<std::uint8_t>(tap * kChannels + lane % kChannels);
    }
    return order;
}

constexpr Order kChunkOrder = make_chunk_order();

void scale_row_pixels(const std::uint8_t* input, const RowTaps& taps, const std::uint8_t* table,
                      std::uint8_t* output) {
    const __m512i order = _mm512_load_si512(&kChunkOrder);
    // The last lane's weights are the zeros behind the digits.
    const __m512i spread = _mm512_setr_epi32(0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 15);
    const __m512i five = _mm512_set1_epi32(kChunkTaps / kGroup);
    const __m512i spread_b = _mm512_mask_add_epi32(spread, 0x7FFF, spread, five);
    const __m512i spread_c = _mm512_mask_add_epi32(spread_b, 0x7FFF, spread_b, five);
    const std::uint8_t* chunk = table + kVectorBytes;
    for (std::size_t x = 0; x < taps.output_width; ++x) {
        const std::uint8_t* pixels = input + taps.first[x] * kChannels;
        Sums sums;
        sums.a = sums.b = sums.c = _mm512_setzero_si512();
        for (std::size_t i = num_chunks(taps); i > 0; --i) {
            const __m512i digits = _mm512_load_si512(chunk);
            sums.add(_mm512_permutexvar_epi8(order, _mm512_loadu_si512(pixels)),
                     _mm512_permutexvar_epi32(spread, digits),
                     _mm512_permutexvar_epi32(spread_b, digits),
                     _mm512_permutexvar_epi32(spread_c, digits));
            pixels += kChunkBytes;
            chunk += kVectorBytes;
        }
        // Lanes c, 3 + c, ... 12 + c belong to channel c.
        const __m512i whole = sums.whole();
        __m512i total = _mm512_add_epi32(whole, _mm512_alignr_epi32(whole, whole, 6));
        total = _mm512_add_epi32(total, _mm512_alignr_epi32(total, total, 3));
        total = _mm512_add_epi32(total, _mm512_alignr_epi32(whole, whole, 12));
        const __m128i rounded =
            _mm_add_epi32(_mm512_castsi512_si128(total), _mm_set1_epi32(kHalfInTop << 16));
        const __m128i words = _mm_packs_epi32(_mm_srai_epi32(rounded, kShift), rounded);
        const int rgb = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
        __builtin_memcpy(output + x * kChannels, &rgb, kChannels);
    }
}

void scale_row(const std::uint8_t* input, const RowTaps& taps, const std::uint8_t* table,
               std::uint8_t* output) {
    if (reinterpret_cast<const Header*>(table)->in_blocks != 0) {
        scale_row_blocks(input, taps, table, output);
    } else {
        scale_row_pixels(input, taps, table, output);
    }
}

// The weights of a group, one digit of each in every lane.
struct GroupWeights {
    __m512i a, b, c;

    explicit GroupWeights(const std::int32_t* weights) {
        std::uint32_t packed[3] = {};
        for (std::size_t k = 0; k < kGroup; ++k) {
            const Digits digits = split(weights[k]);
            for (std::size_t d = 0; d < 3; ++d) {
                packed[d] |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(digits.of[d]))
                             << (8 * k);
            }
        }
        a = _mm512_set1_epi32(static_cast<int>(packed[0]));
        b = _mm512_set1_epi32(static_cast<int>(packed[1]));
        c = _mm512_set1_epi32(static_cast<int>(packed[2]));
    }
};

// Four rows' bytes as dwords of one column each, in the order that to_bytes undoes.
void interleave(const std::uint8_t* const* rows, std::size_t at, __m512i* columns) {
    const __m512i r0 = _mm512_loadu_si512(rows[0] + at), r1 = _mm512_loadu_si512(rows[1] + at);
    const __m512i r2 = _mm512_loadu_si512(rows[2] + at), r3 = _mm512_loadu_si512(rows[3] + at);
    const __m512i low01 = _mm512_unpacklo_epi8(r0, r1), high01 = _mm512_unpackhi_epi8(r0, r1);
    const __m512i low23 = _mm512_unpacklo_epi8(r2, r3), high23 = _mm512_unpackhi_epi8(r2, r3);
    columns[0] = _mm512_unpacklo_epi16(low01, low23);
    columns[1] = _mm512_unpackhi_epi16(low01, low23);
    columns[2] = _mm512_unpacklo_epi16(high01, high23);
    columns[3] = _mm512_unpackhi_epi16(high01, high23);
}

void blend_rows(const std::uint8_t* const* rows, const std::int32_t* weights, std::size_t taps,
                std::uint8_t* output, std::size_t bytes) {
    const GroupWeights first(weights);
    for (std::size_t at = 0; at < bytes; at += kVectorBytes) {
        __m512i columns[4], sums[4];
        interleave(rows, at, columns);
        if (taps == kGroup) {
            for (std::size_t i = 0; i < 4; ++i) {
                sums[i] = weigh(columns[i], first.a, first.b, first.c);
            }
        } else {
            Sums parts[4];
            for (std::size_t i = 0; i < 4; ++i) {
                parts[i].start();
                parts[i].add(columns[i], first.a, first.b, first.c);
            }
            for (std::size_t tap = kGroup; tap < taps; tap += kGroup) {
                const GroupWeights group(weights + tap);
                interleave(rows + tap, at, columns);
                for (std::size_t i = 0; i < 4; ++i) {
                    parts[i].add(columns[i], group.a, group.b, group.c);
                }
            }
            for (std::size_t i = 0; i < 4; ++i) sums[i] = parts[i].scaled();
        }
        _mm512_storeu_si512(output + at, to_bytes(sums));
    }
}

}  // namespace

const ResizeKernels kResizeAvx512 = {table_bytes, fill_table, scale_row, blend_rows};

}  // namespace mgn::image
