// SPDX-License-Identifier: Apache-2.0
// The inner loops of evaluation, once per SIMD level. Every level gives the same results to the
// bit, but for `multiply` and scans, whose sums differ by rounding. Level units are compiled for
// CPUs that may not be this one: they share no inline function with other units, hence the raw
// pointers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mgn {

// Dot products of `num_rows` rows with `num_columns` columns, both `width` long, one after another.
struct Rectangle {
    const float* rows;
    std::size_t num_rows;
    const float* columns;
    std::size_t num_columns;
    std::size_t width;
    float* out;
    std::size_t out_stride;  // elements from one row of `out` to the next
    float* row_scratch;      // Kernels::row_scratch elements
    float* column_scratch;   // Kernels::column_scratch elements for each of `width`
};

// How a `multiply` sums, on every level: so many terms one after another, those sums up to a block,
// and the blocks' sums. The shorter each run of additions, the smaller the bound on what rounding
// can do (roundings.h); runs of 64 cost no time that could be measured.
constexpr std::size_t kSumChunk = 64;
constexpr std::size_t kSumBlock = 256;

// At most so many rows are scanned at once: whole tiles of every level's product, and 344 kB of
// halves at width 2048, so that they stay in the second cache while queries pass by.
constexpr std::size_t kScanRows = 84;
// Panels of packed queries hold no more.
constexpr std::size_t kQueryPanel = 32;

// Dot products of rows of halves or floats, which may lie anywhere, with a few queries and with
// themselves, in float32.
struct Scan {
    const float* queries;     // [num_queries, width]
    const float* packed;      // what pack_queries made of them
    std::size_t num_queries;  // in `packed` filled up with zeros to whole panels
    const void* const* rows;  // each points to `width` values
    std::size_t num_rows;     // kScanRows at most
    std::size_t num_listed;   // with those of `rows` that come next, and are asked for ahead
    std::size_t width;
    float* dots;     // [num_rows, num_queries]
    float* squares;  // [num_rows]
    float* scratch;  // Kernels::row_scratch elements, for packed queries
};

// No term of a scan's sums is rounded more often, whatever the level: lanes of four floats or
// more are summed in turn and then added up, packed queries in pieces of 256.
constexpr std::size_t scan_roundings(std::size_t width) {
    return width < 400 ? width : width / 4 + 300;
}

struct ScanKernels {
    void (*halves)(const Scan& scan);
    void (*floats)(const Scan& scan);
    // The same for more than `few_queries`, which are packed once. Null where the level has no
    // product.
    void (*packed_halves)(const Scan& scan);
    void (*packed_floats)(const Scan& scan);
    void (*pack_queries)(const float* queries, std::size_t count, std::size_t width, float* out);
    void (*to_floats)(const std::uint16_t* halves, std::size_t count, float* out);
    std::size_t few_queries;
};

constexpr std::size_t kWordBits = 64;

inline std::size_t words_for(std::size_t count) { return (count + kWordBits - 1) / kWordBits; }

// Values that are compared come in words: bit j of words[w] speaks of value 64 w + j, and bits
// beyond `count` are 0.
template <typename T>
struct CompareKernels {
    // Bit set: not above the bound; a NaN's always is.
    void (*mark_within)(const T* values, std::size_t count, T bound, std::uint64_t* words);
    // Bit set: not below the bound; a NaN's always is.
    void (*mark_beyond)(const T* values, std::size_t count, T bound, std::uint64_t* words);
    // For each of `windows` pairs of bounds, how many of up to 64 values are below the lower one,
    // and how many are not above the upper one. No NaN.
    void (*count_around)(const T* values, std::size_t count, const T* lower, const T* upper,
                         std::size_t windows, std::uint32_t* below, std::uint32_t* not_above);
};

struct Kernels {
    CompareKernels<float> narrow;
    CompareKernels<double> wide;
    // As mark_within, but every value has its own bound.
    void (*mark_within_each)(const float* values, std::size_t count, const float* bounds,
                             std::uint64_t* words);
    // Bit set: not below the value's own bound.
    void (*mark_beyond_each)(const float* values, std::size_t count, const float* bounds,
                             std::uint64_t* words);
    // Float64 sums in eight lanes: one order of additions at every level.
    double (*dot)(const float* a, const float* b, std::size_t width);
    double (*squared_distance)(const float* a, const float* b, std::size_t width);
    // The same of several rows and one other.
    void (*squared_distances)(const float* const* rows, std::size_t count, const float* other,
                              std::size_t width, double* out);
    // Each product is summed in one order, wherever it stands in the rectangle. Null where numpy's
    // BLAS does better.
    void (*multiply)(const Rectangle& rectangle);
    // The same of pairs of bfloat16, each pair in the place of a float. Null where the CPU has no
    // instruction for it.
    void (*multiply_pairs)(const Rectangle& rectangle);
    std::size_t row_scratch;
    std::size_t column_scratch;
    ScanKernels scan;
};

// Those of the level in use. Throws InvalidInput if MGN_FAST_SIMD names none of this CPU's.
const Kernels& kernels();

const Kernels& scalar_kernels();
#if defined(__x86_64__)
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();
#elif defined(__aarch64__)
const Kernels& neon_kernels();
#endif
#if defined(MGN_WITH_BFLOAT16)  // the compiler knows the instructions
const Kernels& bfloat16_kernels();
#endif

template <typename T>
const CompareKernels<T>& compare_kernels();
template <>
inline const CompareKernels<float>& compare_kernels() {
    return kernels().narrow;
}
template <>
inline const CompareKernels<double>& compare_kernels() {
    return kernels().wide;
}

}  // namespace mgn
