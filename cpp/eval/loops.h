// SPDX-License-Identifier: Apache-2.0
// The inner loops of evaluation, once per SIMD level. Every level gives the same results to the
// bit, but for `multiply`, whose sums differ by rounding. Level units are compiled for CPUs that
// may not be this one: they share no inline function with other units, hence the raw pointers.
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
    // Each product is summed in one order, wherever it stands in the rectangle. Null where numpy's
    // BLAS does better.
    void (*multiply)(const Rectangle& rectangle);
    // The same of pairs of bfloat16, each pair in the place of a float. Null where the CPU has no
    // instruction for it.
    void (*multiply_pairs)(const Rectangle& rectangle);
    std::size_t row_scratch;
    std::size_t column_scratch;
};

// Those of the level in use. Throws InvalidInput if MGN_FAST_SIMD names none of this CPU's.
const Kernels& kernels();

const Kernels& scalar_kernels();
#if defined(__x86_64__)
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();
#endif
#if defined(MGN_WITH_BFLOAT16)  // the compiler knows the instructions
const Kernels& avx512_bf16_kernels();
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
