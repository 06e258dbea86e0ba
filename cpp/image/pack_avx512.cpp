// SPDX-License-Identifier: Apache-2.0
// Packing with AVX-512 (F, BW, VL, VBMI): a value is put together from its bytes, each looked up in
// registers for 64 pixels at once, so it is the table's whatever mean and deviation are.
// Nothing but C headers is included: see kernels.h.
#include <immintrin.h>

#include "image/kernels.h"

namespace mgn::image {
namespace {

constexpr std::size_t kChannels = 3;
constexpr std::size_t kChunk = 64;  // pixels
constexpr std::size_t kFloats = 16;
constexpr std::size_t kHalves = 32;
constexpr std::size_t kPixelsOfBytes = 16;

// One byte of the result for each of 256 values.
struct ByteTable {
    __m512i part[4];

    explicit ByteTable(const std::uint8_t* bytes) {
        for (std::size_t i = 0; i < 4; ++i) part[i] = _mm512_load_si512(bytes + i * 64);
    }
    __m512i at(__m512i index, __mmask64 upper) const {
        return _mm512_mask_blend_epi8(upper, _mm512_permutex2var_epi8(part[0], index, part[1]),
                                      _mm512_permutex2var_epi8(part[2], index, part[3]));
    }
};

struct alignas(64) Order {
    std::uint8_t at[64];
};

// How one channel of 64 pixels is picked from three vectors. Byte 16 l + `run` j + i of the result
// is pixel 4 run j + run l + i, so that interleaving within 128-bit lanes leaves runs in order.
struct ChannelOrder {
    Order front;
    Order back;
    std::uint64_t in_back;
};

constexpr ChannelOrder make_channel_order(std::size_t channel, std::size_t run) {
    ChannelOrder order = {};
    for (std::size_t at = 0; at < kChunk; ++at) {
        const std::size_t lane = at / 16, j = at % 16 / run, i = at % run;
        const std::size_t byte = (run * 4 * j + run * lane + i) * kChannels + channel;
        order.front.at[at] = static_cast<std::uint8_t>(byte & 127);
        order.back.at[at] = static_cast<std::uint8_t>(byte & 63);
        if (byte >= 128) order.in_back |= std::uint64_t{1} << at;
    }
    return order;
}

constexpr ChannelOrder kInFloats[kChannels] = {make_channel_order(0, 4), make_channel_order(1, 4),
                                               make_channel_order(2, 4)};
constexpr ChannelOrder kInHalves[kChannels] = {make_channel_order(0, 8), make_channel_order(1, 8),
                                               make_channel_order(2, 8)};

struct ChannelPicker {
    __m512i front, back;
    __mmask64 in_back;

    explicit ChannelPicker(const ChannelOrder& order)
        : front(_mm512_load_si512(&order.front)),
          back(_mm512_load_si512(&order.back)),
          in_back(order.in_back) {}

