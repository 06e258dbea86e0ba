// SPDX-License-Identifier: Apache-2.0
// Roundings of float32 products, bounded. The sums themselves are the kernels'.
#include "eval/screen.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/parallel_for.h"
#include "eval/loops.h"

namespace mgn {

double exact_dot(const float* a, const float* b, std::size_t width) {
    return kernels().dot(a, b, width);
}

double exact_distance(const float* a, const float* b, std::size_t width, Metric metric) {
    if (metric == Metric::kUnitRows) return 2.0 - 2.0 * exact_dot(a, b, width);
    return kernels().squared_distance(a, b, width);
}

void squared_lengths(Matrix<const float> embeddings, Span<double> out, std::size_t threads) {
    parallel_for(embeddings.rows, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            out[i] = exact_dot(embeddings.row(i), embeddings.row(i), embeddings.columns);
        }
    });
}

// A float32 dot product of n terms, summed in any order, with or without fused multiply-add, is off
// by at most n u / (1 - n u) |a| |b| (Higham, Accuracy and Stability, 3.1), plus what flushed
// underflows lose; |a| |b| <= (|a| + |b|)^2 / 4.
double screening_margin(Metric metric, std::size_t width, double row_square,
                        double largest_column_square) {
    const double unit = std::numeric_limits<float>::epsilon() / 2.0;
    const double terms = static_cast<double>(width);
    if (terms * unit >= 0.5) return std::numeric_limits<double>::infinity();
    const double length = std::sqrt(row_square) + std::sqrt(largest_column_square);
    const double error = terms * unit / (1.0 - terms * unit) * length * length / 4.0;
    return screening_margin(metric, width, row_square, largest_column_square, error);
}

// Rounding |a|^2, |b|^2 and their sum, and then the difference, which is at most twice that sum,
// adds at most 4 u (|a|^2 + |b|^2) to twice the dot product's error; for unit rows 4 u more, as a
// constant 2 stands in for the squared lengths. The thousandth covers what float64 rounds.
double screening_margin(Metric metric, std::size_t width, double row_square,
                        double largest_column_square, double dot_error) {
    const double unit = std::numeric_limits<float>::epsilon() / 2.0;
    const double terms = static_cast<double>(width);
    const double underflow = 4.0 * terms * static_cast<double>(std::numeric_limits<float>::min());
    const double constant = metric == Metric::kUnitRows ? 1.0 : 0.0;
    const double lengths = row_square + largest_column_square + constant;
    return 1.001 * (2.0 * dot_error + 4.0 * unit * lengths + underflow);
}

void distances_from_dots(Matrix<float> block, Span<const double> row_squares,
                         Span<const double> column_squares, Metric metric, std::size_t threads) {
    const bool unit_rows = metric == Metric::kUnitRows;
    parallel_for(block.rows, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            float* const row = block.row(i);
            const float own = unit_rows ? 2.0F : static_cast<float>(row_squares[i]);
            for (std::size_t j = 0; j < block.columns; ++j) {
                const float other = unit_rows ? 0.0F : static_cast<float>(column_squares[j]);
                row[j] = (own + other) - 2.0F * row[j];
            }
        }
    });
}

void exact_distances(Matrix<const float> rows, Matrix<const float> columns, Matrix<float> out,
                     Metric metric, const Workers& workers) {
    constexpr std::size_t kGrain = 256;
    interruptible_for(columns.rows, workers, kGrain, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = 0; i < rows.rows; ++i) {
            for (std::size_t j = begin; j < end; ++j) {
                out.row(i)[j] = static_cast<float>(
                    exact_distance(rows.row(i), columns.row(j), rows.columns, metric));
            }
        }
    });
}

float round_up(double value) {
    const float nearest = static_cast<float>(value);
    if (static_cast<double>(nearest) >= value) return nearest;
    return std::nextafter(nearest, std::numeric_limits<float>::infinity());
}

float round_down(double value) { return -round_up(-value); }

}  // namespace mgn
