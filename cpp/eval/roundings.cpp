// SPDX-License-Identifier: Apache-2.0
#include "eval/roundings.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "common/parallel_for.h"
#include "eval/loops.h"

namespace mgn {

namespace {

std::size_t steps(std::size_t terms, std::size_t at_once) {
    return (terms + at_once - 1) / at_once;
}

// c_k of Note [rounding weights]; a first addition, to nothing, is counted too.
std::vector<double> rounding_counts(std::size_t width) {
    std::vector<double> counts(width);
    for (std::size_t k = 0; k < width; ++k) {
        const std::size_t block = std::min(width, k / kSumBlock * kSumBlock + kSumBlock);
        const std::size_t chunk = std::min(block, k / kSumChunk * kSumChunk + kSumChunk);
        const std::size_t later = steps(block - chunk, kSumChunk) + steps(width - block, kSumBlock);
        counts[k] = static_cast<double>((chunk - k) + later + 2);
    }
    return counts;
}

}  // namespace

void rounding_weights(Matrix<const float> rows, Span<double> out, std::size_t threads) {
    constexpr std::size_t kLanes = 4;
    const std::vector<double> counts = rounding_counts(rows.columns);
    parallel_for(rows.rows, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            const float* const row = rows.row(i);
            double sums[kLanes] = {};
            for (std::size_t k = 0; k < rows.columns; ++k) {
                const auto value = static_cast<double>(row[k]);
                sums[k % kLanes] += counts[k] * (value * value);
            }
            out[i] = std::sqrt((sums[0] + sums[1]) + (sums[2] + sums[3]));
        }
    });
}

double product_error(std::size_t width, double weight, double other) {
    const double unit = std::numeric_limits<float>::epsilon() / 2.0;
    // No c_k is more: a chunk, the block's other chunks, the other blocks, and two.
    const std::size_t most = kSumChunk + kSumBlock / kSumChunk + steps(width, kSumBlock) + 2;
    const double share = static_cast<double>(most) * unit;
    if (share >= 0.5) return std::numeric_limits<double>::infinity();
    return unit * weight * other / (1.0 - share);
}

}  // namespace mgn
