// SPDX-License-Identifier: Apache-2.0
// The inner loops, one table of functions per instruction set; every table gives the same bytes.
// Units built for wider instructions see plain structs and pointers only: an inline function or a
// template compiled there could be the copy that the linker keeps for everyone.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mgn::image {

// Bytes behind every row that a kernel may read; their values never matter.
constexpr std::size_t kReadableBehind = 192;
// Kernels write whole vectors: a row of scratch has the row's bytes plus this, rounded up to 64.
constexpr std::size_t kSpareBehind = 16;
constexpr std::size_t kVectorBytes = 64;

// `rows` rows of RGB pixels, `stride` bytes apart.
struct Strip {
    const std::uint8_t* pixels;
    std::size_t stride;
    std::size_t rows;
    std::size_t width;
};

// What each of the 256 values of each channel becomes.
struct alignas(64) Levels {
    float value[3][256];
    std::uint16_t half[3][256];           // IEEE binary16, rounded to nearest even
    std::uint8_t value_bytes[3][4][256];  // the same bits, least significant byte first
    std::uint8_t half_bytes[3][2][256];
    // value = (x * (1 / scale) - mean) * (1 / deviation) with reciprocals in two floats each.
    float mean[3];
    float reciprocal[3][2];
    float reciprocal_scale[2];
    bool reciprocals_exact;  // whether that gives every value to the bit
};

// A view of taps.h's Taps for a horizontal pass.
struct RowTaps {
    const std::uint32_t* first;
    const std::int32_t* weights;
    std::size_t stride;
    std::size_t output_width;
};

// Where a strip's red, green and blue go, each from the strip's first row on: three planes, or null
// where not wanted.
template <typename Element>
struct Planes {
    Element* plain[3];
    Element* mirrored[3];
    bool stream;  // every row is whole lines of 64 bytes, best kept out of the cache
};

struct ResizeKernels {
    // The level's own form of the taps: its size in bytes, and the function that fills it. The
    // table starts on a 64-byte boundary.
    std::size_t (*table_bytes)(const RowTaps& taps);
    void (*fill_table)(const RowTaps& taps, std::uint8_t* table);
    // Scales one row into scratch.
    void (*scale_row)(const std::uint8_t* input, const RowTaps& taps, const std::uint8_t* table,
                      std::uint8_t* output);
    // Weighs `taps` rows, a multiple of 4, into scratch; `bytes` is a multiple of 64.
    void (*blend_rows)(const std::uint8_t* const* rows, const std::int32_t* weights,
                       std::size_t taps, std::uint8_t* output, std::size_t bytes);
};

struct PackKernels {
    void (*floats)(const Strip& strip, const Levels& levels, const Planes<float>& output);
    void (*halves)(const Strip& strip, const Levels& levels, const Planes<std::uint16_t>& output);
    // Rows of the output follow each other without a gap; null where not wanted.
    void (*bytes)(const Strip& strip, std::uint8_t* plain, std::uint8_t* mirrored, bool stream);
    // Makes streamed stores visible before anything that follows.
    void (*finish)();
};

extern const ResizeKernels kResizeScalar;
extern const PackKernels kPackScalar;
#if defined(__x86_64__)
extern const ResizeKernels kResizeAvx2;
extern const ResizeKernels kResizeAvx512;
extern const PackKernels kPackAvx2;
extern const PackKernels kPackAvx512;
#elif defined(__aarch64__)
extern const ResizeKernels kResizeNeon;
extern const PackKernels kPackNeon;
#endif

}  // namespace mgn::image
