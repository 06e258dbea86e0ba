// SPDX-License-Identifier: Apache-2.0
// Packing with AVX2, FMA and F16C: x / scale and the division by the deviation are multiplications
// by reciprocals in two floats, used only where levels.cpp has found every value equal to the
// quotient. Nothing but C headers is included: see kernels.h.
#include <immintrin.h>

#include "image/kernels.h"

namespace mgn::image {
namespace {

constexpr std::size_t kChannels = 3;
constexpr std::size_t kRun = 8;  // pixels
constexpr char kNone = -1;

// (x / scale - mean) / deviation of one channel, for eight pixels.
struct Normaliser {
    __m256 scale_high, scale_low, mean, high, low;

    Normaliser(const Levels& levels, std::size_t channel)
        : scale_high(_mm256_set1_ps(levels.reciprocal_scale[0])),
          scale_low(_mm256_set1_ps(levels.reciprocal_scale[1])),
          mean(_mm256_set1_ps(levels.mean[channel])),
          high(_mm256_set1_ps(levels.reciprocal[channel][0])),
          low(_mm256_set1_ps(levels.reciprocal[channel][1])) {}

    __m256 of(__m128i bytes) const {
        const __m256 x = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
        const __m256 scaled = _mm256_fmadd_ps(x, scale_high, _mm256_mul_ps(x, scale_low));
        const __m256 centred = _mm256_sub_ps(scaled, mean);
        return _mm256_fmadd_ps(centred, high, _mm256_mul_ps(centred, low));
    }
};

// How one channel of eight pixels is picked from bytes 0 to 15 and from bytes 8 to 23.
struct ChannelOrder {
    alignas(16) char front[16];
    alignas(16) char back[16];
};

constexpr ChannelOrder make_channel_order(std::size_t channel) {
    ChannelOrder order = {};
    for (std::size_t i = 0; i < 16; ++i) {
        const std::size_t byte = i * kChannels + channel;
        order.front[i] = i < kRun && byte < 16 ? static_cast<char>(byte) : kNone;
        order.back[i] = i < kRun && byte >= 16 ? static_cast<char>(byte - 8) : kNone;
    }
    return order;
}

constexpr ChannelOrder kChannelOrder[kChannels] = {make_channel_order(0), make_channel_order(1),
                                                   make_channel_order(2)};

struct ChannelPicker {
    __m128i front, back;

    explicit ChannelPicker(const ChannelOrder& order)
        : front(_mm_load_si128(reinterpret_cast<const __m128i*>(order.front))),
          back(_mm_load_si128(reinterpret_cast<const __m128i*>(order.back))) {}

    __m128i of(const std::uint8_t* pixels) const {
        const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels));
        const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels + 8));
        return _mm_or_si128(_mm_shuffle_epi8(a, front), _mm_shuffle_epi8(b, back));
    }
};

// Writes eight values and the same in reverse order; null where not wanted.
void put(__m256 value, float* plain, float* mirrored, bool stream) {
    const __m256i down = _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    const __m256 reversed = _mm256_permutevar8x32_ps(value, down);
    if (stream) {
        if (plain != nullptr) _mm256_stream_ps(plain, value);
        if (mirrored != nullptr) _mm256_stream_ps(mirrored, reversed);
    } else {
        if (plain != nullptr) _mm256_storeu_ps(plain, value);
        if (mirrored != nullptr) _mm256_storeu_ps(mirrored, reversed);
    }
}

void put(__m256 value, std::uint16_t* plain, std::uint16_t* mirrored, bool stream) {
    const __m128i down = _mm_setr_epi8(14, 15, 12, 13, 10, 11, 8, 9, 6, 7, 4, 5, 2, 3, 0, 1);
    const __m128i halves = _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT);
    const __m128i reversed = _mm_shuffle_epi8(halves, down);
    auto* const to = reinterpret_cast<__m128i*>(plain);
    auto* const to_mirrored = reinterpret_cast<__m128i*>(mirrored);
    if (stream) {
        if (to != nullptr) _mm_stream_si128(to, halves);
        if (to_mirrored != nullptr) _mm_stream_si128(to_mirrored, reversed);
    } else {
        if (to != nullptr) _mm_storeu_si128(to, halves);
        if (to_mirrored != nullptr) _mm_storeu_si128(to_mirrored, reversed);
    }
}

