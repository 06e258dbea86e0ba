// SPDX-License-Identifier: Apache-2.0
// Scans with few queries, for levels whose struct `Level` has vectors: halves are widened in
// registers, and what is loaded serves several queries, or several rows. Local to each level's
// unit, because each is compiled for another CPU.
#pragma once

#include <cstddef>
#include <cstdint>

#include "eval/loops.h"

namespace mgn {

namespace {

constexpr std::size_t kQueriesTogether = 4;

// The first `count` values of a step, and zeros.
template <typename T>
Level::Step take_part(const T* from, std::size_t count) {
    T values[Level::kStep] = {};
    __builtin_memcpy(values, from, count * sizeof(T));
    return Level::take(values);
}

// Sums of some rows by some queries, and of the rows by themselves. Where fewer are left, the last
// one stands in for those that are missing, so that no loop asks how many there are.
template <typename T, std::size_t kRows, std::size_t kQueries>
struct ScanTile {
    const T* rows[kRows];
    const T* next[kRows];
    const float* queries[kQueries];
    typename Level::Vector dots[kRows][kQueries];
    typename Level::Vector squares[kRows];

    ScanTile(const Scan& scan, std::size_t row, std::size_t query) {
        const std::size_t last_row = scan.num_listed - 1;
        const std::size_t last_query = scan.num_queries - 1;
        for (std::size_t r = 0; r < kRows; ++r) {
            const std::size_t ahead = row + r + kRows;
            rows[r] = static_cast<const T*>(scan.rows[row + r < last_row ? row + r : last_row]);
            next[r] = static_cast<const T*>(scan.rows[ahead < last_row ? ahead : last_row]);
        }
        for (std::size_t q = 0; q < kQueries; ++q) {
            const std::size_t index = query + q < last_query ? query + q : last_query;
            queries[q] = scan.queries + index * scan.width;
        }
    }

    // Adds the terms at k; take(from + k) gives a step of them.
    template <bool kFirst, typename Take>
    [[gnu::always_inline]] void add(std::size_t k, Take take) {
        typename Level::Step values[kRows];
#pragma GCC unroll 4
        for (std::size_t r = 0; r < kRows; ++r) {
            values[r] = take(rows[r] + k);
            if (kFirst) squares[r] = Level::multiply_add(values[r], values[r], squares[r]);
        }
#pragma GCC unroll 4
        for (std::size_t q = 0; q < kQueries; ++q) {
            const auto query = take(queries[q] + k);
#pragma GCC unroll 4
            for (std::size_t r = 0; r < kRows; ++r) {
                dots[r][q] = Level::multiply_add(values[r], query, dots[r][q]);
            }
        }
    }

    // Sums are taken out one by one: an index that the compiler does not know would keep all of
    // them in memory.
    template <bool kFirst>
    [[gnu::always_inline]] void put(const Scan& scan, std::size_t row, std::size_t query) const {
        float totals[kRows][kQueries];
        float own[kRows];
#pragma GCC unroll 4
        for (std::size_t r = 0; r < kRows; ++r) {
            if (kFirst) own[r] = Level::sum(squares[r]);
#pragma GCC unroll 4
            for (std::size_t q = 0; q < kQueries; ++q) totals[r][q] = Level::sum(dots[r][q]);
        }
        for (std::size_t r = 0; r < kRows && row + r < scan.num_rows; ++r) {
            if (kFirst) scan.squares[row + r] = own[r];
            float* const out = scan.dots + (row + r) * scan.num_queries + query;
            for (std::size_t q = 0; q < kQueries && query + q < scan.num_queries; ++q) {
                out[q] = totals[r][q];
            }
        }
    }
};

// kFirst: with the first queries, when rows come from memory, their squares are taken as well and
// the rows after them are asked for.
template <typename T, std::size_t kRows, std::size_t kQueries, bool kFirst>
void scan_tile(const Scan& scan, std::size_t row, std::size_t query) {
    constexpr std::size_t kLine = 64 / sizeof(T);  // values in a line of a cache
    ScanTile<T, kRows, kQueries> tile(scan, row, query);
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kRows; ++r) {
        tile.squares[r] = Level::zero();
#pragma GCC unroll 4
        for (std::size_t q = 0; q < kQueries; ++q) tile.dots[r][q] = Level::zero();
    }
    const auto take = [](const auto* from) { return Level::take(from); };
    std::size_t k = 0;
    while (k + kLine <= scan.width) {
        if (kFirst) {
#pragma GCC unroll 4
            for (std::size_t r = 0; r < kRows; ++r) __builtin_prefetch(tile.next[r] + k, 0, 3);
        }
        for (const std::size_t end = k + kLine; k < end; k += Level::kStep) {
            tile.template add<kFirst>(k, take);
        }
    }
    for (; k + Level::kStep <= scan.width; k += Level::kStep) tile.template add<kFirst>(k, take);
    if (k < scan.width) {
        const std::size_t left = scan.width - k;
        tile.template add<kFirst>(k, [=](const auto* from) { return take_part(from, left); });
    }
    tile.template put<kFirst>(scan, row, query);
}

template <typename T>
void scan_one(const Scan& scan) {
    constexpr std::size_t kRows = 4;
    for (std::size_t r = 0; r < scan.num_rows; r += kRows) scan_tile<T, kRows, 1, true>(scan, r, 0);
}

template <typename T>
void scan_few(const Scan& scan) {
    if (scan.num_queries == 1) return scan_one<T>(scan);
    constexpr std::size_t kRows = Level::kTogether;
    for (std::size_t r = 0; r < scan.num_rows; r += kRows) {
        scan_tile<T, kRows, kQueriesTogether, true>(scan, r, 0);
        for (std::size_t q = kQueriesTogether; q < scan.num_queries; q += kQueriesTogether) {
            scan_tile<T, kRows, kQueriesTogether, false>(scan, r, q);
        }
    }
}

void to_floats(const std::uint16_t* halves, std::size_t count, float* out) {
    std::size_t k = 0;
    for (; k + Level::kStep <= count; k += Level::kStep) {
        Level::store(out + k, Level::take(halves + k));
    }
    if (k == count) return;
    float values[Level::kStep];
    Level::store(values, take_part(halves + k, count - k));
    __builtin_memcpy(out + k, values, (count - k) * sizeof(float));
}

constexpr Kernels with_scan(Kernels kernels) {
    kernels.scan.halves = &scan_few<std::uint16_t>;
    kernels.scan.floats = &scan_few<float>;
    kernels.scan.to_floats = &to_floats;
    kernels.scan.few_queries = static_cast<std::size_t>(-1);
    return kernels;
}

}  // namespace

}  // namespace mgn
