// SPDX-License-Identifier: Apache-2.0
// Float32 dot products of all pairs of rows, for CPUs on which ours beat numpy's BLAS.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

#include "common/span.h"
#include "eval/interruptible.h"

namespace mgn {

// Whether this CPU, or the level that MGN_FAST_SIMD names, has a product of ours.
bool has_product();

// Whether it also has one of bfloat16, for products that float64 ones are to follow.
bool has_bfloat16_product();

// Elements that each thread packs into, for rows of that width.
std::size_t scratch_elements(std::size_t width);

// Memory that threads pack into, kept from one product to the next: fresh memory costs a page fault
// every 4 KB. Any thread.
class Scratch {
public:
    // A buffer of at least `size` elements, the caller's alone until it is given back.
    std::vector<float> take(std::size_t size);
    void give_back(std::vector<float> buffer);

private:
    std::mutex mutex_;
    std::vector<std::vector<float>> idle_;
};

// out(i, j) = rows(i) . columns(j). A pair's value depends on neither threads nor the block it is
// in. Throws InvalidInput where shapes do not fit or has_product() is
// false; Cancelled.
void multiply(Matrix<const float> rows, Matrix<const float> columns, Matrix<float> out,
              Scratch& scratch, const Workers& workers);

// The same of rows that to_bfloat16 made, where has_bfloat16_product().
void multiply_bfloat16(Matrix<const float> rows, Matrix<const float> columns, Matrix<float> out,
                       Scratch& scratch, const Workers& workers);

}  // namespace mgn
