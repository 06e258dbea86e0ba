// SPDX-License-Identifier: Apache-2.0
// Portable: which CPUs multiply the result is the kernels' business.
#include "eval/bfloat16.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>

#include "common/errors.h"
#include "common/parallel_for.h"

namespace mgn {

namespace {

std::uint32_t bits_of(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    return bits;
}

float float_of(std::uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
}

// The upper half of a float32, rounded. Instructions that multiply take subnormals for 0.
std::uint32_t rounded(float value) {
    const std::uint32_t bits = bits_of(value);
    const std::uint32_t half = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
    return (half & 0x7f80U) == 0 ? 0 : half;
}

double squared_loss(float value, std::uint32_t half) {
    const double lost = static_cast<double>(value) - static_cast<double>(float_of(half << 16));
    return lost * lost;
}

double convert_row(const float* row, std::size_t width, float* pairs) {
    double squares = 0.0;
    for (std::size_t k = 0; k < width; k += 2) {
        const float second = k + 1 < width ? row[k + 1] : 0.0F;
        const std::uint32_t low = rounded(row[k]);
        const std::uint32_t high = rounded(second);
        pairs[k / 2] = float_of(low | (high << 16));
        squares += squared_loss(row[k], low) + squared_loss(second, high);
    }
    return std::sqrt(squares);
}

}  // namespace

void to_bfloat16(Matrix<const float> embeddings, Matrix<float> pairs, Span<double> residuals,
                 std::size_t threads) {
    if (pairs.rows != embeddings.rows || pairs.columns != pairs_for(embeddings.columns) ||
        residuals.size != embeddings.rows) {
        throw InvalidInput(
            "pairs is (" + std::to_string(pairs.rows) + ", " + std::to_string(pairs.columns) +
            "), expected (" + std::to_string(embeddings.rows) + ", " +
            std::to_string(pairs_for(embeddings.columns)) + ") and a residual for each row");
    }
    parallel_for(embeddings.rows, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            residuals[i] = convert_row(embeddings.row(i), embeddings.columns, pairs.row(i));
        }
    });
}

// With a = a' + r and b = b' + s for rounded a', b': a.b - a'.b' = r.b + a'.s, at most
// |r| |b| + |a'| |s| (Cauchy and Schwarz). The product of a' and b' is summed in float32, and so
// bounded as in screen.cpp, for rows that are longer by what rounding may have added. The factor
// covers the roundings of lengths and residuals themselves.
//
// Terms come in pairs. x86 adds them one by one, rounded to the nearest. AArch64's BFDOT adds a
// pair's products, which float32 holds exactly, and that to the total, each time rounded to the odd
// neighbour, which is off by up to 2 u. A product meets its own pair's addition and the additions
// of all later pairs; the first total is 0, which is exact. So with p pairs no product is rounded
// by more than 2 p u, as if 2 p terms had been added one by one. Where it flushes underflows, there
// are four results to a pair, within the two to a term that screen.cpp allows for.
double bfloat16_margin(Metric metric, std::size_t width, RowLoss row, RowLoss largest) {
    const double own = row.length + row.residual;
    const double other = largest.length + largest.residual;
    const double lost = row.residual * largest.length + own * largest.residual;
    return 2.0 * 1.001 * lost +
           screening_margin(metric, 2 * pairs_for(width), own * own, other * other);
}

}  // namespace mgn
