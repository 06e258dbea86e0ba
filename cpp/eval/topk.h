// SPDX-License-Identifier: Apache-2.0
// The nearest columns of every row, found block by block without ever holding a whole row set.
// Rows are independent; a call uses its own threads only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/span.h"
#include "eval/interruptible.h"
#include "eval/screen.h"

namespace mgn {

// The K nearest columns met so far, nearest first; equal distances in order of column. Places that
// are not filled yet hold column -1 and an infinite distance, and come last.
struct Nearest {
    Matrix<std::int32_t> columns;  // [b, K]
    Matrix<double> distances;      // [b, K], float64 values in the units of the metric
};

// Merges a block, whose first column is number `first_column`, into the lists of its rows. The
// result is that of sorting all columns merged so far by (float64 distance, column), whatever the
// blocks and their order. Throws Cancelled.
void merge_nearest(const Screened& block, std::size_t first_column, Nearest lists,
                   const Workers& workers);

}  // namespace mgn