template <typename Element>
void pack_row(const std::uint8_t* row, std::size_t width, const ChannelPicker& picker,
              const Normaliser& normaliser, Element* plain, Element* mirrored, bool stream) {
    for (std::size_t x = 0; x + kRun <= width; x += kRun) {
        const __m256 value = normaliser.of(picker.of(row + x * kChannels));
        put(value, plain != nullptr ? plain + x : nullptr,
            mirrored != nullptr ? mirrored + width - kRun - x : nullptr, stream);
    }
}

template <typename Element>
void look_up(const std::uint8_t* row, std::size_t begin, std::size_t width, const Element* level,
             Element* plain, Element* mirrored) {
    for (std::size_t x = begin; x < width; ++x) {
        const Element value = level[row[x * kChannels]];
        if (plain != nullptr) plain[x] = value;
        if (mirrored != nullptr) mirrored[width - 1 - x] = value;
    }
}

template <typename Element>
void pack(const Strip& strip, const Levels& levels, const Element (&table)[3][256],
          const Planes<Element>& output) {
    const std::size_t in_vectors = levels.reciprocals_exact ? strip.width / kRun * kRun : 0;
    for (std::size_t channel = 0; channel < kChannels; ++channel) {
        const Normaliser normaliser(levels, channel);
        const ChannelPicker picker(kChannelOrder[channel]);
        for (std::size_t y = 0; y < strip.rows; ++y) {
            const std::uint8_t* row = strip.pixels + y * strip.stride;
            const std::size_t offset = y * strip.width;
            Element* const plain =
                output.plain[channel] != nullptr ? output.plain[channel] + offset : nullptr;
            Element* const mirrored =
                output.mirrored[channel] != nullptr ? output.mirrored[channel] + offset : nullptr;
            if (in_vectors > 0) {
                pack_row(row, strip.width, picker, normaliser, plain, mirrored, output.stream);
            }
            look_up(row + channel, in_vectors, strip.width, table[channel], plain, mirrored);
        }
    }
}

void floats(const Strip& strip, const Levels& levels, const Planes<float>& output) {
    pack(strip, levels, levels.value, output);
}

void halves(const Strip& strip, const Levels& levels, const Planes<std::uint16_t>& output) {
    pack(strip, levels, levels.half, output);
}

// Five pixels at a time: fifteen of sixteen bytes.
void mirror_row(const std::uint8_t* row, std::size_t width, std::uint8_t* output) {
    const __m128i order = _mm_setr_epi8(kNone, 12, 13, 14, 9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2);
    constexpr std::size_t run = 5;
    std::size_t x = 0;
    // The byte in front belongs to what is written next, so the leftmost run goes another way.
    for (; x + run + 1 <= width; x += run) {
        const __m128i pixels =
            _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + x * kChannels));
        auto* const at = reinterpret_cast<__m128i*>(output + (width - x - run) * kChannels - 1);
        _mm_storeu_si128(at, _mm_shuffle_epi8(pixels, order));
    }
    for (; x < width; ++x) {
        __builtin_memcpy(output + (width - 1 - x) * kChannels, row + x * kChannels, kChannels);
    }
}

void bytes(const Strip& strip, std::uint8_t* plain, std::uint8_t* mirrored, bool) {
    const std::size_t row_bytes = strip.width * kChannels;
    for (std::size_t y = 0; y < strip.rows; ++y) {
        const std::uint8_t* row = strip.pixels + y * strip.stride;
        if (plain != nullptr) __builtin_memcpy(plain + y * row_bytes, row, row_bytes);
        if (mirrored != nullptr) mirror_row(row, strip.width, mirrored + y * row_bytes);
    }
}

void finish() { _mm_sfence(); }

}  // namespace

const PackKernels kPackAvx2 = {floats, halves, bytes, finish};

}  // namespace mgn::image
