// SPDX-License-Identifier: Apache-2.0
// What the levels share in source. Included once by each level's unit, after its struct `Level`;
// everything is local to that unit, because each compiles it for another CPU.
#pragma once

#include <cstddef>
#include <cstdint>

#include "eval/loops.h"

namespace mgn {

namespace {

std::uint32_t count_bits(std::uint64_t word) {
    return static_cast<std::uint32_t>(__builtin_popcountll(word));
}

template <typename T>
void mark_within(const T* values, std::size_t count, T bound, std::uint64_t* words) {
    std::size_t j = 0;
    for (; j + kWordBits <= count; j += kWordBits) {
        *words++ = Level::not_above(values + j, bound);
    }
    if (j == count) return;
    std::uint64_t word = 0;
    for (std::size_t bit = 0; j + bit < count; ++bit) {
        word |= static_cast<std::uint64_t>(!(values[j + bit] > bound)) << bit;
    }
    *words = word;
}

void mark_within_each(const float* values, std::size_t count, const float* bounds,
                      std::uint64_t* words) {
    std::size_t j = 0;
    for (; j + kWordBits <= count; j += kWordBits) {
        *words++ = Level::none_above(values + j, bounds + j);
    }
    if (j == count) return;
    std::uint64_t word = 0;
    for (std::size_t bit = 0; j + bit < count; ++bit) {
        word |= static_cast<std::uint64_t>(!(values[j + bit] > bounds[j + bit])) << bit;
    }
    *words = word;
}

template <typename T>
void count_around(const T* values, std::size_t count, const T* lower, const T* upper,
                  std::size_t windows, std::uint32_t* below, std::uint32_t* not_above) {
    if (count == kWordBits) {
        for (std::size_t w = 0; w < windows; ++w) {
            below[w] = count_bits(Level::below(values, lower[w]));
            not_above[w] = count_bits(Level::not_above(values, upper[w]));
        }
        return;
    }
    for (std::size_t w = 0; w < windows; ++w) {
        below[w] = not_above[w] = 0;
        for (std::size_t j = 0; j < count; ++j) {
            below[w] += values[j] < lower[w] ? 1U : 0U;
            not_above[w] += values[j] <= upper[w] ? 1U : 0U;
        }
    }
}

constexpr std::size_t kLanes = 8;
typedef float NarrowLanes __attribute__((vector_size(kLanes * sizeof(float))));
typedef double Lanes __attribute__((vector_size(kLanes * sizeof(double))));

template <bool kOfDifferences>
double sum_in_lanes(const float* a, const float* b, std::size_t width) {
    Lanes sums = {};
    std::size_t k = 0;
    for (; k + kLanes <= width; k += kLanes) {
        NarrowLanes left;
        NarrowLanes right;
        __builtin_memcpy(&left, a + k, sizeof(left));
        __builtin_memcpy(&right, b + k, sizeof(right));
        const Lanes x = __builtin_convertvector(left, Lanes);
        const Lanes y = __builtin_convertvector(right, Lanes);
        sums += kOfDifferences ? (x - y) * (x - y) : x * y;
    }
    for (std::size_t lane = 0; k < width; ++k, ++lane) {
        const double x = static_cast<double>(a[k]);
        const double y = static_cast<double>(b[k]);
        sums[lane] += kOfDifferences ? (x - y) * (x - y) : x * y;
    }
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) +
           ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

double dot(const float* a, const float* b, std::size_t width) {
    return sum_in_lanes<false>(a, b, width);
}

double squared_distance(const float* a, const float* b, std::size_t width) {
    return sum_in_lanes<true>(a, b, width);
}

constexpr Kernels comparing_kernels() {
    return {{&mark_within<float>, &count_around<float>},
            {&mark_within<double>, &count_around<double>},
            &mark_within_each,
            &dot,
            &squared_distance,
            nullptr,
            0,
            0};
}

}  // namespace

}  // namespace mgn
