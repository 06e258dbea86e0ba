// SPDX-License-Identifier: Apache-2.0
// Scans with many queries: they are packed once as the columns of a product, rows are widened a
// piece at a time as its rows, and the product's own tiles do the rest. See Note [product blocks]
// in multiply_body.h, which comes before it in each level's unit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "eval/loops.h"

namespace mgn {

namespace {

static_assert(kScanRows % kTileRows == 0 && kScanRows <= kRowBlock, "scanned rows are whole tiles");
static_assert(kQueryPanel % kTileColumns == 0, "packed queries are whole panels");

// One row's terms as floats; returns the sum of their squares. Two sums, so that neither waits for
// the other.
template <typename T>
float widen(const T* row, std::size_t count, float* out) {
    typename Level::Vector squares[2] = {Level::zero(), Level::zero()};
    const auto put = [out](std::size_t at, const Level::Step& values, Level::Vector& sum) {
        sum = Level::multiply_add(values, values, sum);
        Level::store(out + at, values);
    };
    constexpr std::size_t kStep = Level::kStep;
    std::size_t k = 0;
    for (; k + 2 * kStep <= count; k += 2 * kStep) {
        put(k, Level::take(row + k), squares[0]);
        put(k + kStep, Level::take(row + k + kStep), squares[1]);
    }
    for (; k < count; k += kStep) {  // the row's stride leaves room for a whole step
        put(k, take_part(row + k, least(kStep, count - k)), squares[0]);
    }
    return Level::sum(Level::add(squares[0], squares[1]));
}

template <typename T>
void widen_rows(const Scan& scan, std::size_t first_term, std::size_t depth) {
    for (std::size_t r = 0; r < scan.num_rows; ++r) {
        const T* const row = static_cast<const T*>(scan.rows[r]) + first_term;
        const float square = widen(row, depth, scan.scratch + r * kRowStride);
        scan.squares[r] = first_term == 0 ? square : scan.squares[r] + square;
    }
    for (std::size_t r = scan.num_rows; r % kTileRows != 0; ++r) {
        __builtin_memset(scan.scratch + r * kRowStride, 0, depth * sizeof(float));
    }
}

template <typename T>
void scan_packed(const Scan& scan) {
    Rectangle all{};
    all.width = scan.width;
    all.out = scan.dots;
    all.out_stride = scan.num_queries;
    all.row_scratch = scan.scratch;
    for (std::size_t k = 0; k < scan.width; k += kDepth) {
        const std::size_t depth = least(kDepth, scan.width - k);
        widen_rows<T>(scan, k, depth);
        multiply_block(all, scan.packed, {0, scan.num_rows, 0, scan.num_queries, k, depth});
    }
}

constexpr Kernels with_packed_scan(Kernels kernels) {
    kernels.scan.packed_halves = &scan_packed<std::uint16_t>;
    kernels.scan.packed_floats = &scan_packed<float>;
    kernels.scan.pack_queries = &pack_columns;
    // A panel takes the time of about half as many in registers, however many of it are there.
    kernels.scan.few_queries = kTileColumns / 2;
    return kernels;
}

}  // namespace

}  // namespace mgn