    __m512i of(const std::uint8_t* pixels) const {
        const __m512i picked = _mm512_permutex2var_epi8(_mm512_loadu_si512(pixels), front,
                                                        _mm512_loadu_si512(pixels + 64));
        return _mm512_mask_permutexvar_epi8(picked, in_back, back,
                                            _mm512_loadu_si512(pixels + 128));
    }
};

// Sixteen floats or thirty-two halves whose first `count` are in reverse order.
__m512i reversed_floats(__m512i value, std::size_t count) {
    const __m512i up = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i last = _mm512_set1_epi32(static_cast<int>(count) - 1);
    return _mm512_permutexvar_epi32(_mm512_sub_epi32(last, up), value);
}

constexpr struct alignas(64) {
    std::uint16_t at[kHalves];
} kUpwards = {{0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
               16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}};

__m512i reversed_halves(__m512i value, std::size_t count) {
    const __m512i last = _mm512_set1_epi16(static_cast<std::int16_t>(count - 1));
    const __m512i down = _mm512_sub_epi16(last, _mm512_load_si512(&kUpwards));
    return _mm512_permutexvar_epi16(down, value);
}

// Stores a whole vector of 64 bytes.
void store(void* output, __m512i value, bool stream) {
    if (stream) {
        _mm512_stream_si512(static_cast<__m512i*>(output), value);
    } else {
        _mm512_storeu_si512(output, value);
    }
}

// Writes `count` floats at x of the plain row and in reverse at the mirrored row's other end.
void put_floats(__m512i value, std::size_t count, float* plain, float* mirrored_end, bool stream) {
    const auto mask = static_cast<__mmask16>((1U << count) - 1);
    const bool whole = count == kFloats;
    if (plain != nullptr) {
        if (whole) {
            store(plain, value, stream);
        } else {
            _mm512_mask_storeu_epi32(plain, mask, value);
        }
    }
    if (mirrored_end != nullptr) {
        const __m512i reversed = reversed_floats(value, count);
        if (whole) {
            store(mirrored_end - kFloats, reversed, stream);
        } else {
            _mm512_mask_storeu_epi32(mirrored_end - count, mask, reversed);
        }
    }
}

void put_halves(__m512i value, std::size_t count, std::uint16_t* plain, std::uint16_t* mirrored_end,
                bool stream) {
    const auto mask = static_cast<__mmask32>((std::uint64_t{1} << count) - 1);
    const bool whole = count == kHalves;
    if (plain != nullptr) {
        if (whole) {
            store(plain, value, stream);
        } else {
            _mm512_mask_storeu_epi16(plain, mask, value);
        }
    }
    if (mirrored_end != nullptr) {
        const __m512i reversed = reversed_halves(value, count);
        if (whole) {
            store(mirrored_end - kHalves, reversed, stream);
        } else {
            _mm512_mask_storeu_epi16(mirrored_end - count, mask, reversed);
        }
    }
}

std::size_t min(std::size_t a, std::size_t b) { return a < b ? a : b; }

template <typename Element>
Element* advanced(Element* data, std::size_t elements) {
    return data != nullptr ? data + elements : nullptr;
}

// A row's places in one plane; null stays null.
template <typename Element>
struct RowEnds {
    Element* plain;
    Element* mirrored_end;

    RowEnds(const Planes<Element>& output, std::size_t channel, std::size_t y, std::size_t width)
        : plain(advanced(output.plain[channel], y * width)),
          mirrored_end(advanced(output.mirrored[channel], (y + 1) * width)) {}

