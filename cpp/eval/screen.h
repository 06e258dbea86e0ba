// SPDX-License-Identifier: Apache-2.0
// Distances computed twice: all in float32 by a matrix product, the few that decide an order again
// in float64. The float64 value of a pair is summed in one fixed order, so that no ranking
// depends on the matrix product's kernel, the block, the thread or the CPU. Knows nothing of ranks.
#pragma once

#include <cstddef>

#include "common/span.h"
#include "eval/interruptible.h"
#include "eval/roundings.h"

namespace mgn {

enum class Metric {
    kSquaredDistance,  // |a - b|^2
    kUnitRows,         // 2 - 2 a.b: the same if both rows had length 1, and so taken by the recipe
};

double exact_dot(const float* a, const float* b, std::size_t width);
double exact_distance(const float* a, const float* b, std::size_t width, Metric metric);

// |row|^2 of every row, in float64; not finite exactly where the row holds a NaN or an infinity.
void squared_lengths(Matrix<const float> embeddings, Span<double> out, std::size_t threads);

// Asks the memory for a row that an exact distance is wanted of next. Such rows lie anywhere, and
// waiting for one takes longer than summing it.
inline void fetch_ahead(const float* row, std::size_t width) {
    constexpr std::size_t kLine = 16;  // floats in a cache line
    for (std::size_t k = 0; k < width; k += kLine) __builtin_prefetch(row + k, 0, 2);
}

// By how much the float32 distance of two rows may differ from the exact one, if one row's squared
// length is the first and the other's at most the second.
double screening_margin(Metric metric, std::size_t width, double row_square,
                        double largest_column_square);

// The same where the dot product is known to be off by at most `dot_error`.
double screening_margin(Metric metric, std::size_t width, double row_square,
                        double largest_column_square, double dot_error);

// A block of float32 distances in the units of `metric`. |values(i, j) - exact(i, j)| <= margin(i).
// Borrows everything; `row_squares` and `largest_column_square` are squared lengths. `row_weights`
// is empty where the products are not known to be `multiply`'s, or nobody has weighed the rows.
struct Screened {
    Matrix<const float> values;   // [b, n]
    Matrix<const float> rows;     // [b, D]
    Matrix<const float> columns;  // [n, D]
    Span<const double> row_squares;
    double largest_column_square;
    Metric metric;
    Span<const double> row_weights = {nullptr, 0};  // see Note [rounding weights]
    double largest_column_weight = 0.0;

    double exact(std::size_t row, std::size_t column) const {
        return exact_distance(rows.row(row), columns.row(column), rows.columns, metric);
    }
    double margin(std::size_t row) const {
        const std::size_t width = rows.columns;
        const double square = row_squares[row];
        if (row_weights.size == 0) {
            return screening_margin(metric, width, square, largest_column_square);
        }
        const double error = product_error(width, row_weights[row], largest_column_weight);
        return screening_margin(metric, width, square, largest_column_square, error);
    }
};

// Turns the dot products `block` of rows and columns into distances, in place.
void distances_from_dots(Matrix<float> block, Span<const double> row_squares,
                         Span<const double> column_squares, Metric metric, std::size_t threads);

// out(i, j) = the exact distance of rows(i) and columns(j), rounded once.
void exact_distances(Matrix<const float> rows, Matrix<const float> columns, Matrix<float> out,
                     Metric metric, const Workers& workers);

// The smallest T that is not below `value`, and the largest that is not above it.
float round_up(double value);
float round_down(double value);

}  // namespace mgn
