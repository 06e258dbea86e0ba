// SPDX-License-Identifier: Apache-2.0
// Embeddings in half the bits, for products that only rule out what is far, and the bound that
// makes this safe: what rounding took from each row is measured.
#pragma once

#include <cstddef>

#include "common/span.h"
#include "eval/screen.h"

namespace mgn {

// Floats that hold a row of `width` bfloat16, two in each; an odd one is paired with 0.
inline std::size_t pairs_for(std::size_t width) { return (width + 1) / 2; }

// Rounds to the nearest bfloat16, ties to even; what would be subnormal becomes 0. residuals[i] is
// the length of what row i lost. No value may be infinite or NaN. Throws InvalidInput where a shape
// does not fit.
void to_bfloat16(Matrix<const float> embeddings, Matrix<float> pairs, Span<double> residuals,
                 std::size_t threads);

// A row's length and residual.
struct RowLoss {
    double length = 0.0;
    double residual = 0.0;
};

// By how much a distance from the bfloat16 product of two rows may differ from the exact one of
// the float32 rows, if one has `row` and the other at most `largest` of both.
double bfloat16_margin(Metric metric, std::size_t width, RowLoss row, RowLoss largest);

}  // namespace mgn