    Element* plain_at(std::size_t x) const { return advanced(plain, x); }
    Element* mirrored_at(std::size_t x) const {
        return mirrored_end != nullptr ? mirrored_end - x : nullptr;
    }
};

void floats(const Strip& strip, const Levels& levels, const Planes<float>& output) {
    for (std::size_t channel = 0; channel < kChannels; ++channel) {
        const auto& bytes = levels.value_bytes[channel];
        const ByteTable b0(bytes[0]), b1(bytes[1]), b2(bytes[2]), b3(bytes[3]);
        const ChannelPicker picker(kInFloats[channel]);
        for (std::size_t y = 0; y < strip.rows; ++y) {
            const std::uint8_t* row = strip.pixels + y * strip.stride;
            const RowEnds<float> ends(output, channel, y, strip.width);
            for (std::size_t x = 0; x < strip.width; x += kChunk) {
                const __m512i index = picker.of(row + x * kChannels);
                const __mmask64 upper = _mm512_movepi8_mask(index);
                const __m512i v0 = b0.at(index, upper), v1 = b1.at(index, upper);
                const __m512i v2 = b2.at(index, upper), v3 = b3.at(index, upper);
                const __m512i low01 = _mm512_unpacklo_epi8(v0, v1);
                const __m512i high01 = _mm512_unpackhi_epi8(v0, v1);
                const __m512i low23 = _mm512_unpacklo_epi8(v2, v3);
                const __m512i high23 = _mm512_unpackhi_epi8(v2, v3);
                const __m512i values[4] = {
                    _mm512_unpacklo_epi16(low01, low23), _mm512_unpackhi_epi16(low01, low23),
                    _mm512_unpacklo_epi16(high01, high23), _mm512_unpackhi_epi16(high01, high23)};
                for (std::size_t j = 0; j < 4 && x + j * kFloats < strip.width; ++j) {
                    const std::size_t at = x + j * kFloats;
                    put_floats(values[j], min(kFloats, strip.width - at), ends.plain_at(at),
                               ends.mirrored_at(at), output.stream);
                }
            }
        }
    }
}

void halves(const Strip& strip, const Levels& levels, const Planes<std::uint16_t>& output) {
    for (std::size_t channel = 0; channel < kChannels; ++channel) {
        const ByteTable b0(levels.half_bytes[channel][0]), b1(levels.half_bytes[channel][1]);
        const ChannelPicker picker(kInHalves[channel]);
        for (std::size_t y = 0; y < strip.rows; ++y) {
            const std::uint8_t* row = strip.pixels + y * strip.stride;
            const RowEnds<std::uint16_t> ends(output, channel, y, strip.width);
            for (std::size_t x = 0; x < strip.width; x += kChunk) {
                const __m512i index = picker.of(row + x * kChannels);
                const __mmask64 upper = _mm512_movepi8_mask(index);
                const __m512i v0 = b0.at(index, upper), v1 = b1.at(index, upper);
                const __m512i values[2] = {_mm512_unpacklo_epi8(v0, v1),
                                           _mm512_unpackhi_epi8(v0, v1)};
                for (std::size_t j = 0; j < 2 && x + j * kHalves < strip.width; ++j) {
                    const std::size_t at = x + j * kHalves;
                    put_halves(values[j], min(kHalves, strip.width - at), ends.plain_at(at),
                               ends.mirrored_at(at), output.stream);
                }
            }
        }
    }
}

// The order that mirrors `count` pixels of a 48-byte group.
constexpr Order make_mirrored_order(std::size_t count) {
    Order order = {};
    for (std::size_t at = 0; at < count * kChannels; ++at) {
        order.at[at] =
            static_cast<std::uint8_t>((count - 1 - at / kChannels) * kChannels + at % kChannels);
    }
    return order;
}

constexpr Order kMirrored = make_mirrored_order(kPixelsOfBytes);

// The same for 64 pixels: each third of the result lies in 66 bytes, from 126, 63 or 0 on.
constexpr std::size_t kThirdStart[3] = {126, 63, 0};

constexpr Order make_third_order(std::size_t third) {
    Order order = {};
    for (std::size_t i = 0; i < 64; ++i) {
        const std::size_t at = third * 64 + i;
        const std::size_t from = (kChunk - 1 - at / kChannels) * kChannels + at % kChannels;
        order.at[i] = static_cast<std::uint8_t>(from - kThirdStart[third]);
    }
    return order;
}

constexpr Order kMirroredThird[3] = {make_third_order(0), make_third_order(1), make_third_order(2)};

void mirror_chunk(const std::uint8_t* pixels, std::uint8_t* output, bool stream) {
    for (std::size_t third = 0; third < 3; ++third) {
        const std::uint8_t* from = pixels + kThirdStart[third];
        const __m512i order = _mm512_load_si512(&kMirroredThird[third]);
        const __m512i value = _mm512_permutex2var_epi8(_mm512_loadu_si512(from), order,
                                                       _mm512_loadu_si512(from + 64));
        store(output + third * 64, value, stream);
    }
}

void mirror_row(const std::uint8_t* row, std::size_t width, std::uint8_t* end, bool stream) {
    std::size_t x = 0;
    for (; x + kChunk <= width; x += kChunk) {
        end -= kChunk * kChannels;
        mirror_chunk(row + x * kChannels, end, stream);
    }
    while (x < width) {
        const std::size_t count = min(kPixelsOfBytes, width - x);
        const Order order = count == kPixelsOfBytes ? kMirrored : make_mirrored_order(count);
        const __m512i pixels = _mm512_loadu_si512(row + x * kChannels);
        end -= count * kChannels;
        _mm512_mask_storeu_epi8(end, (__mmask64{1} << (count * kChannels)) - 1,
                                _mm512_permutexvar_epi8(_mm512_load_si512(&order), pixels));
        x += count;
    }
}

void copy_row(const std::uint8_t* row, std::size_t row_bytes, std::uint8_t* output, bool stream) {
    if (!stream) {
        __builtin_memcpy(output, row, row_bytes);
        return;
    }
    for (std::size_t at = 0; at < row_bytes; at += 64) {
        store(output + at, _mm512_loadu_si512(row + at), true);
    }
}

void bytes(const Strip& strip, std::uint8_t* plain, std::uint8_t* mirrored, bool stream) {
    const std::size_t row_bytes = strip.width * kChannels;
    for (std::size_t y = 0; y < strip.rows; ++y) {
        const std::uint8_t* row = strip.pixels + y * strip.stride;
        if (plain != nullptr) copy_row(row, row_bytes, plain + y * row_bytes, stream);
        if (mirrored != nullptr) {
            mirror_row(row, strip.width, mirrored + (y + 1) * row_bytes, stream);
        }
    }
}

void finish() { _mm_sfence(); }

}  // namespace

const PackKernels kPackAvx512 = {floats, halves, bytes, finish};

}  // namespace mgn::image
