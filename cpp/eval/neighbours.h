// SPDX-License-Identifier: Apache-2.0
// The nearest pictures of every picture of one set, from blocks of one triangle of the square: each
// block serves its rows and its columns. Pictures are numbered queries first, then gallery.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/span.h"
#include "eval/interruptible.h"
#include "eval/screen.h"
#include "eval/topk.h"

namespace mgn {

// All pictures, borrowed.
struct Pictures {
    Matrix<const float> query;    // [Q, D]
    Matrix<const float> gallery;  // [G, D]
    Span<const double> query_squares;
    Span<const double> gallery_squares;
    Metric metric = Metric::kUnitRows;

    std::size_t count() const { return query.rows + gallery.rows; }
    const float* embedding(std::size_t picture) const {
        return picture < query.rows ? query.row(picture) : gallery.row(picture - query.rows);
    }
    double square(std::size_t picture) const {
        return picture < query.rows ? query_squares[picture]
                                    : gallery_squares[picture - query.rows];
    }
};

// Call order: add() blocks until each pair of pictures was in one, then settle(). One call at a
// time; results depend on neither blocks nor threads. Every call may throw Cancelled.
class Neighbours {
public:
    // `depth` neighbours of each are wanted, at most as many as there are pictures. Borrows the
    // pictures as long as it lives. Throws InvalidInput where a size does not fit.
    Neighbours(const Pictures& pictures, std::size_t depth);

    // block(i, j) is the float32 distance of pictures first_row + i and first_column + j, within
    // the margin of screen.h. Off the diagonal it counts for both; a block on the diagonal
    // (first_row == first_column) must be square. Throws InvalidInput otherwise.
    void add(Matrix<const float> block, std::size_t first_row, std::size_t first_column,
             const Workers& workers);

    // The lists of pictures first, first + 1, ..., in the order of (float64 distance, number), and
    // the largest float32 distance of each. Throws InvalidInput where blocks are missing.
    void settle(std::size_t first, Nearest lists, Span<float> largest, const Workers& workers);

private:
    using Settled = std::pair<double, std::int32_t>;

    struct Corner {
        Matrix<const float> block;
        std::size_t first_row;
        std::size_t first_column;
    };

    void check(std::size_t rows, std::size_t columns, std::size_t first_row,
               std::size_t first_column) const;
    void add_rows(const Corner& corner, std::size_t begin, std::size_t end);
    void add_columns(const Corner& corner, std::size_t begin, std::size_t end);
    void append(std::size_t picture, float value, std::size_t other);
    void prune(std::size_t picture);
    double margin(std::size_t picture) const;
    void settle_listed(std::size_t picture);

    Pictures pictures_;
    std::size_t depth_;
    std::size_t capacity_;
    double largest_square_ = 0.0;
    // By picture: candidates not yet settled, and the float32 value beyond which none can be.
    std::vector<float> values_;          // [N, capacity]
    std::vector<std::int32_t> numbers_;  // [N, capacity]
    std::vector<std::size_t> listed_;
    std::vector<float> bounds_;
    std::vector<float> largest_;
    std::vector<std::vector<Settled>> settled_;  // nearest first; empty unless room ran out
};

}  // namespace mgn
