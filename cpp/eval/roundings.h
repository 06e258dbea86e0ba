// SPDX-License-Identifier: Apache-2.0
// How far our float32 product can be off, as tightly as can be proven of the order it sums in. The
// bound for any order is in screen.h.
#pragma once

#include <cstddef>

#include "common/span.h"

namespace mgn {

// Note [rounding weights]: in the order of `multiply` (kSumChunk, kSumBlock) the product of two
// rows' values k is rounded at most c_k times on its way into the sum: with each term after it in
// its chunk, each chunk after it in its block, and each block after its own. So the sum is off by
// at most the sum over k of c_k u |a_k b_k| / (1 - c_k u) (Higham, Accuracy and Stability, 3.1), by
// Cauchy and Schwarz at most u w(a) w(b) / (1 - n u), where w(a) is the root of the sum of
// c_k a_k^2, the weight of a row. At width 2048 a c_k is 38 on average, where the bound for any
// order has 2048.

// out[i] = the weight of row i.
void rounding_weights(Matrix<const float> rows, Span<double> out, std::size_t threads);

// By how much the product of two rows of such weights may be off, underflow aside.
double product_error(std::size_t width, double weight, double other);

}  // namespace mgn
