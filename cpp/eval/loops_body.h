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

// Whole words by the level's own comparison, the last part of one by `holds(j)`.
template <typename Whole, typename Holds>
void mark(std::size_t count, std::uint64_t* words, Whole whole, Holds holds) {
    std::size_t j = 0;
    for (; j + kWordBits <= count; j += kWordBits) *words++ = whole(j);
    if (j == count) return;
    std::uint64_t word = 0;
    for (std::size_t bit = 0; j + bit < count; ++bit) {
        word |= static_cast<std::uint64_t>(holds(j + bit)) << bit;
    }
    *words = word;
}

template <typename T>
void mark_within(const T* values, std::size_t count, T bound, std::uint64_t* words) {
    mark(
        count, words, [=](std::size_t j) { return Level::not_above(values + j, bound); },
        [=](std::size_t j) { return !(values[j] > bound); });
}

template <typename T>
void mark_beyond(const T* values, std::size_t count, T bound, std::uint64_t* words) {
    mark(
        count, words, [=](std::size_t j) { return ~Level::below(values + j, bound); },
        [=](std::size_t j) { return !(values[j] < bound); });
}

void mark_within_each(const float* values, std::size_t count, const float* bounds,
                      std::uint64_t* words) {
    mark(
        count, words, [=](std::size_t j) { return Level::none_above(values + j, bounds + j); },
        [=](std::size_t j) { return !(values[j] > bounds[j]); });
}

void mark_beyond_each(const float* values, std::size_t count, const float* bounds,
                      std::uint64_t* words) {
    mark(
        count, words, [=](std::size_t j) { return Level::none_below(values + j, bounds + j); },
        [=](std::size_t j) { return !(values[j] < bounds[j]); });
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

// Eight lanes in two halves, each of which one call of a level widens.
constexpr std::size_t kHalfLanes = 4;
constexpr std::size_t kLanes = 2 * kHalfLanes;
using Lanes = Level::Doubles;

// Both halves and the terms from k on, which fill no eight lanes.
template <bool kOfDifferences>
[[gnu::always_inline]] inline double sum_of_lanes(const Lanes& low, const Lanes& high,
                                                  const float* a, const float* b, std::size_t k,
                                                  std::size_t width) {
    const Lanes both[] = {low, high};  // a copy: what is pointed to stays in no register
    double sums[kLanes];
    __builtin_memcpy(sums, both, sizeof(sums));
    for (std::size_t lane = 0; k < width; ++k, ++lane) {
        const double x = static_cast<double>(a[k]);
        const double y = static_cast<double>(b[k]);
        sums[lane] += kOfDifferences ? (x - y) * (x - y) : x * y;
    }
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) +
           ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

template <bool kOfDifferences>
[[gnu::always_inline]] inline void add_terms(const float* a, const float* b, Lanes& sums) {
    Lanes x;
    Lanes y;
    Level::widen(a, x);
    Level::widen(b, y);
    if (kOfDifferences) {
        sums += (x - y) * (x - y);
    } else {
        Level::add_product(x, y, sums);
    }
}

template <bool kOfDifferences>
double sum_in_lanes(const float* a, const float* b, std::size_t width) {
    Lanes low = {};
    Lanes high = {};
    std::size_t k = 0;
#pragma GCC unroll 4
    for (; k + kLanes <= width; k += kLanes) {
        add_terms<kOfDifferences>(a + k, b + k, low);
        add_terms<kOfDifferences>(a + k + kHalfLanes, b + k + kHalfLanes, high);
    }
    return sum_of_lanes<kOfDifferences>(low, high, a, b, k, width);
}

double dot(const float* a, const float* b, std::size_t width) {
    return sum_in_lanes<false>(a, b, width);
}

double squared_distance(const float* a, const float* b, std::size_t width) {
    return sum_in_lanes<true>(a, b, width);
}

// As sum_in_lanes of each row and `other`, whose values are widened once for all.
template <std::size_t kRows>
void sum_squares_in_lanes(const float* const* rows, const float* other, std::size_t width,
                          double* out) {
    Lanes low[kRows] = {};
    Lanes high[kRows] = {};
    std::size_t k = 0;
    for (; k + kLanes <= width; k += kLanes) {
        Lanes x;
        Lanes y[2];
        Level::widen(other + k, y[0]);
        Level::widen(other + k + kHalfLanes, y[1]);
        for (std::size_t r = 0; r < kRows; ++r) {
            Level::widen(rows[r] + k, x);
            low[r] += (x - y[0]) * (x - y[0]);
            Level::widen(rows[r] + k + kHalfLanes, x);
            high[r] += (x - y[1]) * (x - y[1]);
        }
    }
    for (std::size_t r = 0; r < kRows; ++r) {
        out[r] = sum_of_lanes<true>(low[r], high[r], rows[r], other, k, width);
    }
}

void squared_distances(const float* const* rows, std::size_t count, const float* other,
                       std::size_t width, double* out) {
    constexpr std::size_t kTogether = 4;
    std::size_t r = 0;
    for (; r + kTogether <= count; r += kTogether) {
        sum_squares_in_lanes<kTogether>(rows + r, other, width, out + r);
    }
    for (; r < count; ++r) out[r] = squared_distance(rows[r], other, width);
}

constexpr Kernels comparing_kernels() {
    return {{&mark_within<float>, &mark_beyond<float>, &count_around<float>},
            {&mark_within<double>, &mark_beyond<double>, &count_around<double>},
            &mark_within_each,
            &mark_beyond_each,
            &dot,
            &squared_distance,
            &squared_distances,
            nullptr,
            nullptr,
            0,
            0,
            {}};
}

}  // namespace

}  // namespace mgn
